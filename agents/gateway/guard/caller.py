"""The caller of a request. Only the request's token determines the caller, or what a token was exchanged for."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final, Protocol

from msgspec import Struct
from starlette.types import Scope as AsgiScope

from agents.settings import Scope

KEY: Final = "understudy.caller"
"""The key of the caller in the ASGI scope of an admitted request."""


_IDS: Final = count(1)


class Issuers(Protocol):
    """The other nodes of the cluster, which issued credentials."""

    def watch(self, caller: "Caller") -> None:
        """Revoke the caller soon after its issuer has, as long as it is in use."""

    async def confirm(self, caller: "Caller") -> None:
        """Revoke the caller if its issuer has. Raises Refusal if the issuer does not answer."""


class Home(Struct, eq=False):
    """The place of a caller whose credential another node issued.

    node: the epoch of that node. id: of the caller there. confirmed_s: when that node confirmed the caller last.
    """

    node: int
    id: int
    confirmed_s: float
    issuers: Issuers


class Caller:
    """The caller that a token stands for.

    name: of the token. user: the owner of the caller's agents; None for the install's token. revoked: whether the token
    was removed from the settings, or changed. home: the node that decides about the caller; None: this one. id: of the
    caller in this OS process.
    """

    def __init__(self, name: str, user: str | None, scopes: Iterable[Scope], home: Home | None = None) -> None:
        self.name, self.user, self.scopes, self.home = name, user, frozenset(scopes), home
        self.id, self.revoked = next(_IDS), False
        self._open: set[Callable[[], None]] = set()

    def may(self, scope: Scope) -> bool:
        """Return whether the token has this scope, or one that implies it."""
        decides = scope is Scope.APPROVE and Scope.APPROVE_ALL in self.scopes
        return scope in self.scopes or Scope.ADMIN in self.scopes or decides

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
        elif self.home is not None:
            self.home.issuers.watch(self)

    @property
    def in_use(self) -> bool:
        """Whether something closes when the caller is revoked."""
        return bool(self._open)

    async def confirm(self) -> None:
        """Let a caller of another node be revoked if it is there. Raises Refusal if that node does not answer."""
        if self.home is not None:
            await self.home.issuers.confirm(self)

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
