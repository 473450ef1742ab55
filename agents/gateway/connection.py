"""The port to the connection of a request. Only the gateway's own server (server_connections.py) provides it."""

from collections.abc import Iterable
from typing import Final, Protocol

from starlette.types import Scope, Send

TRY_AGAIN_LATER: Final = 1013
"""The close code of a WebSocket that is cut. Source: IANA, "WebSocket Close Code Number Registry"."""

CONNECTION: Final = "understudy.connection"
"""The key of the request's connection in the ASGI scope's state. A host may have other keys there."""

DIRECT: Final = "understudy.direct"
"""The key of the request's Direct in the ASGI scope."""


class Direct(Protocol):
    """A way to write past ASGI's `send` and the server's protocol code. See ADR 13.

    It writes the body of one answer over HTTP, or the messages of one WebSocket. Its writes and those of `send` may
    alternate.
    """

    def writable(self) -> bool:
        """Return whether the connection accepts data now: the head has been sent, and the client is there and reads."""

    def write(self, pieces: Iterable[bytes]) -> None:
        """Write pieces of the body, or one text message for each piece. Only while it is writable."""


class Connection(Protocol):
    """The connection of a request over HTTP, or of a WebSocket."""

    def cut(self, last: bytes) -> None:
        """Write last after the data that waits to be sent, then close. Unread data is dropped after a while."""

    def abort(self) -> None:
        """Reset the connection, so that the client sees an incomplete answer."""

    def direct(self, send: Send) -> Direct | None:
        """Return the way to write past send; None if send is another app's, or changes the pieces."""


def note_direct(scope: Scope, send: Send) -> None:
    """Put the request's Direct into the scope. It has none on another server, and if another app wraps `send`."""
    connection = connection_of(scope)
    if connection is not None and (direct := connection.direct(send)) is not None:
        scope[DIRECT] = direct  # not in a copy: the guard removes a ticket from the scope that the server logs


def direct_of(scope: Scope) -> Direct | None:
    direct: Direct | None = scope.get(DIRECT)
    return direct


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request; None on another server."""
    connection: Connection | None = scope.get("state", {}).get(CONNECTION)
    return connection
