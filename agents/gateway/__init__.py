"""The gateway: agents over HTTP, as REST, server-sent events and WebSocket. docs/gateway.md is its manual.

app = Gateway(settings, LiveSessions(), token_of(path))      # an ASGI app, to serve or to mount in another app
async with serving(app, settings) as server: ...    # on server.port
yield frames_without_error([event])                 # a route of your own: server-sent events for EventSource
"""

from agents.extras import extra

with extra("daemon", "the gateway"):
    from agents.contract.sessions import SessionInfo
    from agents.gateway.app import Gateway, check_access
    from agents.gateway.errors import GatewayError, InvalidCertificate, InvalidToken, NotSafe
    from agents.gateway.gate import Gate
    from agents.gateway.guard.token import token_of
    from agents.gateway.listen import check_certificate, check_listen, first_certificate
    from agents.gateway.routes.host import Host
    from agents.gateway.serving import Server, serving
    from agents.gateway.sessions import LiveSessions, Sessions
    from agents.gateway.wire import frames_without_error

gateway = Gateway
"""The earlier spelling of Gateway, for apps that use it."""

__all__ = [
    "Gate",
    "Gateway",
    "GatewayError",
    "Host",
    "InvalidCertificate",
    "InvalidToken",
    "LiveSessions",
    "NotSafe",
    "Server",
    "SessionInfo",
    "Sessions",
    "check_access",
    "check_certificate",
    "check_listen",
    "first_certificate",
    "frames_without_error",
    "gateway",
    "serving",
    "token_of",
]
