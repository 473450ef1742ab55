"""The gateway as one ASGI app: to be served (serving.py), or mounted in a host's own app, on the process system's loop.

app = gateway(settings, LiveSessions(), token_of(path))
hosts_own_app.mount("/agents", app)
"""

import time

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from agents.gateway.document.described import Described
from agents.gateway.door import Door
from agents.gateway.errors import EXPECTED, answer, crashed
from agents.gateway.event_stream import Pace
from agents.gateway.guard.middleware import Guard
from agents.gateway.guard.origin import Allowed
from agents.gateway.guard.tokens import Tokens
from agents.gateway.quotas import Quotas
from agents.gateway.reservations import Reservations
from agents.gateway.routes.agents import agents
from agents.gateway.routes.asking import permitted
from agents.gateway.routes.docs import docs
from agents.gateway.routes.host import Host, host_routes
from agents.gateway.routes.message_stream import message_stream
from agents.gateway.routes.sessions import sessions as session_routes
from agents.gateway.routes.streams import streams
from agents.gateway.routes.system import system
from agents.gateway.routing import OneSlashLess, method_not_allowed
from agents.gateway.sessions import Sessions
from agents.gateway.visible import Known
from agents.gateway.websocket import Socket
from agents.settings import GatewaySettings, Settings

GZIP_FROM_BYTES = 1024
DESCRIPTION = "Agents over HTTP. Every request needs the header `Authorization: Bearer TOKEN`."


class Gateway:
    """The ASGI app. app: what answers requests from now on; those that run are answered by the one that began.

    token: the install's. host: the program around it, which tells how it is, and may be told to change.
    """

    def __init__(self, settings: Settings, sessions: Sessions, token: str, host: Host | None) -> None:
        self._sessions, self._tokens, self._host = sessions, Tokens(token), host
        self._reservations = Reservations(time.monotonic)
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Go by these settings from the next request on; what is open with a token that is gone is closed. Raises
        ValueError, and goes by the old ones, for what `check_access` refuses."""
        app = _app(settings, self._sessions, self._tokens, self._host, self._reservations)
        self._tokens.take(settings.gateway.tokens)
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def gateway(settings: Settings, sessions: Sessions, token: str, host: Host | None = None) -> Gateway:
    """token: the install's, which may do everything. Raises ValueError for what `check_access` refuses."""
    return Gateway(settings, sessions, token, host)


def check_access(settings: GatewaySettings, token: str) -> None:
    """Raises ValueError for allowed_hosts, allowed_origins or tokens that are none. token: the install's."""
    Allowed(settings.allowed_hosts, settings.allowed_origins)
    Tokens(token).take(settings.tokens)


def _app(
    settings: Settings, sessions: Sessions, tokens: Tokens, host: Host | None, reservations: Reservations
) -> FastAPI:
    told, compression = settings.gateway, settings.streaming.enable_compression
    pace = Pace(told.heartbeat / 1000, told.write_timeout / 1000, compression)
    app = _bare_app()
    app.add_middleware(OneSlashLess)
    if compression:
        app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES)
    allowed = Allowed(told.allowed_hosts, told.allowed_origins)
    app.add_middleware(Guard, allowed=allowed, tokens=tokens, max_body_bytes=told.max_body_bytes)
    known = Known(sessions, host.door if host is not None else Door(), reservations, Quotas(settings, sessions))
    app.include_router(agents(known, pace))
    app.include_router(streams(known, pace))
    app.include_router(session_routes(known, pace))
    app.include_router(system(settings))
    app.include_router(message_stream(known, pace))
    if host is not None:
        app.include_router(host_routes(host))
    docs(app)

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await Socket(websocket, known, pace, told.max_message_bytes).run()

    return app


def _operation_id(route: APIRoute) -> str:
    """agents_start, streams_cancel: generated clients have functions of these names."""
    return f"{route.tags[0]}_{route.name.rstrip('_')}"


def _bare_app() -> FastAPI:
    """Without FastAPI's own pages, which load scripts from elsewhere, and without its telemetry, which may report
    elsewhere, and copies what clients send into its records."""
    app = Described(
        title="understudy",
        description=DESCRIPTION,
        dependencies=[Depends(permitted)],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    for kind in EXPECTED:
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(405, method_not_allowed)
    app.add_exception_handler(Exception, crashed)
    return app
