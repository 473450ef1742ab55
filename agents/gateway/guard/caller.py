"""Who asks: bound to the token that a request came with, and to nothing else that the request says."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Scope as AsgiScope

from agents.settings import Scope

KEY: Final = "understudy.caller"
"""In the ASGI scope of a request that got in."""


class Caller:
    """name: of the token. user: whose agents are its own; None: of the install's token, which has none.

    revoked: the token is none any more, or no longer what it was.
    """

    def __init__(self, name: str, user: str | None, scopes: Iterable[Scope]) -> None:
        self.name, self.user, self.scopes = name, user, frozenset(scopes)
        self.revoked = False
        self._open: set[Callable[[], None]] = set()

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @contextmanager
    def until_revoked(self, close: Callable[[], None]) -> Iterator[None]:
        """Within the block, close is called when the token is revoked; at once, if it has been."""
        self._open.add(close)
        if self.revoked:
            close()
        try:
            yield
        finally:
            self._open.discard(close)

    def revoke(self) -> None:
        self.revoked = True
        for close in tuple(self._open):
            close()


def caller_in(scope: AsgiScope) -> Caller:
    caller: Caller = scope[KEY]
    return caller
