"""Responses in background mode. They outlive their connection: a client reconnects for the rest, or cancels them."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from agents.rehearsal.errors import Refusal
from agents.rehearsal.playback import Performance
from agents.rehearsal.script import Fault

KEPT_RESPONSES = 1000


@dataclass(frozen=True)
class Running:
    """A response that plays, and the counter of its faults."""

    performance: Performance
    fault: Fault | None
    place: Any

    def resumed(self, fault: Fault | None, after: int, *, stream: bool) -> Performance:
        """Return the events after this number, with the fault that is due, or the whole response."""
        return replace(self.performance, fault=fault, after=max(after, -1), stream=stream)


class Background:
    """The last responses, by id. cancelled: ids, in the order in which they were cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self._running: OrderedDict[str, Running] = OrderedDict()

    def keep(self, performance: Performance, fault: Fault | None, place: Any) -> None:
        """Keep a response.

        fault: the step's fault, also if it was not due at first. place: the key for counting its failures.
        """
        self._running[f"resp_{performance.reply.key}"] = Running(performance, fault, place)
        while len(self._running) > KEPT_RESPONSES:
            self._running.popitem(last=False)

    def find(self, id_: str) -> Running:
        """Return the response with this id. Raises Refusal."""
        if id_ not in self._running:
            raise Refusal(404, f"Response with id '{id_}' not found.", param="id")
        return self._running[id_]

    def cancel(self, id_: str) -> dict[str, Any]:
        """Cancel a response and return its object. Raises Refusal."""
        performance = self.find(id_).performance
        self.cancelled.append(id_)
        return performance.api.whole(performance.reply, performance.request) | {"status": "cancelled", "output": []}
