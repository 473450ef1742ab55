"""The login of a person at the authorization server of an MCP server, through a browser.

The browser comes back to a port of loopback. Source: RFC 8252, section 7.3.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from agents.extras import extra

with extra("mcp", "the login at an MCP server"):
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from agents.mcp import tokens as token_file
from agents.mcp.grant import MemoryStorage, NoGrant, granted
from agents.mcp.ourselves import US
from agents.mcp.spec import ServerSpec
from agents.mcp.tokens import KeptTokens, renew_s
from agents.settings import McpOAuth

LOGIN_S: Final = 600.0
REQUEST_S: Final = 10.0
CALLBACK: Final = "/callback"
PAGE: Final = "The login has arrived. This page can be closed: the command reports whether it was successful."
OTHER: Final = "This address waits for a login, and got something else."


async def login(spec: ServerSpec, show: Callable[[str], None], port: int = 0) -> None:
    """Log in at the server, and keep its tokens.

    Raises NoGrant, ServerDown if the folder of the file can't be used, and OSError for the file or the port.

    show: gets the address for the person's browser. port: of loopback, to which the browser comes back; 0: a free one.
    """
    url, oauth = spec.server.url, spec.server.oauth
    assert url is not None
    assert oauth is not None
    async with _returning(port) as back:
        storage = MemoryStorage(_client(oauth, back.address))
        metadata = _metadata(oauth, back.address)

        async def redirect(address: str) -> None:
            back.state = parse_qs(urlsplit(address).query).get("state", [""])[0]
            show(address)

        provider = OAuthClientProvider(url, metadata, storage, redirect, back.result)
        token = await granted(spec.server, provider, storage)
    async with token_file.only_one(spec):
        token_file.write(spec, _tokens(url, token, storage, provider))


class _Return:
    """The end of a login, as the browser brings it. state: of the login that has begun; "" before."""

    def __init__(self) -> None:
        self.address, self.state = "", ""
        self._query: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def result(self) -> AuthorizationCodeResult:
        """Wait for the person. Raises NoGrant."""
        try:
            async with asyncio.timeout(LOGIN_S):
                query = await self._query
        except TimeoutError:
            raise NoGrant(f"nobody has logged in within {LOGIN_S:g} s") from None
        if "code" not in query:
            raise NoGrant(f"the login was refused: {query.get('error', 'no code')[:40]!r}")
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request. Only one with the login's state counts."""
        try:
            async with asyncio.timeout(REQUEST_S):
                target = urlsplit((await reader.readline()).decode("latin-1").split(" ")[1])
        except (TimeoutError, IndexError, ValueError, OSError):
            writer.close()
            return
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        counts = target.path == CALLBACK and self.state != "" and query.get("state") == self.state
        if counts and not self._query.done():
            self._query.set_result(query)
        writer.write(_page(PAGE if counts and "code" in query else OTHER))
        writer.close()


@asynccontextmanager
async def _returning(port: int) -> AsyncIterator[_Return]:
    """Listen on loopback for the browser."""
    back = _Return()
    server = await asyncio.start_server(back.answer, "127.0.0.1", port)
    async with server:
        back.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{CALLBACK}"
        yield back


def _metadata(oauth: McpOAuth, address: str) -> OAuthClientMetadata:
    given: Any = {"redirect_uris": [address], "client_name": US.name, "scope": oauth.scope}
    if oauth.client_id is None:
        given["token_endpoint_auth_method"] = "none"  # noqa: S105 (a public client: a program on a person's machine)
    return OAuthClientMetadata(**given)


def _client(oauth: McpOAuth, address: str) -> OAuthClientInformationFull | None:
    """Return the client that the authorization server knows; None: the login registers one."""
    if oauth.client_id is None:
        return None
    secret = None if oauth.client_secret is None else oauth.client_secret.get_secret_value()
    method = "none" if secret is None else "client_secret_post"
    given: Any = {"redirect_uris": [address], "token_endpoint_auth_method": method, "issuer": oauth.issuer}
    return OAuthClientInformationFull(client_id=oauth.client_id, client_secret=secret, **given)


def _tokens(url: str, token: OAuthToken, storage: MemoryStorage, provider: OAuthClientProvider) -> KeptTokens:
    assert storage.client is not None
    context = provider.context
    issuer, resource = context.oauth_metadata, context.protected_resource_metadata
    return KeptTokens(
        url,
        renew_s(token.expires_in),
        token.model_dump(mode="json"),
        storage.client.model_dump(mode="json"),
        None if issuer is None else issuer.model_dump(mode="json"),
        None if resource is None else resource.model_dump(mode="json"),
    )


def _page(text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
