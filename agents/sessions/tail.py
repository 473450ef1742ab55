"""The tail: the newest events of all streams, in the order in which they were written.

A flush appends a row for each stream that it concerns. The tail has no index, so these rows are neighbours on the disk,
whatever streams they belong to. Once the tail has many events, a slice of it moves into `events`, packed and in the
order of the streams. So the cost of a flush does not depend on what the store has.

The nodes of a cluster share the tail. Each moves what it finds there, but only one at a time.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from msgspec import Struct
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, bindparam, delete, select, text, type_coerce
from sqlalchemy.types import NullType

from agents.sessions.errors import RecordsRefused, StoreDamaged
from agents.sessions.ownership import check_owned
from agents.sessions.packing import OtherRun, Run, packed, read, runs_of
from agents.sessions.rows import ROW_EVENTS, EventRow
from agents.sessions.tables import LAST_SEQ, STREAMS, TAIL

FEWEST: Final = 4096
OF_A_STREAM: Final = 64
"""The tail has at most FEWEST events, or OF_A_STREAM for each open stream. More events make a packed row smaller."""

SLICE: Final = 4096  # rows of the tail that one transaction moves
EPOCH_BITS: Final = 32  # a stream's number is the epoch of its begin, and a count in this many bits
MOVES: Final = 731086516  # the class of the lock of the program that moves events

_ADD: Final = {
    "sqlite": "INSERT INTO tail (number, first_seq, last_seq, payload) VALUES (?, ?, ?, ?)",
    "postgresql": "INSERT INTO tail (number, first_seq, last_seq, payload) VALUES ($1, $2, $3, $4)",
}
_MOVE: Final = text(
    "INSERT INTO events (stream_id, first_seq, last_seq, payload)"
    " SELECT id, :first, :last, :payload FROM streams WHERE number = :number ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("first", type_=Integer()),
    bindparam("last", type_=Integer()),
    bindparam("payload", type_=LargeBinary()),
    bindparam("number", type_=BigInteger()),
)
_RAW: Final = [
    type_coerce(TAIL.c[name], NullType()).label(name) for name in ("number", "first_seq", "last_seq", "payload", "id")
]
_MAY_MOVE: Final = f"SELECT pg_try_advisory_xact_lock({MOVES}, 0)"


TailRow: TypeAlias = tuple[int, int, int, bytes]
"""A row of the tail, without its id."""


class NumberedStream(Struct):
    """An open stream. number: its id in the tail."""

    number: int
    last_seq: int = 0


class TailWriter:
    """The writer's knowledge of the tail and of open streams.

    events: the number of events in the tail, or None if that is unknown.
    """

    def __init__(self) -> None:
        self._streams: dict[str, NumberedStream] = {}
        self._events: int | None = None
        self._highest = 0
        self._node: int | None = None
        self._moved = 0  # the number of the stream at which the last slice ended

    def start(self, epoch: int, *, node: bool = False) -> None:
        """Number new streams from the epoch on, so that no two journals give the same number.

        node: the journal is that of a node of a cluster, and writes only to the sessions that the node owns.
        """
        self.forget()
        self._highest = epoch << EPOCH_BITS
        self._node = epoch if node else None

    def forget(self) -> None:
        """Forget what a transaction that failed may have changed."""
        self._streams.clear()
        self._events = None

    def begin(self, ids: Sequence[str]) -> list[int]:
        """Return the numbers of new streams."""
        numbers = self._next(len(ids))
        self._streams |= {id_: NumberedStream(number) for id_, number in zip(ids, numbers, strict=True)}
        return numbers

    def end(self, stream_id: str) -> None:
        self._streams.pop(stream_id, None)

    def add(self, connection: Connection, rows: list[EventRow]) -> None:
        """Add the events. Raises RecordsRefused."""
        self._find(connection, {row.stream_id for row in rows} - self._streams.keys())
        connection.exec_driver_sql(_ADD[connection.dialect.name], self.appended(rows))
        if self._events is None:
            self._events = _events_in(connection)
        if self._is_long:
            self.move(connection)

    def has(self, rows: list[EventRow]) -> bool:
        """Return True if `appended` may be called for these rows, and the tail needs no look at the store."""
        return self._events is not None and not self._is_long and all(row.stream_id in self._streams for row in rows)

    @property
    def _is_long(self) -> bool:
        return (self._events or 0) > max(FEWEST, OF_A_STREAM * len(self._streams))

    def appended(self, rows: list[EventRow]) -> list[TailRow]:
        """Return the rows of the tail for events of known streams.

        Seqs that a crash lost may be missing, but none is written twice. Raises RecordsRefused.
        """
        added = []
        for row in rows:
            stream = self._streams[row.stream_id]
            if row.first_seq <= stream.last_seq:
                raise RecordsRefused(
                    f"expected event {stream.last_seq + 1} of stream {row.stream_id} or a later one,"
                    f" got {row.first_seq}"
                )
            stream.last_seq = row.last_seq
            added.append((stream.number, row.first_seq, row.last_seq, row.payload))
        if self._events is not None:
            self._events += sum(row.last_seq - row.first_seq + 1 for row in rows)
        return added

    def move(self, connection: Connection) -> int:
        """Move a slice of the tail into `events`. Return the number of its rows, or 0 while another program moves."""
        if connection.dialect.name == "postgresql" and not connection.exec_driver_sql(_MAY_MOVE).scalar_one():
            self._events = 0  # look again after as many further events
            return 0
        order = (TAIL.c.number <= self._moved, TAIL.c.number, TAIL.c.id)
        rows = connection.execute(select(*_RAW).order_by(*order).limit(SLICE))
        moved: list[dict[str, Any]] = []
        ids: list[Any] = []
        last = 0
        for number, some in groupby(rows, itemgetter(0)):  # never all rows at once: that would wake the collector
            of_stream = list(some)
            ids += [row[-1] for row in of_stream]
            last = number
            moved += _packed(number, of_stream)
        if moved:
            connection.execute(_MOVE, moved)
        if ids:
            connection.execute(delete(TAIL).where(TAIL.c.id.in_(ids)))
            self._moved = last if type(last) is int else 0
        self._events = _events_in(connection)
        return len(ids)

    def _find(self, connection: Connection, ids: set[str]) -> None:
        """Find the streams that are not known. Raises RecordsRefused for a stream that the store does not have.

        Raises Lost for a stream of a session that this node does not own.
        """
        if not ids:
            return
        wanted = select(STREAMS.c.id, STREAMS.c.session_id, STREAMS.c.number, LAST_SEQ.label("seq"))
        found = {row.id: row for row in connection.execute(wanted.where(STREAMS.c.id.in_(ids)))}
        if self._node is not None:
            check_owned(connection, self._node, {row.session_id for row in found.values()})
        for id_ in ids:
            if id_ not in found:
                raise RecordsRefused(f"expected events of a stream that the store has, got those of {id_!r}")
            number = found[id_].number
            if number is None:  # a stream of an older version
                (number,) = self._next(1)
                connection.execute(STREAMS.update().where(STREAMS.c.id == id_).values(number=number))
            self._streams[id_] = NumberedStream(number, found[id_].seq)

    def _next(self, count: int) -> list[int]:
        first = self._highest + 1
        self._highest += count
        return list(range(first, first + count))


def empty(connection: Connection) -> None:
    """Move the whole tail into `events`."""
    tail = TailWriter()
    while tail.move(connection):
        pass


def _events_in(connection: Connection) -> int:
    counted = "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM tail"
    return int(connection.exec_driver_sql(counted).scalar_one())


def _packed(number: Any, rows: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the packed rows of one stream. A damaged row stays as it is, and one whose place is damaged is left out."""
    some: list[Run] = []
    begin = end = 0
    for _, first, last, payload, _ in rows:
        if type(number) is not int or type(first) is not int or type(last) is not int:
            continue
        runs = _checked(first, last, payload)
        if some and (runs is None or first != end + 1 or last - begin >= ROW_EVENTS):
            yield _moved(number, begin, end, packed(some))
            some = []
        if runs is None:
            yield _moved(number, first, last, payload if isinstance(payload, bytes) else b"")
            continue
        if not some:
            begin = first
        some += runs
        end = last
    if some:
        yield _moved(number, begin, end, packed(some))


def _moved(number: int, first: int, last: int, payload: bytes) -> dict[str, Any]:
    return {"number": number, "first": first, "last": last, "payload": payload}


def _checked(first: int, last: int, payload: Any) -> list[Run] | None:
    """Return the row's runs, or None if the row is damaged."""
    try:
        runs = runs_of(payload)
        events = 0
        for run in runs:
            if isinstance(run, OtherRun):
                seqs = [event.seq for event in read("", first, payload)]
                return runs if seqs == list(range(first, last + 1)) else None
            events += len(run.texts)
    except (StoreDamaged, TypeError):
        return None
    return runs if events == last - first + 1 else None
