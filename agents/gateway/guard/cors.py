"""Cross-origin reads by the pages of allowed_origins. Source: Fetch, section 3.3.

An answer names the one origin that asked, never `*`, and never allows credentials: a page of another origin sends a
token or a ticket, and its browser keeps every cookie and password to itself.
"""

from typing import Final, TypeAlias

from starlette.types import Scope, Send

from agents.gateway.guard.body import header_values
from agents.gateway.guard.place import Place

Headers: TypeAlias = list[tuple[bytes, bytes]]

VARY: Final = (b"vary", b"Origin")
MCP: Final = b"Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name"
"""The headers of MCP's clients. Source: MCP specification, "Streamable HTTP"."""
PREFLIGHT: Final[Headers] = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Last-Event-ID, " + MCP),
    (b"access-control-max-age", b"600"),
]
PRIVATE_NETWORK: Final = b"access-control-request-private-network"
"""A browser asks with this header before a public page calls a private address. Source: Private Network Access."""


def cors_headers(place: Place) -> Headers:
    """Return the headers with which the page of a request may read the answer."""
    if not place.listed:
        return []
    return [
        (b"access-control-allow-origin", str(place.origin).encode()),
        (b"access-control-expose-headers", b"X-Stream-Id, X-Request-Id, Mcp-Session-Id"),
    ]


def is_preflight(scope: Scope, place: Place) -> bool:
    """Return whether a browser asks for the page of a listed origin. A preflight never has a token."""
    asks = scope["type"] == "http" and scope["method"] == "OPTIONS"
    return asks and place.listed and bool(header_values(scope, b"access-control-request-method"))


async def send_preflight(scope: Scope, send: Send) -> None:
    """Answer a preflight. The answer is the same for every path, so it reveals none."""
    private = [(b"access-control-allow-private-network", b"true")] if header_values(scope, PRIVATE_NETWORK) else []
    await send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT, *private]})
    await send({"type": "http.response.body", "body": b""})
