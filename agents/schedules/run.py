"""The process of one run: it sends the message, follows the stream to its end, and records the outcome.

The stream has the id of the run, so the message of a run is answered once, whatever process sends it again.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from pydantic import ValidationError

from actors import CallFailed, Down, Mailbox, Pid, StartFailed, Task
from actors.clock import unix_s
from actors.log import get_logger
from agents import agent
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.kept import restored
from agents.agent_config.request import TurnRequest
from agents.core.errors import Cancelled
from agents.core.events import StreamComplete, StreamError
from agents.instance.by_id import present
from agents.instance.elsewhere import running_agent
from agents.instance.waking import Origin
from agents.sessions import SessionError, SessionExists
from agents.sessions.schedules.records import RunOutcome, RunRecord, ScheduleRecord, Source
from agents.settings import ScheduleSettings, Settings
from agents.settings.faults import of_pydantic
from agents.settings.schedules import RunSession
from supervisors import AlreadyStarted, MaxChildren, NotFound
from supervisors.agent_supervisor import NO_AGENT, NotRestarted, start_agent

if TYPE_CHECKING:
    from agents.sessions.schedules.book import Book

SESSION: Final = "schedule."
"""The begin of the ids of sessions that a run has for itself."""

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 15.0

log = get_logger("understudy.schedules")


def session_of(run: RunRecord, schedule: ScheduleRecord) -> str:
    """Return the id of the session of a run that begins."""
    lasting = schedule.definition.get("session") == RunSession.LASTING.value
    return str(schedule.definition["agent"]) if lasting else f"{SESSION}{run.id}"


class Ended(Struct, frozen=True):
    """The end of a run."""

    outcome: RunOutcome
    reason: str = ""


class RunRefused(Exception):
    """The run can't begin. The text is the reason."""


REFUSALS: Final = (InvalidAgentConfig, SessionExists, StartFailed, MaxChildren, NotFound)
"""The errors of an agent's start that another attempt would have again."""


class ScheduledRun(Task):
    """A run from its beginning, or from its adoption after the end of another program."""

    def __init__(self, book: "Book", run: RunRecord, schedule: ScheduleRecord, settings: Settings) -> None:
        self._book, self._run, self._schedule, self._settings = book, run, schedule, settings
        self._session_id = run.session_id or session_of(run, schedule)
        self._asked = self._seen = False

    async def run(self) -> None:
        try:
            self._keys = ScheduleSettings.model_validate(self._schedule.definition)
        except ValidationError as invalid:  # of another version, or of a machine with other time zones
            fault = of_pydantic(invalid.errors(include_url=False, include_input=False)[0])
            await self._record(Ended(RunOutcome.ERROR, f"the schedule can't be read here: {fault}"))
            return
        await self._record(await self._ended())
        if self._keys.session is RunSession.OWN:
            await _retire(self._session_id)

    async def _record(self, ended: Ended) -> None:
        log.info("schedule_run_ended", **self._names, outcome=ended.outcome.value, reason=ended.reason)
        await record_end(self._book, self._run, ended, self._settings.scheduling.history)

    @property
    def _names(self) -> dict[str, str]:
        return {"schedule": self._run.schedule, "run": self._run.id, "session": self._session_id}

    async def _ended(self) -> Ended:
        """Return the end of the run's stream, or why it did not begin."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                if (ended := await self._attempt()) is not None:
                    return ended
            except RunRefused as refused:
                return Ended(RunOutcome.ERROR, str(refused))
            except (SessionError, CallFailed) as failed:  # the store, or a process that is being restarted
                log.warning("schedule_run_waits", **self._names, reason=str(failed))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _attempt(self) -> Ended | None:
        """Send the message, or follow the stream that exists. Return None if its agent ended meanwhile."""
        exists, outcome, reason = await self._book.outcome(self._run.id, self._session_id)
        if outcome is not None:
            return Ended(outcome, reason)
        if not exists and (self._seen or (self._asked and not self._book.keeps)):
            return Ended(RunOutcome.ERROR, "its session was deleted" if self._seen else "its agent ended")
        self._seen = exists
        pid = await running_agent(self._session_id) if exists else await self._started()
        if pid is None:  # its agent is restarted, or another node continues the turn
            return None
        box = Mailbox()
        try:
            box.monitor(pid)
            if not exists:
                self._asked = True
                agent.stream_chat(pid, self._keys.message, box.pid, stream_id=self._run.id, request=TurnRequest())
            elif not await agent.follow(pid, self._run.id, box.pid):
                return None
            return await _last_words(box)
        finally:
            box.close()

    async def _started(self) -> Pid:
        """Return the agent that gets the message. Raises RunRefused if there will be none."""
        try:
            return await self._agent()
        except REFUSALS as why:
            raise RunRefused(str(why)) from None
        except NotRestarted as crashed:
            if crashed.retry_after_s is not None:
                raise
            raise RunRefused(str(crashed)) from None
        except CallFailed as failed:
            if failed.reason != NO_AGENT:
                raise
            raise RunRefused(_unknown(self._keys.agent)) from None

    async def _agent(self) -> Pid:
        agent_id, owner = self._keys.agent, self._schedule.owner
        kept = await self._book.session(agent_id)
        visible = kept is not None and owner in (None, kept.owner)
        if self._keys.session is RunSession.LASTING:
            if kept is not None and not visible:
                raise RunRefused(_unknown(agent_id))
            pid = await present(agent_id, wakes=True)
            if owner not in (None, (await agent.info(pid)).owner):  # also of an agent whose session is not kept
                raise RunRefused(_unknown(agent_id))
            return pid
        config, of_host = self._configured(agent_id), True
        if config is None and kept is not None and kept.config is not None and visible:
            config, of_host = restored(kept.config), False
        if config is None:
            raise RunRefused(_unknown(agent_id))
        await self._check_quota()
        account = config.get("account", config.get("name"))
        own = {"id": self._session_id, "name": self._schedule.name, "owner": owner or config.get("owner")}
        return await _begun({**config, **own, "account": account}, Origin.BEGUN if of_host else Origin.USER)

    def _configured(self, agent_id: str) -> Mapping[str, Any] | None:
        """Return the configured agent with this id, if the schedule's owner may use it; else None."""
        owner, default = self._schedule.owner, self._settings.gateway.default_agent
        for each in self._settings.agents:
            if each.id == agent_id and (owner in (None, each.owner) or each.id == default):
                return each.given()
        return None

    async def _check_quota(self) -> None:
        owner, most = self._schedule.owner, self._settings.gateway.clients.max_sessions
        limited = owner is not None and self._schedule.source is Source.CLIENT
        if limited and await self._book.count_sessions(owner or "") >= most:
            raise RunRefused(f"expected at most {most} sessions of one user: delete one first")


async def record_end(book: "Book", run: RunRecord, ended: Ended, history: int) -> None:
    """Record the end of the run, as soon as the store can be written."""
    from agents.sessions.schedules import runs

    pause_s = FIRST_PAUSE_S
    while True:
        now = datetime.fromtimestamp(unix_s(), UTC)
        try:
            return await book.run(
                partial(runs.end, run=run, outcome=ended.outcome, reason=ended.reason, now=now, history=history)
            )
        except SessionError as failed:
            log.warning("schedule_run_not_recorded", schedule=run.schedule, run=run.id, reason=str(failed))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _last_words(box: Mailbox) -> Ended | None:
    """Return the end of the stream whose events go to the box. Return None if its agent ends first."""
    async for received in box:
        match received:
            case StreamComplete():
                return Ended(RunOutcome.COMPLETE)
            case StreamError(fault):
                return Ended(RunOutcome.CANCELLED if isinstance(fault, Cancelled) else RunOutcome.ERROR, str(fault))
            case Down():
                return None
    return None


async def _begun(config: Mapping[str, Any], origin: Origin) -> Pid:
    try:
        return await start_agent(config, origin)
    except AlreadyStarted as other:
        return other.pid


async def _retire(session_id: str) -> None:
    """End the agent of a session that gets no further message. A person who has begun a turn in it keeps it."""
    with suppress(CallFailed, SessionError):
        if (pid := await running_agent(session_id)) is not None:
            await agent.retire(pid)


def _unknown(agent_id: str) -> str:
    return f"no agent has the id {agent_id!r}, or it is another user's"
