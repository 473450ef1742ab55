"""The tables of the store. Their history is in migrations/, which ends in the same tables.

Text of people and models is JSON. Ids, numbers and times are columns. A row of `tail` has the events that one flush
wrote for one stream, and `events` has the older ones: see tail.py and packing.py. Each journal locks its row of
`fences`, which is its permission to write: see fence.py.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    func,
    select,
)

from agents.core.compaction import Compaction
from agents.core.conversation import Message, ToolCall
from agents.core.deltas import Usage
from agents.core.parts import Content
from agents.core.question import Question
from agents.core.waiting import Ruling
from agents.sessions.columns import INTEGER, LONG, METADATA, NUMBER, TEXT, Instant, JsonColumn

WRITER: Final = Table(
    "writer",
    METADATA,
    Column("id", INTEGER, primary_key=True, autoincrement=False),
    Column("epoch", LONG, nullable=False),
    Column("owner", TEXT),
)
"""epoch: the last one that was given out. owner: the OS process that has the store for itself, if one has."""

FENCES: Final = Table(
    "fences",
    METADATA,
    Column("epoch", LONG, primary_key=True, autoincrement=False),
    Column("incarnation", TEXT, nullable=False),
    Column("batch", LONG, nullable=False, server_default="0"),
)
"""A row for each journal that may write. batch: the number of the last batch that it wrote.

incarnation: random, since a store that was restored may give an epoch out twice."""

NODES: Final = Table(
    "nodes",
    METADATA,
    Column("epoch", LONG, primary_key=True, autoincrement=False),
    Column("incarnation", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("owner", TEXT, nullable=False),
    Column("address", TEXT, nullable=False, server_default=""),
    Column("state", TEXT, nullable=False),
    Column("load", INTEGER, nullable=False, server_default="0"),
    Column("beat", LONG, nullable=False, server_default="0"),
    Column("version", TEXT, nullable=False),
    Column("config_hash", TEXT, nullable=False),
    Column("dead_at", Instant),
)
"""The nodes of a cluster. A node lives as long as its epoch has a row in FENCES. owner: its OS process."""

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("owner", TEXT),
    Column("name", JsonColumn(str), nullable=False),
    Column("title", JsonColumn(str)),
    Column("config", JsonColumn(dict[str, Any])),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("message_count", INTEGER, nullable=False),
    Column("node", LONG),
    Column("parent_id", TEXT, index=True),
    Column("parent_call", TEXT),
    Index(None, "updated_at", "id"),
    Index(None, "owner", "updated_at", "id"),
)
"""node: the epoch of the node that owns the session, see ownership.py. parent_id: of a sub-agent, the session of its
caller, without a foreign key: SQLite adds none to a table that exists. parent_call: the id of the call that it
answers."""

STREAMS: Final = Table(
    "streams",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("session_id", TEXT, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("message", JsonColumn(Content), nullable=False),
    Column("status", TEXT, nullable=False, index=True),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("messages_from", INTEGER),
    Column("messages_until", INTEGER),
    Column("usage", JsonColumn(Usage)),
    Column("cost", NUMBER),
    Column("checkpoint", LargeBinary),
    Column("checkpoint_seq", INTEGER),
    Column("recoveries", INTEGER, nullable=False, server_default="0"),
    Column("number", LONG),
    Column("takeovers", INTEGER, nullable=False, server_default="0"),
    Column("parked_at", Instant),
    Index(None, "session_id", "begun_at"),
    Index(None, "number", unique=True),
)
"""number: the stream's short id in the tail. A stream of an older version may have none.
messages_from, messages_until: the positions in the conversation of the messages that the stream appended.
recoveries: how often the turn was resumed since it last got further. takeovers: how often a node continued the turn of
another one that died. parked_at: set while the turn waits for people without an agent."""

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("stream_id", TEXT, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("first_seq", INTEGER, primary_key=True, autoincrement=False),
    Column("last_seq", INTEGER, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

TAIL: Final = Table(
    "tail",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("number", LONG, ForeignKey("streams.number", ondelete="CASCADE"), nullable=False),
    Column("first_seq", INTEGER, nullable=False),
    Column("last_seq", INTEGER, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
"""The newest events of all streams, see tail.py."""

LAST_SEQ: Final = func.coalesce(
    select(func.max(TAIL.c.last_seq)).where(TAIL.c.number == STREAMS.c.number).scalar_subquery(),
    select(EVENTS.c.last_seq)
    .where(EVENTS.c.stream_id == STREAMS.c.id)
    .order_by(EVENTS.c.first_seq.desc())
    .limit(1)
    .scalar_subquery(),
    0,
)
"""The last seq of a row of STREAMS, or 0. This reads the tail, which is short, and makes one seek in the primary key of
EVENTS. A `max` would read all rows of the stream."""

CHECKPOINT_PARTS: Final = Table(
    "checkpoint_parts",
    METADATA,
    Column("stream_id", TEXT, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("number", INTEGER, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)
"""The parts of the checkpoints of turns that have not ended: each has what was new at one checkpoint."""

WAITING: Final = Table(
    "waiting",
    METADATA,
    Column("stream_id", TEXT, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("number", INTEGER, primary_key=True, autoincrement=False),
    Column("call_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("call", JsonColumn(ToolCall), nullable=False),
    Column("asked_at", NUMBER, nullable=False),
    Column("deadline", NUMBER, nullable=False, index=True),
    Column("on_timeout", TEXT, nullable=False),
    Column("ruling", JsonColumn(Ruling)),
    Column("question", JsonColumn(Question)),
    Column("agent", JsonColumn(str)),
    Column("why", JsonColumn(str)),
)
"""The waits for a person, see waits.py. number: the index of the call. deadline: in Unix seconds. The turn deletes the
row as it acts on the ruling. agent: the account of the agent, from the parking on. why: NULL for none."""


MESSAGES: Final = Table(
    "messages",
    METADATA,
    Column("session_id", TEXT, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", INTEGER, primary_key=True, autoincrement=False),
    Column("payload", JsonColumn(Message), nullable=False),
    Column("sent_at", NUMBER),
)
"""sent_at: Unix seconds; NULL if that is unknown, as for messages of older versions."""

COMPACTIONS: Final = Table(
    "compactions",
    METADATA,
    Column("session_id", TEXT, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", INTEGER, primary_key=True, autoincrement=False),
    Column("payload", JsonColumn(Compaction), nullable=False),
)
"""The compactions of conversations. position: the number of messages at the end of its turn."""


PARTS: Final = Table(
    "parts",
    METADATA,
    Column("sha256", TEXT, primary_key=True),
    Column("size_bytes", LONG, nullable=False),
    Column("data", LargeBinary),
)
"""The images, sounds and files of messages, each once. data: NULL in SQLite, whose bytes are in files."""

PART_USES: Final = Table(
    "part_uses",
    METADATA,
    Column("session_id", TEXT, ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", TEXT, ForeignKey("parts.sha256"), primary_key=True, index=True),
)
"""The sessions that use a part."""
