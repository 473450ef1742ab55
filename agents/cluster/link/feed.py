"""The owner's end of a follow: a relay sends events through it, as far as the follower has given credit."""

import asyncio
from typing import TYPE_CHECKING

from actors import SHUTDOWN, Pid, exit  # noqa: A004 (OTP's word)
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.credit import Window

if TYPE_CHECKING:
    from agents.cluster.link.link import Link


class Feed:
    """A follow of the peer, shared by the link and one relay.

    The follower's close and the link's end send the relay the exit signal SHUTDOWN.
    """

    __slots__ = ("_id", "_link", "_open", "_relay", "_room", "_window")

    def __init__(self, link: "Link", id_: int) -> None:
        self._link, self._id = link, id_
        self._window = Window()
        self._open = True
        self._relay: Pid | None = None
        self._room: asyncio.Future[None] | None = None

    def begin(self, relay: Pid) -> bool:
        """Name the relay. Return False if the follow is closed already."""
        self._relay = relay
        return self._open

    @property
    def has_room(self) -> bool:
        """Whether the follower has room for an event, and the link, too."""
        return self._window.open and not self._link.congested

    async def room(self) -> None:
        """Wait until there is room. One coroutine at a time calls it."""
        if not self.has_room:
            COUNTS.stalls += 1
        while not self.has_room:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def accept(self) -> None:
        """Tell the follower that its follow has begun: it gets Arrived without events."""
        self._link.begin_feed(self._id)

    def send(self, event: bytes) -> None:
        """Send an event, after `room`. Nothing is sent if the follow is closed. Raises TooLarge."""
        if self._open:
            self._link.feed(self._id, event)
            self._window.sent(len(event))

    def end(self, reason: str) -> None:
        """End the follow, after the events that were sent."""
        self._link.end_feed(self._id, reason)

    def credited(self, events: int) -> bool:
        """Take the follower's credit. Return False for an impossible one."""
        accepted = self._window.credited(events)
        self.wake()
        return accepted

    def wake(self) -> None:
        """Let the relay look for room again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def close(self) -> None:
        self._open = False
        if self._relay is not None:
            exit(self._relay, SHUTDOWN)
