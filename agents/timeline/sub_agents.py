"""The lanes of a turn's sub-agents. A sub-agent is known by its path."""

from typing import Final

from agents.core.errors import Cancelled
from agents.core.events import (
    OwnEvent,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamHandoff,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
    StreamUsage,
    StreamWarning,
)
from agents.timeline.lane import GrowingLane, MarksOnly
from agents.timeline.lanes import Lane

MAX_LANES: Final = 50
BELOW: Final = "> "
"""The beginning of a title, once for each call that leads to the sub-agent."""


class SubAgentLanes:
    """A lane for each sub-agent so far. Those above MAX_LANES share one lane."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, ...], GrowingLane] = {}
        self._rest = MarksOnly("rest", "more agents")

    def published(self, path: tuple[str, ...], event: OwnEvent, now_s: float) -> None:
        """Take an event of a sub-agent. Its calls are in its own timeline."""
        lane = self._lane(path, event)
        match event:
            case StreamStart():
                lane.begin("wait", now_s, 1)
            case StreamReasoning():
                lane.extend("reasoning", now_s)
            case StreamToken():
                lane.extend("text", now_s)
            case StreamFunctionCallStarted() | StreamFunctionArgumentsDelta() | StreamFunctionCallComplete():
                lane.extend("arguments", now_s)
            case StreamFunctionExecutionStart():
                lane.begin("tools", now_s, 1)
            case StreamApprovalRequired():
                lane.begin("approval", now_s, 1)
            case _:
                _marked(lane, event, now_s)

    def stopped(self, now_s: float) -> None:
        """End what the sub-agents do: their calls have ended."""
        for lane in self._lanes.values():
            lane.end(now_s)

    def lanes(self, now_s: float) -> tuple[Lane, ...]:
        full = (self._rest,) if len(self._lanes) == MAX_LANES else ()
        return tuple(lane.lane(now_s) for lane in (*self._lanes.values(), *full))

    def _lane(self, path: tuple[str, ...], event: OwnEvent) -> GrowingLane:
        if path not in self._lanes:
            if len(self._lanes) == MAX_LANES:
                return self._rest
            name = event.agent_id if isinstance(event, StreamStart) else event.stream_id
            self._lanes[path] = GrowingLane("agent", f"{BELOW * len(path)}{name}", path[-1] if path else None)
        return self._lanes[path]


def _marked(lane: GrowingLane, event: OwnEvent, now_s: float) -> None:
    match event:
        case StreamUsage():
            lane.mark("usage", now_s, 1)
        case StreamWarning(reason):
            lane.mark("warning", now_s, 1, str(reason))
        case StreamHandoff(speaker):
            lane.mark("start", now_s, 1, f"{speaker} speaks")
        case StreamReset(reason):
            lane.void()
            lane.begin("wait", now_s, 1, str(reason))
        case StreamComplete():
            lane.end(now_s)
            lane.mark("result", now_s, 1, "done")
        case StreamError(reason):
            lane.end(now_s)
            lane.mark("cancelled" if isinstance(reason, Cancelled) else "failed", now_s, 1, str(reason))
        case _:  # of its calls
            lane.extend("tools", now_s)
