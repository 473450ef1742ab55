"""Sessions: an agent's conversation and its streams, kept in a database.

A program that runs agents records through the journal (`open_journal`). A program that shows sessions reads the
`Store`. Modules that need a database library are loaded on first use, so a program without a store does not load it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.extras import extra
from agents.sessions.errors import (
    Elsewhere,
    Fenced,
    InvalidFork,
    JournalEnded,
    Lost,
    NodeNameTaken,
    NotData,
    OutcomeKnown,
    RecordsRefused,
    SessionError,
    SessionExists,
    StoreDamaged,
    StoreInUse,
    StoreUnavailable,
    UnknownEffect,
    UnknownSession,
    UnknownStream,
    WriteFailed,
)
from agents.sessions.joining import Joining
from agents.sessions.journal import JOURNAL, Journal, open_journal
from agents.sessions.journal_handle import JournalHandle
from agents.sessions.recorder import Recorder
from agents.sessions.records import (
    Batch,
    Checkpoint,
    DatedMessage,
    ListedSession,
    OpenStream,
    SessionBegun,
    SessionRecord,
    StreamBegun,
    StreamEnded,
    StreamRecord,
    StreamStatus,
)

if TYPE_CHECKING:
    from agents.sessions.location import store_url
    from agents.sessions.store import Store

__all__ = [
    "JOURNAL",
    "Batch",
    "Checkpoint",
    "DatedMessage",
    "Elsewhere",
    "Fenced",
    "InvalidFork",
    "Joining",
    "Journal",
    "JournalEnded",
    "JournalHandle",
    "ListedSession",
    "Lost",
    "NodeNameTaken",
    "NotData",
    "OpenStream",
    "OutcomeKnown",
    "Recorder",
    "RecordsRefused",
    "SessionBegun",
    "SessionError",
    "SessionExists",
    "SessionRecord",
    "Store",
    "StoreDamaged",
    "StoreInUse",
    "StoreUnavailable",
    "StreamBegun",
    "StreamEnded",
    "StreamRecord",
    "StreamStatus",
    "UnknownEffect",
    "UnknownSession",
    "UnknownStream",
    "WriteFailed",
    "open_journal",
    "store_url",
]

_LATE = {
    "Store": "agents.sessions.store",
    "store_url": "agents.sessions.location",
}


def __getattr__(name: str) -> Any:
    """Return an export whose module loads SQLAlchemy."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with extra("daemon", "a store of sessions"):
        return getattr(import_module(_LATE[name]), name)
