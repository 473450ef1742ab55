"""Writes a batch: as many statements for a thousand streams as for one."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Text, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.slices import paced
from agents.core.conversation import Conversation
from agents.core.events import Event
from agents.sessions.errors import Refused
from agents.sessions.payload import encoded, keepable
from agents.sessions.records import Batch, Checkpoint, SessionBegun, StreamBegun, StreamEnded, StreamStatus
from agents.sessions.tables import EVENTS, MESSAGES, SESSIONS, STREAMS

ROW_EVENTS: Final = 512  # of one row, which is encoded and decoded in one piece

_KEY: Final = bindparam("key", type_=Text())
_TOUCH = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(updated_at=bindparam("at"))
_RENEW = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(name=bindparam("its_name"), owner=bindparam("its_owner"))
_CONFIGURE = update(SESSIONS).where(SESSIONS.c.id == _KEY).values(config=bindparam("its_config"))
_GROW = (
    update(SESSIONS).where(SESSIONS.c.id == _KEY).values(message_count=bindparam("count"), updated_at=bindparam("at"))
)
_CHECKPOINT = (
    update(STREAMS).where(STREAMS.c.id == _KEY).values(checkpoint=bindparam("payload"), checkpoint_seq=bindparam("seq"))
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
    )
)


async def write(connection: AsyncConnection, batch: Batch) -> None:
    """In the transaction that the connection is in. Raises Refused for what does not fit what is there."""
    if batch.sessions:
        await _begin_sessions(connection, batch.sessions)
    if batch.streams:
        await _begin_streams(connection, batch.streams)
    if batch.events:
        await _add_events(connection, batch.events)
    if batch.checkpoints:
        await connection.execute(_CHECKPOINT, list(map(_checkpointed, batch.checkpoints)))
    if batch.ended:
        await _end_streams(connection, batch.ended)


def message_rows(session_id: str, position: int, messages: Conversation) -> list[dict[str, Any]]:
    return [
        {"session_id": session_id, "position": place, "payload": message}
        for place, message in enumerate(messages, position)
    ]


async def _add_events(connection: AsyncConnection, added: list[tuple[str, list[Event]]]) -> None:
    """Those of a stream come behind the store's: seqs that a crash took are left out, none is written twice."""
    rows = [row async for row in paced(_rows(added))]
    of_these = select(EVENTS.c.stream_id, func.max(EVENTS.c.last_seq).label("seq")).group_by(EVENTS.c.stream_id)
    found = await connection.execute(of_these.where(EVENTS.c.stream_id.in_([stream_id for stream_id, _ in added])))
    last = {row.stream_id: row.seq for row in found}
    for row in rows:
        expected = last.get(row["stream_id"], 0) + 1
        if row["first_seq"] < expected:
            raise Refused(
                f"expected event {expected} of stream {row['stream_id']} or a later one, got {row['first_seq']}"
            )
        last[row["stream_id"]] = row["last_seq"]
    await connection.execute(insert(EVENTS), rows)


def _rows(added: list[tuple[str, list[Event]]]) -> Iterator[dict[str, Any]]:
    for stream_id, events in added:
        for place in range(0, len(events), ROW_EVENTS):
            yield _row(stream_id, events[place : place + ROW_EVENTS])


def _row(stream_id: str, events: list[Event]) -> dict[str, Any]:
    first, last = events[0].seq, events[-1].seq
    if last - first + 1 != len(events):
        raise Refused(f"expected events of {stream_id} without a gap, got {len(events)} from {first} to {last}")
    return {"stream_id": stream_id, "first_seq": first, "last_seq": last, "payload": encoded(events)}


def _checkpointed(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"key": checkpoint.stream_id, "payload": checkpoint.payload, "seq": checkpoint.seq}


async def _begin_sessions(connection: AsyncConnection, begun: list[SessionBegun]) -> None:
    """The last one counts, where a session has begun twice since the last write."""
    by_id = {session.id: session for session in begun}
    there = set((await connection.execute(select(SESSIONS.c.id).where(SESSIONS.c.id.in_(by_id)))).scalars())
    new = [session for session in by_id.values() if session.id not in there]
    if new:
        await connection.execute(insert(SESSIONS), list(map(_new_session, new)))
        await _append(connection, (row for each in new for row in message_rows(each.id, 0, each.opening)))
    if there:
        known = [by_id[id_] for id_ in there]
        renewed = [{"key": each.id, "its_name": each.name, "its_owner": each.owner} for each in known]
        await connection.execute(_RENEW, renewed)
        configs = [{"key": each.id, "its_config": each.config} for each in known if each.config is not None]
        if configs:
            await connection.execute(_CONFIGURE, configs)


def _new_session(session: SessionBegun) -> dict[str, Any]:
    _check_id(session.id)
    return {
        "id": session.id,
        "owner": session.owner,
        "name": session.name,
        "config": session.config,
        "created_at": session.at,
        "updated_at": session.at,
        "message_count": len(session.opening),
    }


async def _begin_streams(connection: AsyncConnection, begun: list[StreamBegun]) -> None:
    for stream in begun:
        _check_id(stream.id)
    rows = [
        {
            "id": stream.id,
            "session_id": stream.session_id,
            "message": stream.message,
            "status": StreamStatus.OPEN.value,
            "begun_at": stream.at,
        }
        for stream in begun
    ]
    await connection.execute(insert(STREAMS), rows)
    await connection.execute(_TOUCH, [{"key": stream.session_id, "at": stream.at} for stream in begun])


async def _end_streams(connection: AsyncConnection, ended: list[StreamEnded]) -> None:
    """A stream ends once; what it appends to its conversation comes behind all that is there."""
    await _check_open(connection, [stream.id for stream in ended])
    counts = await _message_counts(connection, {stream.session_id for stream in ended})
    ends: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for stream in ended:
        position = counts[stream.session_id]
        ends.append(_ended(stream, position))
        messages += message_rows(stream.session_id, position, stream.messages)
        counts[stream.session_id] += len(stream.messages)
    await connection.execute(_END, ends)
    await _append(connection, messages)
    grown = {stream.session_id: stream.at for stream in ended}
    await connection.execute(_GROW, [{"key": id_, "count": counts[id_], "at": at} for id_, at in grown.items()])


def _ended(stream: StreamEnded, position: int) -> dict[str, Any]:
    return {
        "key": stream.id,
        "its_status": stream.status.value,
        "at": stream.at,
        "its_first": position,
        "its_end": position + len(stream.messages),
        "its_usage": stream.usage,
        "its_cost": stream.cost,
    }


async def _check_open(connection: AsyncConnection, ids: list[str]) -> None:
    of_these = select(STREAMS.c.id).where(STREAMS.c.id.in_(ids), STREAMS.c.status == StreamStatus.OPEN.value)
    found = set((await connection.execute(of_these)).scalars())
    for id_ in ids:
        if id_ not in found:
            raise Refused(f"expected a stream that is open to end, got {id_!r}, which is not")
        found.discard(id_)  # a second end of it in this batch is refused


async def _message_counts(connection: AsyncConnection, ids: set[str]) -> dict[str, int]:
    found = await connection.execute(select(SESSIONS.c.id, SESSIONS.c.message_count).where(SESSIONS.c.id.in_(ids)))
    return {row.id: row.message_count for row in found}


async def _append(connection: AsyncConnection, rows: Iterable[dict[str, Any]]) -> None:
    if some := list(rows):
        await connection.execute(insert(MESSAGES), some)


def _check_id(id_: str) -> None:
    if not keepable(id_):
        raise Refused(f"expected an id of 1 to 200 printable characters, got {id_[:200]!r}")
