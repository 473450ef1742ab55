"""The caller of a request. Only the request's token determines the caller, or what a token was exchanged for."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Scope as AsgiScope

from agents.settings import Scope

KEY: Final = "understudy.caller"
"""The key of the caller in the ASGI scope of an admitted request."""


class Caller:
    """The caller that a token stands for.

    name: of the token. user: the owner of the caller's agents; None for the install's token. revoked: whether the token
    was removed from the settings, or changed.
    """

    def __init__(self, name: str, user: str | None, scopes: Iterable[Scope]) -> None:
        self.name, self.user, self.scopes = name, user, frozenset(scopes)
        self.revoked = False
        self._open: set[Callable[[], None]] = set()

    def may(self, scope: Scope) -> bool:
        """Return whether the token has this scope, or admin."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @contextmanager
    def until_revoked(self, close: Callable[[], None]) -> Iterator[None]:
        """Call close when the token is revoked within the block, or at once if it already is."""
        self.when_revoked(close)
        try:
            yield
        finally:
            self.forget(close)

    def when_revoked(self, close: Callable[[], None]) -> None:
        """Call close when the token is revoked, or at once if it already is."""
        self._open.add(close)
        if self.revoked:
            close()

    def forget(self, close: Callable[[], None]) -> None:
        self._open.discard(close)

    def revoke(self) -> None:
        self.revoked = True
        for close in tuple(self._open):
            close()


NOBODY: Final = Caller("nobody", None, ())
"""The caller of a login, which has no rights. No other request has this caller."""


def caller_in(scope: AsgiScope) -> Caller:
    """Return the caller of an admitted request. Raises KeyError for any other request."""
    caller: Caller = scope[KEY]
    return caller
