"""A running stream, as its agent and its handler both see it: who subscribes, and the last value of its turn.

It outlives the handler, as an ETS table outlives the process that writes it: when the handler falls, the agent takes
the turn from here and ends it with the right seq and all that had arrived.
"""

from collections.abc import Iterable

from actors import Pid
from agents.core.events import Event
from agents.core.turn import Turn


class Stream:
    """id: the stream's. turn: the handler stores each new value before it publishes its events."""

    __slots__ = ("_subscribers", "id", "turn")

    def __init__(self, id_: str, subscribers: Iterable[Pid] = ()) -> None:
        self.id = id_
        self.turn: Turn | None = None
        self._subscribers: dict[Pid, None] = dict.fromkeys(subscribers)

    def subscribe(self, subscriber: Pid) -> None:
        self._subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Pid) -> None:
        self._subscribers.pop(subscriber, None)

    def publish(self, event: Event, sender: Pid | None) -> None:
        """Put the event into every subscriber's mailbox. One that has died is left out from now on."""
        dead: list[Pid] | None = None
        for subscriber in self._subscribers:
            process = subscriber.process
            if process is not None:
                process.deliver(event, sender)
            else:
                dead = [*(dead or ()), subscriber]
        if dead:
            for subscriber in dead:
                del self._subscribers[subscriber]
