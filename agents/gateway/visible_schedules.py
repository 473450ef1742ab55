"""The schedules that a caller can see and change. Another user's schedule is answered like one that does not exist."""

from typing import Final

from agents import schedules
from agents.contract.schedules import RunInfo, ScheduleInfo
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.visible import Everything
from agents.schedules import ScheduleError
from agents.sessions.schedules.records import Source
from agents.settings import Scope
from agents.settings.schedules import RunSession, ScheduleSettings

SHORTEST_S: Final = 60.0
"""The shortest `every` of a client without the scope `admin`: that of a cron expression."""


class VisibleSchedules:
    """The schedules of the caller's user, or all for the scope admin. Raises ScheduleError and Refusal."""

    def __init__(self, everything: Everything, caller: Caller, most: int) -> None:
        self._everything, self._caller, self._most = everything, caller, most
        self._admin = caller.may(Scope.ADMIN)
        self._owner = None if self._admin else caller.user

    async def add(self, keys: ScheduleSettings, owner: str | None) -> ScheduleInfo:
        """Add a schedule for an agent of the caller. A caller with the scope admin can set another owner."""
        if self._admin:
            return await schedules.add_checked(keys, Source.HOST, owner)
        if owner not in (None, self._caller.user):
            raise Refusal(403, "owner: expected your own user, got another: only the scope admin allows that")
        if keys.every is not None and keys.every < SHORTEST_S:
            raise Refusal(422, f"every: expected {SHORTEST_S:g} or more, in s, got {keys.every:g}", param="every")
        await self._check_agent(keys)
        return await schedules.add_checked(keys, Source.CLIENT, self._caller.user, self._most)

    async def page(self, after: str | None, limit: int) -> list[ScheduleInfo]:
        return await schedules.listed(self._owner, after, limit)

    async def find(self, name: str) -> ScheduleInfo:
        return await schedules.find(name, self._owner)

    async def remove(self, name: str) -> None:
        await schedules.remove(name, self._owner)

    async def pause(self, name: str) -> ScheduleInfo:
        return await schedules.pause(name, self._owner)

    async def resume(self, name: str) -> ScheduleInfo:
        return await schedules.resume(name, self._owner)

    async def run_now(self, name: str) -> str:
        self._everything.gate.check()
        return await schedules.run_now(name, self._owner)

    async def history(self, name: str, limit: int) -> list[RunInfo]:
        return await schedules.history(name, self._owner, limit)

    async def _check_agent(self, keys: ScheduleSettings) -> None:
        """Raise Refusal unless the agent is the caller's, or a configured one for sessions of the caller's."""
        if await self._everything.visible_to(self._caller).sessions.has(keys.agent):
            return
        if keys.session is RunSession.LASTING:
            raise Refusal(404, f"expected the id of an agent, got {keys.agent!r}"[:200], "agent_not_found")
        self._everything.models.config(keys.agent, self._caller)


def refusal_of(error: ScheduleError) -> Refusal:
    """Return the refusal for an error of a schedule."""
    match error:
        case schedules.UnknownSchedule():
            return Refusal(404, str(error), "schedule_not_found")
        case schedules.InvalidSchedule(faults=faults):
            return Refusal(422, str(error), faults=tuple(map(str, faults)))
        case schedules.TooManySchedules():
            return Refusal(429, str(error))
    return Refusal(409, str(error), "conflict")
