"""The scheduler: the one timer of all schedules, and the beginning of each due run.

    schedule_runs        DynamicSupervisor: a process for each active run (run.py)
    scheduler            looks at the store when something is due, and starts the runs that this program is to carry out

The store has every schedule and run, so a look needs no state. A scheduler that crashed, and another node after this
one's death, find in it what is left to do. The processes of the runs are linked to the scheduler, and end with it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    Caller,
    CallFailed,
    Crash,
    Error,
    Exit,
    GenServer,
    NoReply,
    Pid,
    Ready,
    Reply,
    Request,
    StartFailed,
    call,
    link,
    send,
    send_after,
    whereis,
)
from actors.clock import unix_s
from actors.log import get_logger
from agents.cluster.judge import monitor_nodes
from agents.extras import MissingExtra, extra
from agents.schedules.run import Ended, ScheduledRun, record_end, session_of
from agents.sessions import JOURNAL, SessionError
from agents.sessions.schedules.records import Claim, Claimed, RunOutcome, RunRecord, Source
from agents.settings import Settings
from supervisors import ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

if TYPE_CHECKING:
    from agents.sessions.schedules.book import Book

SCHEDULER: Final = "scheduler"
SCHEDULE_RUNS: Final = "schedule_runs"
RUN: Final = ChildSpec("run", ScheduledRun, restart=RestartType.TEMPORARY)

LOOK_S: Final = 30.0
"""The longest time between two looks: the clock may be set, and another node may have added a schedule."""

SHARES: Final = 4
"""One user without the scope `admin` has at most max_running divided by this: the runs of others need not wait."""

AGAIN_S: Final = 5.0
"""The pause after a failure of the store."""

log = get_logger("understudy.schedules")


class LookAtSchedules(Struct, frozen=True):
    """A reminder to look at the store."""


class OpenBook(Struct, Request["Book"], frozen=True):
    """A request for the Book."""


class TakeSettings(Struct, Request[None], frozen=True):
    """A request to apply new settings: the schedules of the configuration, and the limits of all."""

    settings: Settings


class Hold(Struct, Request[None], frozen=True):
    """A request to begin no more runs, because the program ends."""


class Scheduling(Struct, frozen=True):
    """The state. book: None until it is needed. running: the runs that this program carries out, by process.

    configured: whether the book has the schedules of the settings. held: see Hold. timer: of the next look.
    """

    settings: Settings
    book: "Book | None" = None
    running: Mapping[Pid, RunRecord] = {}
    configured: bool = False
    held: bool = False
    timer: asyncio.TimerHandle | None = None


class AgentScheduler(GenServer[Scheduling]):
    """The scheduler of one program."""

    trap_exit = True

    def init(self, settings: Settings) -> Ready[Scheduling] | Error:
        try:
            if settings.schedules:
                _load()
        except MissingExtra as missing:
            return Error(missing)
        monitor_nodes(self.pid)
        if settings.schedules or whereis(JOURNAL) is not None:
            send(self.pid, LookAtSchedules())
        return Ready(Scheduling(settings))

    async def handle_call(
        self, request: OpenBook | TakeSettings | Hold, caller: Caller, state: Scheduling
    ) -> Reply[Scheduling]:
        match request:
            case OpenBook():
                try:
                    state = await _opened(state)
                except (CallFailed, MissingExtra, SessionError) as failed:
                    return Reply(failed, state)
                return Reply(state.book, state)
            case TakeSettings(settings):
                send(self.pid, LookAtSchedules())
                return Reply(None, replace(state, settings=settings, configured=False))
            case Hold():
                return Reply(None, replace(state, held=True))

    async def handle_info(self, message: Any, state: Scheduling) -> NoReply[Scheduling]:
        if isinstance(message, Exit):
            state = await _without(message, state)
        if state.timer is not None:
            state.timer.cancel()
        try:
            pause_s = None
            if not state.held:
                state = await _configured(await _opened(state))
                state, pause_s = await _looked(state)
        except (CallFailed, SessionError, StartFailed) as failed:
            log.warning("schedules_not_read", reason=str(failed))
            pause_s = AGAIN_S
        timer = None if pause_s is None else send_after(pause_s, self.pid, LookAtSchedules())
        return NoReply(replace(state, timer=timer))

    def terminate(self, reason: Any, state: Scheduling) -> None:
        if state.book is not None:
            state.book.close()


async def hold() -> None:
    """Begin no more runs, because the program ends."""
    with suppress(CallFailed):  # none runs, or it is being restarted
        await call(SCHEDULER, Hold())


async def take_settings(settings: Settings) -> None:
    """Apply new settings to later runs."""
    with suppress(CallFailed):  # one that is being restarted gets them from its supervisor
        await call(SCHEDULER, TakeSettings(settings))


async def _opened(state: Scheduling) -> Scheduling:
    if state.book is not None:
        return state
    return replace(state, book=await _load().open_book())


def _load() -> Any:
    """Return the module of the book, which needs a database library. Raises MissingExtra."""
    with extra("daemon", "a schedule"):
        return import_module("agents.sessions.schedules.book")


async def _configured(state: Scheduling) -> Scheduling:
    """Write the schedules of the configuration to the book, if that is not done."""
    if state.configured:
        return state
    from agents.schedules.due import new_record
    from agents.sessions.schedules import claiming, definitions

    book, now = state.book, _now()
    assert book is not None
    records = [new_record(each, Source.SETTINGS, each.owner, now) for each in state.settings.schedules]
    if records or await book.rows(definitions.configured()):  # else the start of a program writes nothing
        replaced = await book.run(partial(claiming.configure, schedules=records))
        if replaced:
            log.warning("schedules_replaced", names=replaced, reason="the configuration has these names")
    return replace(state, configured=True)


async def _looked(state: Scheduling) -> tuple[Scheduling, float | None]:
    """Begin the runs whose time has come. Return the time until the next look, or None if nothing can be due."""
    from agents.schedules.due import planned
    from agents.sessions.schedules.claiming import claim, is_due
    from agents.sessions.schedules.runs import glance

    book, now = state.book, _now()
    assert book is not None
    if book.draining:
        return state, LOOK_S
    known = frozenset(run.id for run in state.running.values())
    (seen,) = await book.rows(glance(book.epoch, known))
    if not is_due(seen, now):
        return state, _pause_s(state, now, seen.due_at, seen.start_at)
    look = _claim(state.settings, now, book.epoch, known)
    claimed: Claimed = await book.run(partial(claim, look=look, planned=planned, session_of=session_of))
    running = dict(state.running)
    for run, schedule in claimed.runs:
        log.info("schedule_run_begun", schedule=schedule.name, run=run.id, session=run.session_id)
        pid = await start_child(SCHEDULE_RUNS, book, run, schedule, state.settings)
        link(pid)
        running[pid] = run
    state = replace(state, running=running)
    return state, 0.0 if claimed.runs else _pause_s(state, now, claimed.next_at)


def _claim(settings: Settings, now: datetime, epoch: int, known: frozenset[str]) -> Claim:
    limits = settings.scheduling
    room = max(0, limits.max_running - len(known))
    share = max(1, limits.max_running // SHARES)
    return Claim(now, epoch, known, room, share, limits.catch_up_time / 1000, limits.history)


async def _without(ended: Exit, state: Scheduling) -> Scheduling:
    """Forget a run's process. A crash is the outcome of its run, so that no run crashes again and again."""
    run = state.running.get(ended.pid)
    if run is None:
        return state
    if isinstance(ended.reason, Crash) and state.book is not None:
        crashed = Ended(RunOutcome.ERROR, f"the run crashed: {type(ended.reason.exception).__name__}")
        await record_end(state.book, run, crashed, state.settings.scheduling.history)
    return replace(state, running={pid: each for pid, each in state.running.items() if pid != ended.pid})


def _pause_s(state: Scheduling, now: datetime, *times: datetime | None) -> float | None:
    """Return the time until the next look; None if only a change by this program can make a run due."""
    known = [each for each in times if each is not None]
    if not known:
        return LOOK_S if state.settings.cluster.enabled else None
    return min(max(0.0, (min(known) - now).total_seconds()), LOOK_S)


def _now() -> datetime:
    return datetime.fromtimestamp(unix_s(), UTC)
