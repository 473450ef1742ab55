"""The port to the connection of a request. Only the gateway's own server (server_connections.py) provides it."""

from typing import Final, Protocol

from starlette.types import Scope

TRY_AGAIN_LATER: Final = 1013
"""The close code of a WebSocket that is cut. Source: IANA, "WebSocket Close Code Number Registry"."""


class Connection(Protocol):
    """The connection of a request over HTTP, or of a WebSocket."""

    def cut(self, last: bytes) -> None:
        """Write last after the data that waits to be sent, then close. Unread data is dropped after a while."""

    def abort(self) -> None:
        """Reset the connection, so that the client sees an incomplete answer."""


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request; None on another server."""
    connection: Connection | None = scope.get("state", {}).get("connection")
    return connection
