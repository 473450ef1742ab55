"""The official client's way to a token: it finds the authorization server, and asks it."""

import logging
import re
from contextvars import ContextVar
from typing import Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2
    from mcp.client.auth import OAuthClientProvider, OAuthFlowError
    from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
    from pydantic import ValidationError

from agents.mcp.bounded_answer import bound
from agents.settings import McpServer

TIMEOUT_S: Final = 20.0
PING: Final = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
HEADERS: Final = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
REFUSED: Final = (401, 403)
CODE: Final = re.compile(r'"error"\s*:\s*"([a-z_]{1,40})"')
WITH_ANSWER: Final = re.compile(
    r"Token exchange failed \(\d+\)|Registration failed: \d+|Invalid (token|registration) response"
)
"""The begins of the official client's errors that have an answer of the authorization server after them."""
MAX_WORDS: Final = 200

_ours: Final = ContextVar("_ours", default=False)
logging.getLogger("mcp.client.auth.oauth2").addFilter(lambda _: not _ours.get())
"""The client logs with a traceback what it raises. Other users of the client in this program keep its log."""


class NoGrant(Exception):
    """No token was granted. The text is one line without secrets."""


class MemoryStorage:
    """The official client's storage, in memory. client: known to the authorization server, or None."""

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self.client = client
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def http_client(auth: httpx2.Auth | None = None) -> httpx2.AsyncClient:
    """Return a client with bounded answers, for a server and its authorization server. It follows no redirect."""
    return httpx2.AsyncClient(auth=auth, timeout=TIMEOUT_S, event_hooks={"response": [bound]})


async def granted(server: McpServer, provider: OAuthClientProvider, storage: MemoryStorage) -> OAuthToken:
    """Send the server a request that it refuses, so that the provider gets a token. Raises NoGrant.

    storage: the provider's.
    """
    assert server.url is not None
    headers = {name: value.get_secret_value() for name, value in server.headers.items()} | HEADERS
    ours = _ours.set(True)
    try:
        async with http_client(provider) as http, http.stream("POST", server.url, json=PING, headers=headers) as answer:
            status = answer.status_code
    except OAuthFlowError as failed:
        raise NoGrant(_words(failed)) from None
    except ValidationError:  # its text has the input, which may be a token
        raise NoGrant("an answer of the authorization server is invalid") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
        raise NoGrant(f"no answer: {type(failed).__name__}") from None
    finally:
        _ours.reset(ours)
    if storage.tokens is None:
        raise NoGrant(f"the server asks for no token (status {status})")
    if status in REFUSED:
        raise NoGrant(f"the server refuses the new token (status {status})")
    return storage.tokens


def error_code(body: str) -> str:
    """Return the word for an error in an authorization server's answer, or "". Source: RFC 6749, section 5.2."""
    found = CODE.search(body)
    return found[1] if found else ""


def _words(failed: Exception) -> str:
    """Return the error in one line. An answer in its text may have secrets: only the error code of one is shown."""
    text = " ".join(str(failed).split())
    before = WITH_ANSWER.match(text)
    if before is None:
        return text[:MAX_WORDS]
    return f"{before[0]} ({code})" if (code := error_code(text)) else before[0]
