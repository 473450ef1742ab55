"""The events of one follow that are on their way, counted at both ends.

The owner sends while its window is open. The follower gives credit when it has taken half of the window, so the owner
of a quick follower never waits. A slow follower costs both nodes at most a window and one event.
"""

from collections import deque
from typing import Final

MAX_EVENTS: Final = 1024
MAX_BYTES: Final = 256 * 2**10


class Window:
    """The owner's count: the sizes of the events without credit, in the order in which they were sent."""

    __slots__ = ("_bytes", "_sizes")

    def __init__(self) -> None:
        self._sizes: deque[int] = deque()
        self._bytes = 0

    @property
    def open(self) -> bool:
        return self._bytes < MAX_BYTES and len(self._sizes) < MAX_EVENTS

    def sent(self, size: int) -> None:
        self._sizes.append(size)
        self._bytes += size

    def credited(self, count: int) -> bool:
        """Take a credit. Return False, and change nothing, for one that is not above 0 or above what was sent."""
        if not 0 < count <= len(self._sizes):
            return False
        for _ in range(count):
            self._bytes -= self._sizes.popleft()
        return True


class Taken:
    """The follower's count of taken events without credit."""

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events = self._bytes = 0

    def add(self, size: int, events: int = 1) -> int:
        """Count events that were taken. Return the number of events to give credit for, or 0 to wait for more."""
        self._events += events
        self._bytes += size
        if 2 * self._events < MAX_EVENTS and 2 * self._bytes < MAX_BYTES:
            return 0
        due, self._events, self._bytes = self._events, 0, 0
        return due
