"""The errors of kept sessions. `str()` gives one line for a person.

SessionError
├── StoreUnavailable    the store can't be opened or read
│   ├── InvalidStoreUrl  the URL names no store that is supported
│   ├── ConnectionLost  the server ended the connection, and may be back soon
│   ├── StoreUnreachable  the server does not answer, or takes no connections now
│   ├── StoreInUse      another program writes the store
│   ├── NodeNameTaken   a living node of the cluster has the name
│   └── StoreDamaged    the store's content is not what was written
├── WriteFailed         a write failed: nothing of it is in the store, and it may be tried again
│   ├── JournalEnded    the journal that would have written it has ended
│   └── RecordsRefused  the store never accepts this write, as for a deleted session or an ended stream
│       ├── NotData     the store could not return the value as it was
│       ├── Elsewhere   another node of the cluster owns the session
│       ├── Lost        this node does not own the session
│       └── Fenced      another writer has the store, or this node was declared dead
├── UnknownSession, UnknownStream, UnknownEffect
├── OutcomeKnown         the outcome of a call is known already
├── SessionExists
└── InvalidFork         the place in a stream, or the new id, is invalid
"""

from agents.core.ledger import EffectState


class SessionError(Exception):
    """Any failure of kept sessions.

    for_client: a text for clients, without the store's place or the database's message.
    """

    for_client: str = "the store of sessions can't be used now"


class StoreUnavailable(SessionError):
    """The store can't be opened or read. The text says where the store is, without a password, and the reason."""


class InvalidStoreUrl(StoreUnavailable):
    """The URL of a store names none that is supported."""


class ConnectionLost(StoreUnavailable):
    """An open connection ended."""


class StoreUnreachable(StoreUnavailable):
    """The database server does not answer, or takes no connections now. A later try may succeed."""


class StoreInUse(StoreUnavailable):
    """Another OS process writes the store. host: that process's host, if it is another one."""

    def __init__(self, pid: int, host: str | None = None) -> None:
        super().__init__(f"the store is in use by pid {pid}{'' if host is None else f' of host {host}'}")


class NodeNameTaken(StoreUnavailable):
    """A living node of the cluster has the name of the node that would join."""

    def __init__(self, name: str, by: StoreInUse) -> None:
        place = str(by).removeprefix("the store is in use by ")
        super().__init__(f"expected a new name for this node, got {name!r}, which {place} has: see cluster.name")


class StoreDamaged(StoreUnavailable):
    """A stored event or message is invalid, or events have a gap."""


class WriteFailed(SessionError):
    """A write failed: the disk is full, another process holds a lock, or a connection broke."""

    for_client = "the store of sessions can't be written now"


class JournalEnded(WriteFailed):
    """The journal crashed, was killed, or was stopped."""


class RecordsRefused(WriteFailed):
    """The store never accepts this data, or the data contradicts what the store holds."""

    for_client = "the store of sessions does not accept what this turn recorded"


class NotData(RecordsRefused):
    """The store could not return this value as it was. The text names neither the store nor the value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.for_client = text


class Elsewhere(RecordsRefused):
    """Another living node owns the session. epoch: that node's."""

    def __init__(self, session_id: str, epoch: int) -> None:
        super().__init__(f"session {session_id!r} belongs to node {epoch}")
        self.for_client = f"session {session_id!r} belongs to another node"
        self.epoch = epoch


class Lost(RecordsRefused):
    """This node does not own the session: it has released it."""

    for_client = "another node continues this session"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"expected records of a session of this node, got those of {session_id!r}")


class Fenced(RecordsRefused):
    """The writer's epoch is older than the store's."""

    for_client = "the store of sessions has another writer now"


class UnknownSession(SessionError, LookupError):
    def __init__(self, id_: str) -> None:
        super().__init__(f"expected the id of a session, got {id_!r}, which does not exist")


class UnknownStream(SessionError, LookupError):
    def __init__(self, id_: str, session_id: str) -> None:
        super().__init__(f"expected the id of a stream of session {session_id!r}, got {id_!r}, which does not exist")


class SessionExists(SessionError):
    def __init__(self, id_: str) -> None:
        super().__init__(f"expected a new session's id, got {id_!r}, which is in use")


class InvalidFork(SessionError, ValueError):
    """A fork that is impossible. The text says what was expected."""


class UnknownEffect(SessionError, LookupError):
    """No call in the ledger of effects has this key."""

    for_client = "no such effect"

    def __init__(self, key: str) -> None:
        super().__init__(f"expected the key of an effect, got {key[:200]!r}, which does not exist")


class OutcomeKnown(SessionError):
    """The outcome of the call is known, or the call has not begun. state: its state."""

    def __init__(self, key: str, state: EffectState) -> None:
        super().__init__(f"expected an effect that is unknown, got {key}, which is {state}")
        self.for_client = str(self)
