"""The port to the connection of a request. Only the gateway's own server (server_connections.py) provides it."""

from typing import Final, Protocol

from starlette.types import Scope, Send

TRY_AGAIN_LATER: Final = 1013
"""The close code of a WebSocket that is cut. Source: IANA, "WebSocket Close Code Number Registry"."""


class Connection(Protocol):
    """The connection of a request over HTTP, or of a WebSocket."""

    def cut(self, last: bytes) -> None:
        """Write last after the data that waits to be sent, then close. Unread data is dropped after a while."""

    def abort(self) -> None:
        """Reset the connection, so that the client sees an incomplete answer."""


class Direct(Protocol):
    """The body of an answer whose head has been sent, written past the app's `send` and the server's parser."""

    def writable(self) -> bool:
        """Return whether a piece can be written now: the client is connected, and reads."""

    def write(self, piece: bytes) -> None:
        """Write a piece of the body. Only while it is writable."""


class AnswerConnection(Connection, Direct, Protocol):
    """The connection of a request over HTTP."""

    def sends_by(self, send: Send) -> bool:
        """Return whether send is this server's own, for an answer that has a body."""


DIRECT: Final = "understudy.direct"
"""The key of the answer's Direct in the ASGI scope. It is missing where another app wraps the gateway's send."""


def with_direct(scope: Scope, send: Send) -> Scope:
    """Return the scope with the way to write past send, if no other app has a part in the answer."""
    if scope["type"] != "http":
        return scope
    connection: AnswerConnection | None = scope.get("state", {}).get("connection")
    if connection is None or not connection.sends_by(send):
        return scope
    return {**scope, DIRECT: connection}


def direct_of(scope: Scope) -> Direct | None:
    direct: Direct | None = scope.get(DIRECT)
    return direct


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request; None on another server."""
    connection: Connection | None = scope.get("state", {}).get("connection")
    return connection
