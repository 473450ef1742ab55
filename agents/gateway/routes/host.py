"""Routes of the program that serves the gateway: readiness, metrics, reload and stop."""

from typing import Final, Protocol

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from actors.log import get_logger
from agents.contract.answers import DaemonStopping, Health
from agents.gateway.document.responses import answers, json, text
from agents.gateway.errors import Refusal
from agents.gateway.gate import Gate
from agents.gateway.guard.caller import NOBODY
from agents.gateway.guard.scopes import needs
from agents.gateway.reports import NodeName, of_node
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.settings import Scope

NOT_READY: Final = "not ready: a request with a token gets the reason"
METRICS: Final = "Prometheus's text format; the media type's parameter `version` says which."

log = get_logger("understudy.gateway")


class Reloaded(Struct, frozen=True):
    """The result of a reload, one line per change. rejected: the faults of the new configuration."""

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


class Figures(Struct, frozen=True):
    """Metrics in a format of Prometheus."""

    body: bytes
    media_type: str


class Host(Protocol):
    """The gateway's port to the program that serves it."""

    @property
    def gate(self) -> Gate: ...

    async def check_ready(self) -> None:
        """Raise Refusal if the program accepts no new turns, or can't keep them."""

    async def figures(self) -> Figures: ...

    async def reload(self) -> Reloaded: ...

    def stop(self) -> None:
        """Begin to stop, as after SIGTERM."""

    async def drain(self, time_ms: int | None) -> None:
        """Accept no new turns, and hand over those that still run after the time. Raises Refusal."""

    async def undrain(self) -> None:
        """Accept new turns again after a drain. Raises Refusal."""

    async def release(self, count: int) -> int:
        """End up to count agents without a turn, and free their sessions. Return their number."""


def host_routes(host: Host) -> APIRouter:
    routes = APIRouter(tags=["host"])

    @routes.get("/readyz")
    @needs(None)
    @answers(json(Health))
    async def ready(caller: CurrentCaller) -> Response:
        """Check that new turns are accepted and can be kept. Without a token, a 503 has no reason."""
        try:
            await host.check_ready()
        except Refusal as refusal:
            if caller is NOBODY:
                raise Refusal(refusal.status, NOT_READY, retry_after_s=refusal.retry_after_s) from None
            raise
        return Json(Health("ready"))

    @routes.get("/metrics")
    @needs(Scope.METRICS)
    @answers(text("text/plain", METRICS))
    async def metrics(node: NodeName = None) -> Response:
        """Return the metrics for Prometheus."""
        if node is not None:
            return await of_node(node, "metrics")
        figures = await host.figures()
        return Response(figures.body, headers={"content-type": figures.media_type})

    @routes.post("/reload")
    @needs(Scope.ADMIN)
    @answers(json(Reloaded))
    async def reload(caller: CurrentCaller) -> Response:
        """Read the configuration again. The answer lists applied changes, changes that need a restart, and faults."""
        log.info("reload_requested", caller=caller.name, user=caller.user)
        return Json(await host.reload())

    @routes.post("/stop")
    @needs(Scope.ADMIN)
    @answers(json(DaemonStopping, 202))
    async def stop(caller: CurrentCaller) -> Response:
        """Stop the daemon, as SIGTERM does."""
        log.info("stop_requested", caller=caller.name, user=caller.user)
        host.stop()
        return Json(DaemonStopping(True), 202)

    return routes
