"""Tokens of OAuth for the requests to an MCP server.

A request has the present token. If the server refuses the token, it is renewed once, and the request is sent again. If
that fails, the connection ends, and its next start reports the reason.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2
    from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
    from mcp.shared.auth import OAuthToken

from actors.log import get_logger
from agents.mcp import tokens as token_file
from agents.mcp.grant import MemoryStorage, NoGrant, granted
from agents.mcp.renewal import renewed
from agents.mcp.spec import ServerSpec
from agents.mcp.tokens import KeptTokens
from agents.settings import Grant
from agents.tools.errors import ServerDown

UNAUTHORIZED: Final = 401

log = get_logger("understudy.mcp")


class TokenSource(ABC):
    """The source of the tokens for one connection. failure: the reason why there was none, at the latest look."""

    def __init__(self, spec: ServerSpec) -> None:
        self._spec, self._lock = spec, asyncio.Lock()
        self.failure: ServerDown | None = None

    async def token(self, refused: str | None = None) -> str:
        """Return the present token, which is renewed if necessary. Raises ServerDown.

        refused: the token that the server has refused.
        """
        async with self._lock:  # all requests get the same renewal
            self.failure = None
            try:
                return await self._token(refused)
            except ServerDown as failed:
                self.failure = failed
                raise

    @abstractmethod
    async def _token(self, refused: str | None) -> str: ...


class LoginTokens(TokenSource):
    """The tokens of a login, in their file."""

    def __init__(self, spec: ServerSpec) -> None:
        super().__init__(spec)
        self._held: KeptTokens | None = None

    async def _token(self, refused: str | None) -> str:
        if self._held is None or not _is_good(self._held.access, self._held.renew_s, refused):
            self._held = await self._found(refused)
        return self._held.access

    async def _found(self, refused: str | None) -> KeptTokens:
        """Return the tokens of the file, or new ones. Another process may have renewed them, or a person logged in."""
        held = token_file.read(self._spec)
        if _is_good(held.access, held.renew_s, refused):
            return held
        async with token_file.only_one(self._spec):
            held = token_file.read(self._spec)
            if _is_good(held.access, held.renew_s, refused):
                return held
            if not held.ended:
                held = await renewed(self._spec, held)
                self._keep(held)
        if held.ended:
            raise token_file.needs_login(self._spec, held.ended)
        return held

    def _keep(self, held: KeptTokens) -> None:
        try:
            token_file.write(self._spec, held)
        except OSError as failed:  # the earlier refresh token may have ended: use the new tokens while they last
            log.warning("mcp_tokens_not_kept", server=self._spec.name, why=failed.strerror)


class ClientCredentials(TokenSource):
    """The tokens that this program gets with its own secret."""

    def __init__(self, spec: ServerSpec) -> None:
        super().__init__(spec)
        self._held = ""
        self._renew_s: float | None = None

    async def _token(self, refused: str | None) -> str:
        if not self._held or not _is_good(self._held, self._renew_s, refused):
            token = await self._asked()
            self._held, self._renew_s = token.access_token, token_file.renew_s(token.expires_in)
        return self._held

    async def _asked(self) -> OAuthToken:
        server, oauth = self._spec.server, self._spec.server.oauth
        assert server.url is not None
        assert oauth is not None
        assert oauth.client_secret is not None
        storage, secret = MemoryStorage(), oauth.client_secret.get_secret_value()
        given: Any = {"client_id": oauth.client_id, "scope": oauth.scope, "issuer": oauth.issuer}
        provider = ClientCredentialsOAuthProvider(server.url, storage, client_secret=secret, **given)
        try:
            return await granted(server, provider, storage)
        except NoGrant as failed:
            raise ServerDown(self._spec.name, f"no token: {failed}") from None


class BearerAuth(httpx2.Auth):
    """Adds the token to each request. Requests wait for a renewal, and not for each other."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        sent = ""
        with suppress(ServerDown):  # the server refuses the request
            sent = await self._source.token()
            request.headers["authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code != UNAUTHORIZED or not sent:
            return
        try:
            request.headers["authorization"] = f"Bearer {await self._source.token(refused=sent)}"
        except ServerDown:
            return
        yield request


def source_of(spec: ServerSpec) -> TokenSource | None:
    """Return the source of the server's tokens; None if it does not use OAuth."""
    if spec.server.oauth is None:
        return None
    return ClientCredentials(spec) if spec.server.oauth.grant is Grant.CLIENT_CREDENTIALS else LoginTokens(spec)


def _is_good(token: str, until_s: float | None, refused: str | None) -> bool:
    return token != refused and (until_s is None or time.time() < until_s)
