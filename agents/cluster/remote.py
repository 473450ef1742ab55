"""The parts of a node that its stand-ins use, and the state of a stand-in."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from actors import Pid
from agents.cluster.forwarding import Forwarding
from agents.cluster.link.address import PeerNode
from agents.cluster.seeking import FIRST_PAUSE_S, OwnerOf
from agents.core.events import Event

ReadStored: TypeAlias = Callable[[str, int, int], Awaitable[list[Event]]]
"""Read a stream's events from the store: those with a seq above the first number, at most the second number of them."""

IDLE_S: Final = 60.0


class Remote(Struct, frozen=True):
    """The parts of a node that its stand-ins use.

    links: the process of the links. owner_of: see seeking.py. failover_s: how long requests wait for an owner.
    buffer_size: as in Stream.
    """

    links: Pid
    owner_of: OwnerOf
    read: ReadStored
    failover_s: float
    buffer_size: int | None
    idle_s: float = IDLE_S


class StandInState:
    """State: the session, the forwarded requests, and the search for the owner.

    known: the owner that was found before the start, for the first search. misses: the answers in a row that brought
    nothing. asked: the number of requests. checking: whether a Check is due.
    """

    def __init__(self, session: str, remote: Remote, me: Pid, known: PeerNode | None) -> None:
        self.session, self.remote, self.known = session, remote, known
        self.forwarding = Forwarding(session, me)
        self.seeker: Pid | None = None
        self.misses = self.asked = 0
        self.checking = False

    def search(self) -> tuple[str, Pid, OwnerOf, float, float, PeerNode | None]:
        """Return the arguments of the next `seek` after the stand-in's own Pid."""
        known, self.known = self.known, None
        pause_s = FIRST_PAUSE_S if self.misses else 0.0
        return self.session, self.remote.links, self.remote.owner_of, self.remote.failover_s, pause_s, known
