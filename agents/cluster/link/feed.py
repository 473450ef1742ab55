"""The owner's end of a follow: a relay sends events through it, as far as the follower has given credit."""

from asyncio import Event
from typing import TYPE_CHECKING

from actors import SHUTDOWN, Pid, exit  # noqa: A004 (OTP's word)
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.credit import Window
from agents.cluster.link.wire import Events, FollowEnded

if TYPE_CHECKING:
    from agents.cluster.link.link import Link


class Feed:
    """A follow of the peer, shared by the link and one relay.

    The follower's close and the link's end send the relay the exit signal SHUTDOWN.
    """

    __slots__ = ("_credited", "_id", "_link", "_open", "_relay", "_window")

    def __init__(self, link: "Link", id_: int) -> None:
        self._link, self._id = link, id_
        self._window, self._credited = Window(), Event()
        self._open = True
        self._relay: Pid | None = None

    def begin(self, relay: Pid) -> bool:
        """Name the relay. Return False if the follow is closed already."""
        self._relay = relay
        return self._open

    @property
    def has_room(self) -> bool:
        """Whether the follower has room for an event, and the link, too."""
        return self._window.open and self._link.flowing.is_set()

    async def room(self) -> None:
        """Wait until there is room. One coroutine at a time calls it."""
        if not self.has_room:
            COUNTS.stalls += 1
        while not self.has_room:
            self._credited.clear()
            await (self._link.flowing if self._window.open else self._credited).wait()

    def accept(self) -> None:
        """Tell the follower that its follow has begun: it gets Arrived without events."""
        if self._open:
            self._link.put(Events([(self._id, [])]))

    def send(self, event: bytes) -> None:
        """Send an event, after `room`. Nothing is sent if the follow is closed. Raises TooLarge."""
        if self._open:
            self._link.put_event(self._id, event)
            self._window.sent(len(event))

    def end(self, reason: str) -> None:
        """End the follow, after the events that were sent."""
        if self._link.feeds.pop(self._id, None) is not None:
            self._link.put(FollowEnded(self._id, reason))

    def credited(self, events: int) -> bool:
        """Take the follower's credit. Return False for an impossible one."""
        accepted = self._window.credited(events)
        self._credited.set()
        return accepted

    def close(self) -> None:
        self._open = False
        if self._relay is not None:
            exit(self._relay, SHUTDOWN)
