"""The tables of standing approvals, schedules, charges, messages of webhooks, and effects."""

from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    text,
)

from agents.core.outcome import Outcome
from agents.sessions.columns import INTEGER, LONG, METADATA, NUMBER, TEXT, Instant, JsonColumn

UNKNOWN: Final = "state = 'unknown'"
SINGLE: Final = "calls IS NULL"


GRANTS: Final = Table(
    "grants",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("owner", TEXT),
    Column("agent", JsonColumn(str), nullable=False),
    Column("session_id", TEXT, ForeignKey("sessions.id", ondelete="CASCADE"), index=True),
    Column("tool", TEXT, nullable=False),
    Column("arguments", JsonColumn(str)),
    Column("by", TEXT),
    Column("at", NUMBER, nullable=False),
    Index(None, "tool"),
)
"""Standing approvals. session_id: NULL for all sessions of the owner's agent. arguments: NULL for any."""


SCHEDULES: Final = Table(
    "schedules",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("owner", TEXT, index=True),
    Column("source", TEXT, nullable=False),
    Column("definition", JsonColumn(dict[str, Any]), nullable=False),
    Column("overlap", TEXT, nullable=False),
    Column("paused", INTEGER, nullable=False),
    Column("next_at", Instant, index=True),
    Column("created_at", Instant, nullable=False),
)
"""The schedules, see schedules/. next_at: the next due time; NULL if it has none."""


RUNS: Final = Table(
    "schedule_runs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("schedule", TEXT, ForeignKey("schedules.name", ondelete="CASCADE"), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("node", LONG),
    Column("begun_at", Instant),
    Column("ended_at", Instant),
    Column("session_id", TEXT),
    Column("outcome", TEXT),
    Column("reason", JsonColumn(str)),
    Column("count", INTEGER, nullable=False),
    Index(None, "schedule", "due_at", "id"),
    Index(None, "state", "start_at"),
)
"""The runs of schedules. id: that of the run's stream, too. node: the epoch of the journal that carries it out."""


CHARGES: Final = Table(
    "charges",
    METADATA,
    Column("epoch", LONG, primary_key=True, autoincrement=False),
    Column("number", LONG, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("owner", TEXT),
    Column("agent", JsonColumn(str), nullable=False),
    Column("model", JsonColumn(str)),
    Column("session_id", TEXT, nullable=False),
    Column("stream_id", TEXT, nullable=False),
    Column("root_session", TEXT, nullable=False),
    Column("root_stream", TEXT, nullable=False),
    Column("input_tokens", LONG, nullable=False),
    Column("output_tokens", LONG, nullable=False),
    Column("cached_tokens", LONG, nullable=False),
    Column("cost", NUMBER),
    Column("estimated", INTEGER, nullable=False),
    Column("calls", INTEGER),
    Index(None, "owner", "at"),
    Index(None, "agent", "at"),
    Index(None, "root_session"),
    Index(None, "root_stream"),
    Index(None, "at", sqlite_where=text(SINGLE), postgresql_where=text(SINGLE)),
)
"""The model calls, each with its tokens and its cost. They have no foreign key: a deleted session has been paid for.
epoch: of the journal that wrote it; 0 for a turn of an older version, whose model calls are one row. model: NULL if it
is unknown. owner: at the time of the call. root_session, root_stream: as in Payer. estimated: 1 or 0.
calls: the number of the model calls that a folded row sums up, see folding.py; NULL for a single one."""


ALLOWANCES: Final = Table(
    "allowances",
    METADATA,
    Column("epoch", LONG, primary_key=True, autoincrement=False),
    Column("number", LONG, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("count", JsonColumn(str), nullable=False, index=True),
    Column("unit", TEXT, nullable=False),
    Column("amount", NUMBER, nullable=False),
)
"""The amounts that persons have added to budgets. epoch, number: as in CHARGES. count: the name of the count that the
budget limits. unit: tokens or cost."""


DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("endpoint", TEXT, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("state", TEXT, nullable=False, server_default="waiting"),
    Column("attempts", INTEGER, nullable=False, server_default="0"),
    Column("next_at", NUMBER, nullable=False),
    Index(None, "state", "next_at"),
)
"""The messages of webhooks, see deliveries.py. They outlive their session. next_at: Unix seconds of the next attempt,
or of the outcome."""


EFFECTS: Final = Table(
    "effects",
    METADATA,
    Column("session_id", TEXT, primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("stream_id", TEXT, nullable=False),
    Column("call_id", TEXT, nullable=False),
    Column("tool", TEXT, nullable=False),
    Column("arguments", TEXT, nullable=False),
    Column("owner", TEXT),
    Column("node", TEXT),
    Column("state", TEXT, nullable=False),
    Column("attempt", INTEGER, nullable=False),
    Column("error", TEXT),
    Column("intended_at", Instant, nullable=False),
    Column("begun_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", JsonColumn(Outcome)),
    Column("settled_at", Instant),
    Column("settled_by", TEXT),
    Column("note", JsonColumn(str)),
    Index(None, "key", sqlite_where=text(UNKNOWN), postgresql_where=text(UNKNOWN)),
    sqlite_with_rowid=False,
)
"""The ledger of effects. An unknown effect outlives its session, so it has no foreign key. Only people look
for a key without its session. An index has those that they may settle.

arguments: the SHA-256 of them. node: the name of the node that wrote the row, in a cluster. outcome, settled_at,
settled_by, note: a person's decision on it."""
