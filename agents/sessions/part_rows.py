"""The rows of parts: which session uses which bytes. Bytes that no session uses are removed.

A file of a SQLite store is written before its row, and removed after its row. Both transactions write, and SQLite has
one of them at a time, so a file that one program removes is not a file that another one relies on. A deletion runs
between the writes of all nodes, so no node adds a use of bytes that another one removes.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final

from sqlalchemy import Connection, Insert, delete, exists, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from agents.core.large_result import handles_in
from agents.core.parts import hashes_in
from agents.parts.given import Blobs
from agents.sessions.part_files import PartFiles
from agents.sessions.tables import MESSAGES, PART_USES, PARTS

GROUP: Final = 1000  # hashes of one statement: both databases limit its parameters


def add(connection: Connection, session_id: str, blobs: Blobs, files: PartFiles | None) -> None:
    """Let the session use these bytes. files: has the bytes of a SQLite store; None: the rows have them."""
    known = set(connection.execute(select(PARTS.c.sha256).where(PARTS.c.sha256.in_(blobs))).scalars())
    new = [
        {"sha256": key, "size_bytes": len(data), "data": data if files is None else None}
        for key, data in sorted(blobs.items())  # two nodes that wait for each other's rows would wait for ever
        if key not in known
    ]
    if new:
        connection.execute(_insert_new(connection), new)
    use(connection, session_id, blobs)
    if files is not None:
        files.add(blobs)  # a file of an earlier part may have been removed since this one found it


def _insert_new(connection: Connection) -> Insert:
    """Return an insert that leaves out the parts which another node has added meanwhile."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(PARTS).on_conflict_do_nothing()
    return sqlite.insert(PARTS).on_conflict_do_nothing()


def use(connection: Connection, session_id: str, keys: Iterable[str]) -> None:
    """Let the session use parts that the store has."""
    used = select(PART_USES.c.sha256).where(PART_USES.c.session_id == session_id)
    there = set(connection.execute(used).scalars())
    new = [{"session_id": session_id, "sha256": key} for key in dict.fromkeys(keys) if key not in there]
    if new:
        connection.execute(insert(PART_USES), new)


def use_of_fork(connection: Connection, id_: str, new_id: str) -> None:
    """Let a fork use the parts and the large results of its messages. id_: of the session that it continues."""
    if known := set(used_by(connection, [id_])):
        found = connection.execute(select(MESSAGES.c.payload).where(MESSAGES.c.session_id == new_id))
        messages = found.scalars().all()
        use(connection, new_id, known.intersection((*hashes_in(messages), *handles_in(messages))))


def used_by(connection: Connection, ids: Collection[str]) -> list[str]:
    """Return the hashes of the parts that these sessions use."""
    return list(
        connection.execute(select(PART_USES.c.sha256).where(PART_USES.c.session_id.in_(ids)).distinct()).scalars()
    )


def remove_unused(connection: Connection, keys: Iterable[str]) -> None:
    """Remove the rows of those of these parts that no session uses."""
    used = exists().where(PART_USES.c.sha256 == PARTS.c.sha256)
    for some in _groups(keys):
        connection.execute(delete(PARTS).where(PARTS.c.sha256.in_(some), ~used))


def remove_files(connection: Connection, keys: Iterable[str], files: PartFiles) -> None:
    """Remove those of these files that have no row."""
    for some in _groups(keys):
        there = set(connection.execute(select(PARTS.c.sha256).where(PARTS.c.sha256.in_(some))).scalars())
        files.remove(key for key in some if key not in there)


def _groups(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while some := list(islice(left, GROUP)):
        yield some
