"""The statements about the runs of schedules. Each runs in a transaction of the journal.

A due time has one run in a cluster: the node that locks the row of the schedule moves its next_at, and adds the run, in
one transaction. A run has one node: that which locks the row of the schedule first. If the node dies, another one gets
the run, and asks with the same id.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from agents.sessions.errors import StoreDamaged
from agents.sessions.ledger_tables import RUNS, SCHEDULES
from agents.sessions.schedules.definitions import find, record
from agents.sessions.schedules.records import Claim, RunOutcome, RunRecord, RunState, ScheduleRecord, Source
from agents.sessions.tables import FENCES, WRITER

ACTIVE, WAITING, ENDED = RunState.ACTIVE.value, RunState.WAITING.value, RunState.ENDED.value
ALLOW, SKIP = "allow", "skip"

_LIVES = RUNS.c.node.in_(select(FENCES.c.epoch))
_UNKNOWN = RUNS.c.node > select(WRITER.c.epoch).scalar_subquery()  # it joined after this statement began, so it lives
_ACTIVE = RUNS.alias()
_EARLIER = RUNS.alias()


def run_of(row: Row[Any]) -> RunRecord:
    """Return the run of a row of RUNS, possibly among other columns."""
    found = row._mapping  # noqa: SLF001 (the public name of a row's mapping)
    values = {name: found[RUNS.c[name]] for name in RunRecord.__struct_fields__}
    outcome = values["outcome"]
    try:
        values |= {"state": RunState(values["state"]), "outcome": None if outcome is None else RunOutcome(outcome)}
    except ValueError:
        raise StoreDamaged("the store is damaged: expected the state of a run, got another word") from None
    return RunRecord(**values)


def due(connection: Connection, now: datetime, limit: int) -> list[ScheduleRecord]:
    """Return up to limit schedules that are due, and lock them. Two nodes get different ones."""
    wanted = select(SCHEDULES).where(SCHEDULES.c.paused == 0, SCHEDULES.c.next_at <= now)
    found = connection.execute(wanted.order_by(SCHEDULES.c.next_at).limit(limit).with_for_update(skip_locked=True))
    return [record(row) for row in found]


def move(connection: Connection, schedule: ScheduleRecord, next_at: datetime | None) -> bool:
    """Set the next due time. Return False if another node has done so meanwhile."""
    same = SCHEDULES.c.name == schedule.name, SCHEDULES.c.next_at == schedule.next_at
    return bool(connection.execute(update(SCHEDULES).where(*same).values(next_at=next_at)).rowcount)


def add(
    connection: Connection,
    schedule: str,
    due_at: datetime,
    start_at: datetime,
    *,
    count: int = 1,
    ended: tuple[RunOutcome, str, datetime] | None = None,
) -> str:
    """Add a run that waits, or one that has ended with this outcome, reason and time. Return its id."""
    id_ = uuid4().hex
    values: dict[str, Any] = {"state": WAITING}
    if ended is not None:
        outcome, reason, at = ended
        values = {"state": ENDED, "outcome": outcome.value, "reason": reason, "ended_at": at}
    common = {"id": id_, "schedule": schedule, "due_at": due_at, "start_at": start_at, "count": count}
    connection.execute(insert(RUNS).values(**common, **values))
    return id_


def unfinished(connection: Connection, schedule: str) -> tuple[int, int]:
    """Return the numbers of the schedule's waiting and active runs."""
    counted = select(RUNS.c.state, func.count().label("n")).where(
        RUNS.c.schedule == schedule, RUNS.c.state.in_((WAITING, ACTIVE))
    )
    found = {row.state: row.n for row in connection.execute(counted.group_by(RUNS.c.state))}
    return found.get(WAITING, 0), found.get(ACTIVE, 0)


def begin(
    connection: Connection, look: Claim, room: int, session_of: Callable[[RunRecord, ScheduleRecord], str]
) -> list[tuple[RunRecord, ScheduleRecord]]:
    """Let this journal carry out up to room runs whose time has come. session_of: the id of a run's session.

    A schedule begins its earliest run, and no second one while a run is active, unless it allows that. No user of a
    client has more than look.share active runs.
    """
    counts = _active_of_clients(connection)
    full = [owner for owner, count in counts.items() if count >= look.share]
    begun = []
    for row in connection.execute(_startable(look.now, room, full)).all():
        run, schedule = run_of(row), record(row)
        if schedule.source is Source.CLIENT and counts.setdefault(schedule.owner, 0) >= look.share:
            continue
        session_id = session_of(run, schedule)
        values = {"state": ACTIVE, "node": look.epoch, "begun_at": look.now, "session_id": session_id}
        waits = RUNS.c.id == run.id, RUNS.c.state == WAITING
        if connection.execute(update(RUNS).where(*waits).values(values)).rowcount:
            counts[schedule.owner] = counts.get(schedule.owner, 0) + 1
            begun.append((_again(connection, run.id), schedule))
    return begun


def _startable(now: datetime, room: int, full: Collection[str | None]) -> Select[Any]:
    """Return the query for runs that may begin, with their schedules, which it locks. full: users who have enough."""
    mine, others = ((each.c.start_at, each.c.due_at, each.c.id) for each in (RUNS, _EARLIER))
    same = _EARLIER.c.schedule == RUNS.c.schedule, _EARLIER.c.state == WAITING
    active = exists().where(_ACTIVE.c.schedule == RUNS.c.schedule, _ACTIVE.c.state == ACTIVE)
    return (
        select(RUNS, SCHEDULES)
        .join(SCHEDULES, SCHEDULES.c.name == RUNS.c.schedule)
        .where(RUNS.c.state == WAITING, RUNS.c.start_at <= now)
        .where(~exists().where(*same, tuple_(*others) < tuple_(*mine)), or_(SCHEDULES.c.overlap == ALLOW, ~active))
        .where(or_(SCHEDULES.c.source != Source.CLIENT.value, SCHEDULES.c.owner.not_in(full)))
        .order_by(*mine)
        .limit(room)
        .with_for_update(of=SCHEDULES, skip_locked=True)
    )


def _active_of_clients(connection: Connection) -> dict[str | None, int]:
    """Return the number of active runs of clients' schedules, by owner."""
    joined = select(SCHEDULES.c.owner, func.count().label("n")).join(RUNS, RUNS.c.schedule == SCHEDULES.c.name)
    counted = joined.where(RUNS.c.state == ACTIVE, SCHEDULES.c.source == Source.CLIENT.value)
    return {row.owner: row.n for row in connection.execute(counted.group_by(SCHEDULES.c.owner))}


def adopt(
    connection: Connection, epoch: int, known: Collection[str], room: int
) -> list[tuple[RunRecord, ScheduleRecord]]:
    """Let this journal carry out up to room active runs that no program carries out.

    These are runs of journals that have ended, and those of its own that are not among `known`.
    """
    wanted = (
        select(RUNS, SCHEDULES)
        .join(SCHEDULES, SCHEDULES.c.name == RUNS.c.schedule)
        .where(RUNS.c.state == ACTIVE, _lost(epoch, known))
        .order_by(RUNS.c.begun_at, RUNS.c.id)
        .limit(room)
        .with_for_update(of=RUNS, skip_locked=True)
    )
    found = [(run_of(row), record(row)) for row in connection.execute(wanted)]
    if found:
        connection.execute(update(RUNS).where(RUNS.c.id.in_([run.id for run, _ in found])).values(node=epoch))
    return found


def end(connection: Connection, run: RunRecord, outcome: RunOutcome, reason: str, now: datetime, history: int) -> None:
    """Record the end of an active run, and forget the oldest ended runs of its schedule. history: those to keep."""
    ended = {"state": ENDED, "outcome": outcome.value, "reason": reason, "ended_at": now}
    connection.execute(update(RUNS).where(RUNS.c.id == run.id, RUNS.c.state == ACTIVE).values(ended))
    prune(connection, run.schedule, history)


def prune(connection: Connection, schedule: str, history: int) -> None:
    """Forget the oldest ended runs of the schedule. history: the number of those to keep."""
    mine = RUNS.c.schedule == schedule, RUNS.c.state == ENDED
    kept = select(RUNS.c.id).where(*mine).order_by(RUNS.c.due_at.desc(), RUNS.c.id.desc()).limit(history)
    connection.execute(delete(RUNS).where(*mine, RUNS.c.id.not_in(kept.scalar_subquery())))


def glance(epoch: int, known: Collection[str]) -> Select[Any]:
    """Return the query for one row. The arguments are those of `adopt`.

    due_at: the earliest due time. start_at: the earliest begin of a waiting run. lost: whether `adopt` finds a run.
    """
    due_at = select(func.min(SCHEDULES.c.next_at)).where(SCHEDULES.c.paused == 0)
    start_at = select(func.min(RUNS.c.start_at)).where(RUNS.c.state == WAITING)
    lost = exists().where(RUNS.c.state == ACTIVE, _lost(epoch, known))
    times = due_at.scalar_subquery().label("due_at"), start_at.scalar_subquery().label("start_at")
    return select(*times, lost.label("lost"))


def next_look(connection: Connection, now: datetime) -> datetime | None:
    """Return the earliest later time at which a schedule is due, or a run may begin."""
    due_at = select(func.min(SCHEDULES.c.next_at)).where(SCHEDULES.c.paused == 0)
    start_at = select(func.min(RUNS.c.start_at)).where(RUNS.c.state == WAITING, RUNS.c.start_at > now)
    times = [connection.execute(wanted).scalar_one() for wanted in (due_at, start_at)]
    return min((each for each in times if each is not None), default=None)


def history(schedule: str, limit: int) -> Select[Any]:
    """Return the query for the newest runs of a schedule, the newest first."""
    return select(RUNS).where(RUNS.c.schedule == schedule).order_by(RUNS.c.due_at.desc(), RUNS.c.id.desc()).limit(limit)


def run_now(connection: Connection, schedule: str, now: datetime) -> str | None:
    """Add a run that may begin now, and return its id. Return None if one waits or is active, and none may wait."""
    found = find(connection, schedule, lock=True)
    assert found is not None, "expected a schedule that exists"
    if found.overlap != ALLOW and any(unfinished(connection, schedule)):
        return None
    return add(connection, schedule, now, now)


def _lost(epoch: int, known: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that no program carries out an active run. known: as in adopt."""
    return or_(and_(~_LIVES, ~_UNKNOWN), and_(RUNS.c.node == epoch, RUNS.c.id.not_in(known)))


def _again(connection: Connection, id_: str) -> RunRecord:
    return run_of(connection.execute(select(RUNS).where(RUNS.c.id == id_)).one())
