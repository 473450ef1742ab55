"""The settings of the store of sessions."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.values import Count, DatabaseAddress, Milliseconds, Wait


class Durability(StrEnum):
    """The durability of a session's events. SYNC: visible when on disk. BATCHED: slightly earlier. OFF: not kept."""

    SYNC = "sync"
    BATCHED = "batched"
    OFF = "off"


class OnRestart(StrEnum):
    """The treatment of a turn that a crash cut: it resumes from its last durable step, or ends as interrupted."""

    RESUME = "resume"
    INTERRUPT = "interrupt"


class RetentionSettings(BaseModel):
    """The limits beyond which old sessions and records are deleted. None: no limit.

    max_age: the time since a session's last change. max_bytes: the length of all messages, events and parts in the
    store; the session that changed before all others is deleted first. A session whose agent runs is never deleted, nor
    one with a turn that is not over. charges_max_age: after it the charges of a session in a day become one row for
    each model. effects_max_age: since the outcome of an effect is known; unknown effects stay.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_age: Milliseconds | None = None
    max_bytes: Count | None = None
    charges_max_age: Milliseconds | None = None
    effects_max_age: Milliseconds | None = None


class SessionSettings(BaseModel):
    """The settings of the store of sessions.

    url: a database URL in SQLAlchemy's form; None: sessions.db in the daemon's state_dir. durability: that of events.
    batch_time, batch_events: with `batched`, the largest lead of visible events over events on disk. on_restart: the
    treatment of turns that a crash cut. max_recoveries: how often a turn without progress is resumed; then it ends.
    store_timeout: deadline of each connection to PostgreSQL, each read and each write. store_grace: how long
    writes wait for a failing store before turns end; None: 30 s for PostgreSQL, 0 for SQLite. idle_time: time without
    messages after which an agent's process ends, until the next message starts it again; None: never. park_after: time
    after which a turn that only waits for people goes on without a process, until a decision; None: never. retention:
    how long sessions are kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: DatabaseAddress | None = Field(default=None, repr=False)
    durability: Durability = Durability.OFF
    batch_time: Milliseconds = 20
    batch_events: Count = 64
    on_restart: OnRestart = OnRestart.RESUME
    max_recoveries: Annotated[int, Field(ge=0)] = 3
    store_timeout: Milliseconds = 5000
    store_grace: Wait | None = None
    idle_time: Milliseconds | None = None
    park_after: Milliseconds | None = 10_000
    retention: RetentionSettings = RetentionSettings()
