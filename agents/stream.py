"""A running stream, as its agent and its handler both see it: who subscribes, and the last value of its turn.

It outlives the handler, as an ETS table outlives the process that writes it: when the handler falls, the agent takes
the turn from here and ends it with the right seq and all that had arrived.
"""

from collections.abc import Iterable

from actors import Pid
from agents.core.errors import Fault
from agents.core.events import Event, StreamError
from agents.core.turn import Steered, Turn, fail, step
from agents.tools.executor import Calls


class Stream:
    """id: the stream's. agent: who sends its events. turn: stored by the handler before it publishes its events.
    calls: of the turn, while its handler runs, to be approved or denied."""

    __slots__ = ("_subscribers", "agent", "calls", "id", "turn")

    def __init__(self, id_: str, agent: Pid | None = None, subscribers: Iterable[Pid] = ()) -> None:
        self.id = id_
        self.agent = agent
        self.turn: Turn | None = None
        self.calls: Calls | None = None
        self._subscribers: dict[Pid, None] = dict.fromkeys(subscribers)

    def subscribe(self, subscriber: Pid) -> None:
        self._subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Pid) -> None:
        self._subscribers.pop(subscriber, None)

    def publish(self, event: Event) -> None:
        """Put the event into every subscriber's mailbox. One that has died is left out from now on."""
        dead: list[Pid] | None = None
        for subscriber in self._subscribers:
            process = subscriber.process
            if process is not None:
                process.deliver(event, self.agent)
            else:
                dead = [*(dead or ()), subscriber]
        for subscriber in dead or ():
            del self._subscribers[subscriber]

    def steer(self, message: str, now_s: float) -> bool:
        """Let the message join the turn's next model call; False if the turn is over, or has not begun."""
        if self.turn is None or self.turn.outcome is not None:
            return False
        self.turn, _ = step(self.turn, Steered(message), now_s)
        return True

    def fail(self, fault: Fault, now_s: float) -> None:
        """End the stream with stream_error, unless it has ended. now_s: as in turn.step."""
        if self.turn is None:
            self.publish(StreamError(fault, stream_id=self.id, seq=1))
        elif self.turn.outcome is None:
            self.turn, _ = fail(self.turn, fault, now_s)
            assert self.turn.outcome is not None
            self.publish(self.turn.outcome)
