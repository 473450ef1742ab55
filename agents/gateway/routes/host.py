"""The program around the gateway: whether it is ready, its figures, and its configuration read again."""

from typing import Final, Protocol

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from actors.log import get_logger
from agents.contract.answers import DaemonStopping, Health
from agents.gateway.document.responses import answers, json, text
from agents.gateway.door import Door
from agents.gateway.routes.asking import Asking
from agents.gateway.routes.reply import Json

METRICS: Final = "Prometheus's text format; the media type's parameter `version` says which."

log = get_logger("understudy.gateway")


class Reloaded(Struct, frozen=True):
    """What a configuration that was read again has changed, a line each. rejected: what is wrong with it."""

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


class Figures(Struct, frozen=True):
    """In a format of Prometheus's."""

    body: bytes
    media_type: str


class Host(Protocol):
    """What the gateway asks of the program that serves it."""

    @property
    def door(self) -> Door: ...

    async def check_ready(self) -> None:
        """Raises Refusal."""

    async def figures(self) -> Figures: ...

    async def reload(self) -> Reloaded: ...

    def stop(self) -> None:
        """Begin to end, as by a signal."""


def host_routes(host: Host) -> APIRouter:
    routes = APIRouter(tags=["host"])

    @routes.get("/readyz")
    @answers(json(Health))
    async def ready() -> Response:
        """Whether new turns are taken, and can be kept."""
        await host.check_ready()
        return Json(Health("ready"))

    @routes.get("/metrics")
    @answers(text("text/plain", METRICS))
    async def metrics() -> Response:
        """For Prometheus."""
        figures = await host.figures()
        return Response(figures.body, headers={"content-type": figures.media_type})

    @routes.post("/reload")
    @answers(json(Reloaded))
    async def reload(caller: Asking) -> Response:
        """Read the configuration again: what holds from now on, what needs a restart, what was rejected and why."""
        log.info("reload_requested", caller=caller.name, user=caller.user)
        return Json(await host.reload())

    @routes.post("/stop")
    @answers(json(DaemonStopping, 202))
    async def stop(caller: Asking) -> Response:
        """End the daemon, as SIGTERM does."""
        log.info("stop_requested", caller=caller.name, user=caller.user)
        host.stop()
        return Json(DaemonStopping(True), 202)

    return routes
