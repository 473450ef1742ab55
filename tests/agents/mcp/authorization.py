"""MCP servers that need tokens, and their authorization servers, by the official library and by oauthlib."""

import asyncio
import secrets
import socket
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import uvicorn
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    ProviderTokenVerifier,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SCOPES = ["notes"]


class Grants(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """The authorization server's memory. Whoever opens the address of a login is logged in at once.

    life_s: of a new access token. denies: whether a login is refused. asked, renewals: the number of requests for a
    renewal, and of those that were granted. garbage: the answer to a request for a token, in place of a good one.
    """

    def __init__(self) -> None:
        self.life_s, self.denies, self.asked, self.renewals, self.garbage = 3600, False, 0, 0, ""
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, RefreshToken] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        back = str(params.redirect_uri)
        if self.denies:
            return construct_redirect_uri(back, error="access_denied", state=params.state)
        code = AuthorizationCode(
            code=secrets.token_hex(20),
            scopes=params.scopes or SCOPES,
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(back, code=code.code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self.issued(client.client_id, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        self.asked += 1
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        """Rotate: the earlier refresh token ends."""
        self.renewals += 1
        del self.refresh[refresh_token.token]
        return self.issued(client.client_id, scopes, refresh_token.resource)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)

    def issued(self, client_id: str, scopes: list[str], resource: str | None) -> OAuthToken:
        access, refresh = f"access-{secrets.token_hex(16)}", f"refresh-{secrets.token_hex(16)}"
        until = int(time.time()) + max(self.life_s, 60)  # a token that ends at once must still finish its login
        self.access[access] = AccessToken(
            token=access, client_id=client_id, scopes=scopes, expires_at=until, resource=resource
        )
        self.refresh[refresh] = RefreshToken(token=refresh, client_id=client_id, scopes=scopes, resource=resource)
        return OAuthToken(access_token=access, refresh_token=refresh, expires_in=self.life_s, scope=" ".join(scopes))


@asynccontextmanager
async def guarded() -> AsyncIterator[tuple[str, Grants]]:
    """Run both servers at one port of loopback, and return the address of the MCP server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        grants = Grants()
        registration = ClientRegistrationOptions(enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES)
        auth = _auth(base, base, bound=True).model_copy(update={"client_registration_options": registration})
        server = MCPServer("guarded", log_level="ERROR", auth_server_provider=grants, auth=auth)

        @server.tool()
        async def echo(text: str) -> str:
            """Say the text again."""
            return text

        async with run(server.streamable_http_app(), listening):
            yield f"{base}/mcp", grants


def _auth(issuer: str, base: str, *, bound: bool) -> AuthSettings:
    """Return the settings of an MCP server. bound: whether a token is valid only for this server."""
    given = {"issuer_url": issuer, "resource_server_url": f"{base}/mcp"}
    return AuthSettings.model_validate({**given, "required_scopes": SCOPES, "validate_token_resource": bound})


@asynccontextmanager
async def run(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    served = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    served.capture_signals = nullcontext  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(served.serve([listening]))
    try:
        yield
    finally:
        served.should_exit = True
        await task


class OneClient(RequestValidator):  # type: ignore[misc]
    """The memory of an authorization server of oauthlib, which gives tokens to one program with a secret."""

    def __init__(self, client_id: str, secret: str, grants: Grants) -> None:
        self._basic = f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"
        self._client_id, self._grants = client_id, grants

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        request.client = SimpleNamespace(client_id=self._client_id)
        return bool(request.headers.get("authorization") == self._basic)

    def validate_grant_type(
        self, client_id: Any, grant_type: str, client: Any, request: Any, *_: Any, **__: Any
    ) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(self, client_id: Any, scopes: list[str], client: Any, request: Any, *_: Any, **__: Any) -> bool:
        return set(scopes) <= set(SCOPES)

    def get_default_scopes(self, client_id: Any, request: Any, *_: Any, **__: Any) -> list[str]:
        return SCOPES

    def save_bearer_token(self, token: dict[str, Any], request: Any, *_: Any, **__: Any) -> str:
        self._grants.renewals += 1
        access = token["access_token"]
        self._grants.access[access] = AccessToken(token=access, client_id=self._client_id, scopes=SCOPES)
        return ""


@asynccontextmanager
async def guarded_by_oauthlib(client_id: str, secret: str) -> AsyncIterator[tuple[str, str, Grants]]:
    """Run an MCP server and an authorization server of oauthlib, and return both addresses."""
    grants = Grants()
    endpoint = BackendApplicationServer(OneClient(client_id, secret, grants))
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        issuer, base = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (one, other))

        async def metadata(request: Request) -> Response:
            return JSONResponse(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "response_types_supported": ["code"],
                    "grant_types_supported": ["client_credentials"],
                }
            )

        async def token(request: Request) -> Response:
            given = (str(request.url), "POST", (await request.body()).decode(), dict(request.headers))
            headers, body, status = endpoint.create_token_response(*given)
            return Response(grants.garbage or body, status, headers)

        auth = _auth(issuer, base, bound=False)
        server = MCPServer("guarded", log_level="ERROR", token_verifier=ProviderTokenVerifier(grants), auth=auth)

        @server.tool()
        async def echo(text: str) -> str:
            """Say the text again."""
            return text

        routes = [
            Route("/.well-known/oauth-authorization-server", metadata),
            Route("/token", token, methods=["POST"]),
        ]
        async with run(Starlette(routes=routes), one), run(server.streamable_http_app(), other):
            yield f"{base}/mcp", issuer, grants
