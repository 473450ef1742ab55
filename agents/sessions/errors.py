"""What can go wrong with kept sessions. `str()` gives one line for a person.

SessionError
├── StoreUnavailable    the store can't be opened or read
│   ├── ConnectionLost  by the server, which may be back
│   ├── StoreInUse      by the program that writes it
│   └── StoreDamaged    what it holds is not what was written
├── StoreFailed         a write failed: nothing of it is in the store, and it may be tried again
│   ├── JournalEnded    the journal that would have written it has ended
│   └── Refused         a write that the store never accepts: of a session that was deleted, of a stream that has ended
│       ├── NotData     of a value that the store could not give back
│       └── Fenced      another writer has the store
├── UnknownSession, UnknownStream
├── SessionExists
└── InvalidFork         a place in a stream, or a new id, that can't be
"""


class SessionError(Exception):
    """Of any kind. told: for a client, without where the store is or what the database says."""

    told: str = "the store of sessions can't be used now"


class StoreUnavailable(SessionError):
    """Its text says where the store is, without a password, and why it can't be used."""


class ConnectionLost(StoreUnavailable):
    """A connection that was open ended."""


class StoreInUse(StoreUnavailable):
    """By another OS process. host: of that process, if it is another host."""

    def __init__(self, pid: int, host: str | None = None) -> None:
        super().__init__(f"the store is in use by pid {pid}{'' if host is None else f' of host {host}'}")


class StoreDamaged(StoreUnavailable):
    """A payload that is no event or message, or events with a gap."""


class StoreFailed(SessionError):
    """A disk that is full, a lock that another process holds, a connection that broke."""

    told = "the store of sessions can't be written now"


class JournalEnded(StoreFailed):
    """It crashed, was killed, or was stopped."""


class Refused(StoreFailed):
    """Data that can't be stored, or that contradicts what the store holds."""

    told = "the store of sessions does not accept what this turn recorded"


class NotData(Refused):
    """A value that a store could not give back as it was. Its text names no store, and nothing of the value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.told = text


class Fenced(Refused):
    """Of an older epoch than the store's."""

    told = "the store of sessions has another writer by now"


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
