"""The writes of a batch: a thousand streams need no more statements than one."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import Boolean, Connection, Insert, Text, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agents.sessions import compactions, deliveries, effect_rows, waits
from agents.sessions.errors import Lost, RecordsRefused
from agents.sessions.ledger_tables import ALLOWANCES, CHARGES
from agents.sessions.ownership import check_owned, claim, count_takeovers
from agents.sessions.records import StreamStatus
from agents.sessions.rows import End, Rows, message_rows
from agents.sessions.tables import CHECKPOINT_PARTS, MESSAGES, SESSIONS, STREAMS
from agents.sessions.tail import TailWriter

_KEY: Final = bindparam("key", type_=Text())
_TOUCH = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(updated_at=bindparam("at"))
_TOUCH_OWN = _TOUCH.where(SESSIONS.c.node == bindparam("its_node"))
_RENEW = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(name=bindparam("its_name"), owner=bindparam("its_owner"))
_CONFIGURE = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(config=bindparam("its_config"))
_GROW = (
    update(SESSIONS).where(SESSIONS.c.id == _KEY).values(message_count=bindparam("count"), updated_at=bindparam("at"))
)
_CHECKPOINT = (
    update(STREAMS)
    .where(STREAMS.c.id == _KEY)
    .values(
        checkpoint=bindparam("payload"),
        checkpoint_seq=bindparam("seq"),
        recoveries=case((bindparam("its_again", type_=Boolean), STREAMS.c.recoveries), else_=0),
    )
)
_END = (
    update(STREAMS)
    .where(STREAMS.c.id == _KEY)
    .values(
        status=bindparam("its_status"),
        ended_at=bindparam("at"),
        messages_from=bindparam("its_first"),
        messages_until=bindparam("its_end"),
        usage=bindparam("its_usage"),
        cost=bindparam("its_cost"),
        checkpoint=None,
        checkpoint_seq=None,
        parked_at=None,
    )
)
_FORGET = delete(CHECKPOINT_PARTS).where(CHECKPOINT_PARTS.c.stream_id == _KEY)


def write(connection: Connection, rows: Rows, tail: TailWriter, epoch: int, node_name: str | None = None) -> None:
    """Write the rows in the connection's transaction. If that fails, the caller must let the tail forget.

    epoch: of the journal that writes. node_name: the name of the node, in a cluster. Raises RecordsRefused for rows
    that contradict the store: Elsewhere for a session that another node owns, Lost for records of a session that this
    node does not own.
    """
    node = None if node_name is None else epoch
    if rows.sessions:
        _begin_sessions(connection, rows, node)
    if node is not None and (others := rows.session_ids - rows.sessions.keys() - _checked_later(rows)):
        check_owned(connection, node, others)
    if rows.streams:
        numbers = tail.begin([row["id"] for row in rows.streams])
        begun = [{**row, "number": number} for row, number in zip(rows.streams, numbers, strict=True)]
        connection.execute(insert(STREAMS), begun)
        _touch(connection, begun, node)
    if rows.events:
        tail.add(connection, rows.events)
    if rows.checkpoints:
        connection.execute(_CHECKPOINT, rows.checkpoints)
    if rows.parts:
        connection.execute(insert(CHECKPOINT_PARTS), rows.parts)
    for table, charged in ((CHARGES, rows.charges), (ALLOWANCES, rows.allowances)):
        if charged:
            connection.execute(insert(table), [{**row, "epoch": epoch} for row in charged])
    if rows.waits:
        waits.write(connection, rows.waits)
    if rows.effects:
        effect_rows.note(connection, rows.effects, node_name)
    if rows.ends:
        _end_streams(connection, rows.ends, node)
        for end in rows.ends:
            tail.end(end.stream_id)
    if rows.deliveries:
        deliveries.add(connection, rows.deliveries)


def _checked_later(rows: Rows) -> set[str]:
    """Return the sessions of which a statement that is made anyway checks the owner.

    A turn that begins or ends on its own has no other one to share a statement with.
    """
    begun = rows.streams if len(rows.streams) == 1 else []
    return {*(row["session_id"] for row in begun), *(end.session_id for end in rows.ends)}


def _touch(connection: Connection, begun: list[dict[str, Any]], node: int | None) -> None:
    """Set the time of the last change. Raises Lost for one session that the node does not own."""
    touched = [{"key": row["session_id"], "at": row["begun_at"]} for row in begun]
    if node is None or len(touched) > 1:
        connection.execute(_TOUCH, touched)
    elif not connection.execute(_TOUCH_OWN, {**touched[0], "its_node": node}).rowcount:
        raise Lost(touched[0]["key"])


def recovering(connection: Connection, stream_ids: Collection[str]) -> None:
    """Count that these turns are about to be resumed. A parked one was not cut, so it is woken without a count."""
    counted = case((STREAMS.c.parked_at.is_(None), STREAMS.c.recoveries + 1), else_=STREAMS.c.recoveries)
    connection.execute(update(STREAMS).where(STREAMS.c.id.in_(stream_ids)).values(recoveries=counted, parked_at=None))


def _begin_sessions(connection: Connection, rows: Rows, node: int | None) -> None:
    by_id = rows.sessions
    there = set(connection.execute(select(SESSIONS.c.id).where(SESSIONS.c.id.in_(by_id))).scalars())
    new = [each for id_, each in by_id.items() if id_ not in there]
    if new:
        connection.execute(_new_sessions(connection, node), [{**row, "node": node} for row, _ in new])
    if node is not None:
        if there:
            count_takeovers(connection, there)
        claim(connection, node, by_id.keys())
    if new:
        _append(connection, (each for row, opening in new for each in message_rows(row["id"], 0, opening)))
    if there:
        known = [by_id[id_][0] for id_ in there]
        renewed = [{"key": row["id"], "its_name": row["name"], "its_owner": row["owner"]} for row in known]
        connection.execute(_RENEW, renewed)
        configs = [{"key": row["id"], "its_config": row["config"]} for row in known if row["config"] is not None]
        if configs:
            connection.execute(_CONFIGURE, configs)


def _new_sessions(connection: Connection, node: int | None) -> Insert:
    """Return the insert. In a cluster another node may have begun the session since the look: `claim` finds that."""
    if node is None:
        return insert(SESSIONS)
    if connection.dialect.name == "postgresql":
        return postgresql.insert(SESSIONS).on_conflict_do_nothing()
    return sqlite.insert(SESSIONS).on_conflict_do_nothing()


def _end_streams(connection: Connection, ends: list[End], node: int | None) -> None:
    """End the streams, each once. Their messages are appended to the end of the conversations."""
    counts = _message_counts(connection, {end.session_id for end in ends}, node)
    _check_open(connection, [end.stream_id for end in ends])
    ended: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    compacted: list[tuple[str, int, Raw | None]] = []
    for end in ends:
        position = counts[end.session_id]
        counts[end.session_id] += len(end.messages)
        ended.append({**end.values, "its_first": position, "its_end": counts[end.session_id]})
        messages += message_rows(end.session_id, position, end.messages, end.times)
        compacted.append((end.session_id, counts[end.session_id], end.compaction))
    connection.execute(_END, ended)
    connection.execute(_FORGET, [{"key": end.stream_id} for end in ends])
    _append(connection, messages)
    compactions.add(connection, compacted)
    grown = {end.session_id: end.at for end in ends}
    connection.execute(_GROW, [{"key": id_, "count": counts[id_], "at": at} for id_, at in grown.items()])


def _check_open(connection: Connection, ids: list[str]) -> None:
    of_these = select(STREAMS.c.id).where(STREAMS.c.id.in_(ids), STREAMS.c.status == StreamStatus.OPEN.value)
    found = set(connection.execute(of_these).scalars())
    for id_ in ids:
        if id_ not in found:
            raise RecordsRefused(f"expected an open stream to end, got {id_!r}, which has ended")
        found.discard(id_)  # a second end of this stream in the batch is refused


def _message_counts(connection: Connection, ids: set[str], node: int | None) -> dict[str, int]:
    """Return the counts by session. Raises Lost for a session that the node does not own, by the same statement."""
    columns = SESSIONS.c.id, SESSIONS.c.message_count, SESSIONS.c.node
    found = connection.execute(select(*columns).where(SESSIONS.c.id.in_(ids))).all()
    if lost := next((row.id for row in found if node not in (None, row.node)), None):
        raise Lost(lost)
    return {row.id: row.message_count for row in found}


def _append(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    if some := list(rows):
        connection.execute(insert(MESSAGES), some)
