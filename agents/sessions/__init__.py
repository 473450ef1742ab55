"""Sessions: an agent's conversation and its streams, kept in a database.

Whoever runs agents records through the journal (`open_journal`); whoever looks at them reads the `Store`.
"""

from agents.sessions.errors import (
    Fenced,
    Refused,
    SessionError,
    SessionExists,
    StoreDamaged,
    StoreFailed,
    StoreUnavailable,
    UnknownSession,
    UnknownStream,
)
from agents.sessions.journal import JOURNAL, Journal, open_journal
from agents.sessions.journal_handle import JournalHandle
from agents.sessions.location import default_state_dir, store_url
from agents.sessions.recorder import Recorder
from agents.sessions.records import (
    Batch,
    Checkpoint,
    OpenStream,
    Session,
    SessionBegun,
    SessionInfo,
    StreamBegun,
    StreamEnded,
    StreamInfo,
    StreamStatus,
)
from agents.sessions.store import Store

__all__ = [
    "JOURNAL",
    "Batch",
    "Checkpoint",
    "Fenced",
    "Journal",
    "JournalHandle",
    "OpenStream",
    "Recorder",
    "Refused",
    "Session",
    "SessionBegun",
    "SessionError",
    "SessionExists",
    "SessionInfo",
    "Store",
    "StoreDamaged",
    "StoreFailed",
    "StoreUnavailable",
    "StreamBegun",
    "StreamEnded",
    "StreamInfo",
    "StreamStatus",
    "UnknownSession",
    "UnknownStream",
    "default_state_dir",
    "open_journal",
    "store_url",
]
