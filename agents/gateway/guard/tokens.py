"""The accepted tokens, and the caller that each stands for."""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from agents.core.faults import Fault, InvalidValue
from agents.gateway.guard.caller import Caller
from agents.settings import Scope, TokenSettings
from agents.settings.tokens import token_faults

INSTALL: Final = "install"
"""The name of the install's token. A user's token may have the same name, because only people read names."""


class Tokens:
    """The install's token and the users' tokens.

    own: the install's token. install: its caller, which has every scope and no user. A reload keeps both.
    """

    def __init__(self, own: str) -> None:
        self._own = own.encode()
        self.install = Caller(INSTALL, None, Scope)
        self._users: dict[TokenSettings, Caller] = {}

    def take(self, tokens: Sequence[TokenSettings]) -> None:
        """Replace the users' tokens. A token that was removed or changed is revoked.

        Raises InvalidValue for an invalid token; the old tokens then stay.
        """
        self._check(tokens)
        before, self._users = self._users, {each: self._users.get(each) or _caller(each) for each in tokens}
        for each, caller in before.items():
            if each not in self._users:
                caller.revoke()

    def caller(self, given: str) -> Caller | None:
        """Return the caller of a token. Every token is compared in constant time, so the duration reveals nothing."""
        found, token = None, given.encode(errors="surrogatepass")
        for secret, caller in self._secrets():
            if hmac.compare_digest(token, secret):
                found = caller
        return found

    def _check(self, tokens: Sequence[TokenSettings]) -> None:
        for fault in token_faults(tokens):
            raise InvalidValue(fault.below("tokens"))
        for number, each in enumerate(tokens):
            if hmac.compare_digest(_secret(each), self._own):
                raise InvalidValue(Fault(("tokens", number, "token"), "a token of its own", "that of the token file"))

    def _secrets(self) -> Iterable[tuple[bytes, Caller]]:
        yield self._own, self.install
        for each, caller in self._users.items():
            yield _secret(each), caller


def _secret(token: TokenSettings) -> bytes:
    return token.token.get_secret_value().encode()


def _caller(token: TokenSettings) -> Caller:
    return Caller(token.name, token.user, token.scopes)
