"""Routes of schedules: list, add, show and remove them, pause and resume them, run them now, and show their runs."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from agents.contract.schedules import RunAdded, RunList, ScheduleInfo, SchedulePage, ScheduleRemoved
from agents.gateway.actions import Id
from agents.gateway.document.responses import answers, json
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.visible import Everything
from agents.gateway.visible_schedules import VisibleSchedules, refusal_of
from agents.schedules import ScheduleError
from agents.settings import Scope
from agents.settings.schedules import ScheduleKeys, ScheduleSettings
from agents.settings.values import UserName

T = TypeVar("T")

Name = Annotated[Id, Path()]
Limit = Annotated[int, Query(ge=1, le=1000)]


class AddSchedule(ScheduleKeys):
    """A schedule: a message to an agent at due times, by `cron` or after each interval of `every` seconds.

    owner: only the scope admin can set another one than the caller's user.
    """

    owner: UserName | None = None


def schedule_routes(everything: Everything, most: int) -> APIRouter:
    """Return the routes. most: the number of schedules that a user may have."""
    routes = APIRouter(tags=["schedules"])

    def visible(caller: Caller) -> VisibleSchedules:
        return VisibleSchedules(everything, caller, most)

    @routes.get("/schedules")
    @needs(Scope.READ)
    @answers(json(SchedulePage), refuses=(422,))
    async def list_(caller: CurrentCaller, after: Id | None = None, limit: Limit = 100) -> Response:
        """List the schedules after `after`, in the order of their names."""
        return Json(SchedulePage(await _done(visible(caller).page(after, limit))))

    @routes.post("/schedules")
    @needs(Scope.CHAT)
    @answers(json(ScheduleInfo, 201), refuses=(404, 409, 422, 429))
    async def add(body: AddSchedule, caller: CurrentCaller) -> Response:
        """Add a schedule. Its owner is the caller's user; the scope admin can set another `owner`."""
        keys = ScheduleSettings.model_validate(body.model_dump())
        return Json(await _done(visible(caller).add(keys, body.owner)), 201)

    @routes.get("/schedules/{name}")
    @needs(Scope.READ)
    @answers(json(ScheduleInfo), refuses=(404, 422))
    async def show(name: Name, caller: CurrentCaller) -> Response:
        """Show a schedule."""
        return Json(await _done(visible(caller).find(name)))

    @routes.delete("/schedules/{name}")
    @needs(Scope.CHAT)
    @answers(json(ScheduleRemoved), refuses=(404, 409, 422))
    async def remove(name: Name, caller: CurrentCaller) -> Response:
        """Remove a schedule with the history of its runs. A turn that runs goes on. 409: the configuration has it."""
        await _done(visible(caller).remove(name))
        return Json(ScheduleRemoved(True))

    @routes.post("/schedules/{name}/pause")
    @needs(Scope.CHAT)
    @answers(json(ScheduleInfo), refuses=(404, 422))
    async def pause(name: Name, caller: CurrentCaller) -> Response:
        """Let no run become due until the schedule is resumed. It stays paused after a restart."""
        return Json(await _done(visible(caller).pause(name)))

    @routes.post("/schedules/{name}/resume")
    @needs(Scope.CHAT)
    @answers(json(ScheduleInfo), refuses=(404, 422))
    async def resume(name: Name, caller: CurrentCaller) -> Response:
        """Let a schedule go on with its next due time."""
        return Json(await _done(visible(caller).resume(name)))

    @routes.post("/schedules/{name}/run")
    @needs(Scope.CHAT)
    @answers(json(RunAdded, 202), refuses=(404, 409, 422))
    async def run(name: Name, caller: CurrentCaller) -> Response:
        """Begin a run now. 409: an earlier run is not over."""
        return Json(RunAdded(await _done(visible(caller).run_now(name))), 202)

    @routes.get("/schedules/{name}/runs")
    @needs(Scope.READ)
    @answers(json(RunList), refuses=(404, 422))
    async def runs(name: Name, caller: CurrentCaller, limit: Limit = 100) -> Response:
        """List the runs of a schedule, the newest first."""
        return Json(RunList(await _done(visible(caller).history(name, limit))))

    return routes


async def _done(asked: Awaitable[T]) -> T:
    """Return what was asked. Raises Refusal."""
    try:
        return await asked
    except ScheduleError as error:
        raise refusal_of(error) from None
