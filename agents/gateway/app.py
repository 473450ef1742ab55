"""The gateway as one ASGI app on the event loop of the process system.

serving.py serves the app. A host can also mount the app in its own app:

app = Gateway(settings, LiveSessions(), token_of(path))
hosts_own_app.mount("/agents", app)
"""

import time

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from agents.gateway.connection import note_direct
from agents.gateway.document.described import Described
from agents.gateway.error_answers import answer, crashed
from agents.gateway.errors import EXPECTED
from agents.gateway.event_stream import Delivery
from agents.gateway.gate import Gate
from agents.gateway.guard.body_limits import BodyLimits
from agents.gateway.guard.credentials import PRINTED_CODE_S, Credentials
from agents.gateway.guard.issued_here import IssuedHere
from agents.gateway.guard.middleware import Guard
from agents.gateway.guard.origin import Allowed
from agents.gateway.guard.tokens import Tokens
from agents.gateway.mcp import Mcp
from agents.gateway.openai_api.models import Models
from agents.gateway.quotas import Locks, Quotas
from agents.gateway.reports import NodeReports
from agents.gateway.reservations import Reservations
from agents.gateway.routes.agents import agents
from agents.gateway.routes.chat_completions import chat_completions
from agents.gateway.routes.chat_frames import chat_frames
from agents.gateway.routes.cluster import cluster
from agents.gateway.routes.docs import docs
from agents.gateway.routes.effects import effects
from agents.gateway.routes.front_ends import front_ends
from agents.gateway.routes.host import Host, host_routes
from agents.gateway.routes.login import login
from agents.gateway.routes.message_stream import message_stream
from agents.gateway.routes.openai_models import openai_models
from agents.gateway.routes.openai_responses import openai_responses
from agents.gateway.routes.permission import permitted
from agents.gateway.routes.schedules import schedule_routes
from agents.gateway.routes.sessions import sessions as session_routes
from agents.gateway.routes.spend import spend
from agents.gateway.routes.standing import standing
from agents.gateway.routes.streams import streams
from agents.gateway.routes.system import system
from agents.gateway.routes.watch import watch
from agents.gateway.routing import TrailingSlash, method_not_allowed
from agents.gateway.sessions import Sessions
from agents.gateway.trace import InTrace
from agents.gateway.visible import DefaultAgent, Everything
from agents.gateway.websocket import Sockets
from agents.settings import GatewaySettings, Settings

GZIP_FROM_BYTES = 1024
DESCRIPTION = "Agents over HTTP. Every request needs the header `Authorization: Bearer TOKEN`."


class Gateway:
    """The ASGI app, whose settings can change while it runs.

    app: the inner app that answers new requests. A request that runs keeps the inner app that it began with. The guard
    is around the whole inner app, so that also the answer to a bug has its headers. reports: for other nodes.
    token: the install's token, which has every scope. host: the program that serves the gateway, for its state, reload
    and stop. Raises ValueError for settings that `check_access` refuses.
    """

    def __init__(self, settings: Settings, sessions: Sessions, token: str, host: Host | None = None) -> None:
        self._reservations, self._locks, self._continued = Reservations(time.monotonic), Locks(), Locks()
        self._sessions, self._credentials, self._host = sessions, Credentials(token, self._reservations), host
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Apply settings to later requests, and close the connections of revoked tokens.

        Raises InvalidValue for settings that `check_access` refuses; the old settings then stay.
        """
        gate = Gate() if self._host is None else self._host.gate
        quotas = Quotas(settings, self._sessions, self._locks)
        default, models = DefaultAgent.by(settings), Models.by(settings, int(time.time()))
        everything = Everything(self._sessions, gate, self._reservations, quotas, default, models, self._continued)
        own = settings.gateway
        allowed = Allowed(own.allowed_hosts, own.allowed_origins)
        delivery = Delivery(own.heartbeat / 1000, own.write_timeout / 1000, settings.streaming.enable_compression)
        app = _app(settings, everything, delivery, self._credentials, self._host)
        self._credentials.tokens.take(own.tokens)
        self.app, self.reports = app, NodeReports(settings, self._host)
        mcp = Mcp(app, everything, delivery, alone=not settings.cluster.enabled)
        sockets = Sockets(mcp, everything, delivery, own.max_message_bytes)
        inner = InTrace(sockets) if settings.telemetry.enabled else sockets
        self._guard = Guard(inner, allowed, self._credentials, BodyLimits.by(settings))

    @property
    def issued(self) -> IssuedHere:
        """The credentials that this gateway issued, for the other nodes of a cluster."""
        return self._credentials.here

    async def login_code(self) -> str:
        """Return a new one-time code, with which a person logs in on the gateway's page with the install's token."""
        return await self._credentials.code(self._credentials.tokens.install, PRINTED_CODE_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        note_direct(scope, send)
        await self._guard(scope, receive, send)


def check_access(settings: GatewaySettings, token: str) -> None:
    """Raise InvalidValue if allowed_hosts, allowed_origins or tokens has an invalid value.

    token: the install's token, which no user may have.
    """
    Allowed(settings.allowed_hosts, settings.allowed_origins)
    Tokens(token).take(settings.tokens)


def _app(
    settings: Settings, everything: Everything, delivery: Delivery, credentials: Credentials, host: Host | None
) -> FastAPI:
    app = _bare_app()
    app.add_middleware(TrailingSlash)
    if delivery.compression:
        app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES)
    app.include_router(login(credentials, settings.parts))
    app.include_router(agents(everything, delivery))
    app.include_router(streams(everything, delivery))
    app.include_router(session_routes(everything, delivery))
    app.include_router(schedule_routes(everything, settings.gateway.clients.max_schedules))
    app.include_router(spend(everything))
    app.include_router(system(settings))
    app.include_router(watch(everything))
    app.include_router(standing())
    app.include_router(effects(everything))
    app.include_router(message_stream(everything, delivery))
    app.include_router(chat_frames(everything, delivery))
    app.include_router(front_ends(everything, delivery))
    app.include_router(openai_models(everything))
    app.include_router(chat_completions(everything, delivery))
    app.include_router(openai_responses(everything, delivery))
    if host is not None:
        app.include_router(host_routes(host))
        app.include_router(cluster(host))
    docs(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """Return a name such as agents_start or streams_cancel. Generated clients have functions of these names."""
    return f"{route.tags[0]}_{route.name.rstrip('_')}"


def _bare_app() -> FastAPI:
    """Return an app without FastAPI's own pages and telemetry.

    The pages load scripts from other sites. The telemetry may send data to other hosts, and records clients' input.
    """
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
