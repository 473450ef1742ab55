"""All tokens that are taken, and whom each stands for."""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from agents.gateway.guard.caller import Caller
from agents.settings import Scope, TokenSettings
from agents.settings.tokens import token_faults

INSTALL: Final = "install"
"""What the install's token is called. A user's may be called so, too: only people read it."""


class Tokens:
    """own: the install's, which may do everything. It is nobody's, and it stays."""

    def __init__(self, own: str) -> None:
        self._own = own.encode()
        self._install = Caller(INSTALL, None, Scope)
        self._users: dict[TokenSettings, Caller] = {}

    def take(self, tokens: Sequence[TokenSettings]) -> None:
        """These, from now on: one that is gone, or says otherwise than before, is revoked. Raises ValueError, and
        takes none of them."""
        self._check(tokens)
        before, self._users = self._users, {each: self._users.get(each) or _caller(each) for each in tokens}
        for each, caller in before.items():
            if each not in self._users:
                caller.revoke()

    def caller(self, given: str) -> Caller | None:
        """Each token is compared, whichever it is, and each from end to end: how long it takes tells nothing."""
        found = None
        for secret, caller in self._known():
            if hmac.compare_digest(given.encode(), secret):
                found = caller
        return found

    def _check(self, tokens: Sequence[TokenSettings]) -> None:
        for (number, key), expected, got in token_faults(tokens):
            raise ValueError(f"tokens[{number}].{key}: expected {expected}, got {got}")
        for number, each in enumerate(tokens):
            if hmac.compare_digest(_secret(each), self._own):
                raise ValueError(f"tokens[{number}].token: expected a token of its own, got that of the token file")

    def _known(self) -> Iterable[tuple[bytes, Caller]]:
        yield self._own, self._install
        for each, caller in self._users.items():
            yield _secret(each), caller


def _secret(token: TokenSettings) -> bytes:
    return token.token.get_secret_value().encode()


def _caller(token: TokenSettings) -> Caller:
    return Caller(token.name, token.user, token.scopes)
