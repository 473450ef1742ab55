"""What can go wrong with kept sessions. `str()` gives one line for a person.

SessionError
├── StoreUnavailable    the store can't be opened or read
│   ├── StoreInUse      by the program that writes it
│   └── StoreDamaged    what it holds is not what was written
├── StoreFailed         a write failed: nothing of it is in the store, and it may be tried again
│   └── Refused         a write that will never be taken: of a session that was deleted, of a stream that has ended
│       └── Fenced      another writer has taken the store
├── UnknownSession, UnknownStream
├── SessionExists
└── InvalidFork         a place in a stream, or a new id, that can't be
"""


class SessionError(Exception):
    """Of any kind."""


class StoreUnavailable(SessionError):
    """Its text says where the store is, without a password, and why it can't be used."""


class StoreInUse(StoreUnavailable):
    """By another OS process of this host."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"the store is in use by pid {pid}")


class StoreDamaged(StoreUnavailable):
    """A payload that is no event or message, or events with a gap."""


class StoreFailed(SessionError):
    """A disk that is full, a lock that another process holds, a connection that broke."""


class Refused(StoreFailed):
    """Against what the store holds."""


class Fenced(Refused):
    """Of an older epoch than the store's."""


class UnknownSession(SessionError, LookupError):
    def __init__(self, id_: str) -> None:
        super().__init__(f"expected the id of a session, got {id_!r}, which is none")


class UnknownStream(SessionError, LookupError):
    def __init__(self, id_: str, session_id: str) -> None:
        super().__init__(f"expected the id of a stream of session {session_id!r}, got {id_!r}, which is none")


class SessionExists(SessionError):
    def __init__(self, id_: str) -> None:
        super().__init__(f"expected a new session's id, got {id_!r}, which another one has")


class InvalidFork(SessionError, ValueError):
    """Its text says what was expected."""
