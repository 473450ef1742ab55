"""The lanes of a turn's calls. A call is known by its number in its model call, until the next model call begins."""

from typing import Final

from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
from agents.timeline.lane import GrowingLane, MarksOnly
from agents.timeline.lanes import Lane, MarkKind

MAX_LANES: Final = 100
NEVER_RAN: Final = frozenset({"denied", "unanswered", "unknown_tool", "invalid_arguments", "unknown"})
KILLED: Final = frozenset({"timeout", "crashed", "cpu_time"})


class CallLanes:
    """The lanes of all calls so far. Calls above MAX_LANES share one lane."""

    def __init__(self) -> None:
        self._lanes: list[GrowingLane] = []
        self._present: dict[int, GrowingLane] = {}
        self._unfinished: set[int] = set()

    @property
    def unfinished(self) -> bool:
        """Whether a call of the present model call has no result."""
        return bool(self._unfinished)

    @property
    def over(self) -> bool:
        """Whether every call of the present model call has its result, and there is at least one call."""
        return bool(self._present) and not self._unfinished

    def next_model_call(self, now_s: float) -> None:
        """Leave the calls of the present model call as they are. Later numbers are those of other calls."""
        for lane in self._present.values():
            lane.end(now_s)
        self._present.clear()
        self._unfinished.clear()

    def started(self, call: ToolCall, now_s: float) -> None:
        """Begin the lane of a call. Its arguments follow."""
        if call.index in self._present:
            self.next_model_call(now_s)
        self._lane(call.index, call).begin("arguments", now_s, 1)

    def arguments(self, index: int, now_s: float) -> None:
        self._lane(index).extend("arguments", now_s)

    def complete(self, call: ToolCall, now_s: float) -> None:
        """End the arguments. The call is queued until it runs."""
        lane = self._lane(call.index, call)
        lane.extend("arguments", now_s)
        lane.begin("queued", now_s)

    def asked(self, call: ToolCall, now_s: float) -> None:
        """Begin the wait for a decision about the call."""
        self._lane(call.index, call).begin("approval", now_s, 1)

    def decided(self, call: ToolCall, words: str, now_s: float) -> None:
        """End the wait for a decision about the call."""
        lane = self._lane(call.index, call)
        lane.end(now_s)
        lane.mark("decided", now_s, 1, words)

    def begun(self, call: ToolCall, attempt: int, begin_s: float, now_s: float) -> None:
        """Begin a run of the call. attempt: 1 for the first run. A run that goes on then has failed or was killed."""
        lane = self._lane(call.index, call)
        if lane.open == "run":
            lane.mark("failed", now_s, 0, f"attempt {attempt - 1} failed or was killed")
        lane.ran_from(begin_s, now_s, 1, f"attempt {attempt}" if attempt > 1 else "")

    def progressed(self, call: ToolCall, now_s: float) -> None:
        lane = self._lane(call.index, call)
        if lane.open != "run":
            lane.begin("run", now_s)
        lane.mark("progress", now_s, 1)

    def finished(self, call: ToolCall, result: ToolResult, now_s: float) -> None:
        """End the call. Without an event for its begin, its run lasted as long as the result says."""
        lane, error = self._lane(call.index, call), result.error
        if lane.open != "run" and error not in NEVER_RAN:
            lane.ran_from(now_s - max(0.0, result.elapsed_s), now_s)
        lane.end(now_s)
        kind: MarkKind = "result"
        if error is not None:
            kind = "denied" if error in ("denied", "unanswered") else "killed" if error in KILLED else "failed"
        attempts = f"attempt {result.attempts}: " if result.attempts > 1 else ""
        lane.mark(kind, now_s, 1, f"{attempts}{error or 'done'}")
        self._unfinished.discard(call.index)

    def stopped(self, now_s: float, *, void: bool) -> None:
        """End what the present model call's calls do. void: a reset discards them."""
        for index, lane in self._present.items():
            if index in self._unfinished and lane.open == "run":
                lane.mark("killed", now_s, 0, "ended with its model call")
            if void:
                lane.void()
        self.next_model_call(now_s)

    def lanes(self, now_s: float) -> tuple[Lane, ...]:
        return tuple(lane.lane(now_s) for lane in self._lanes)

    def _lane(self, index: int, call: ToolCall | None = None) -> GrowingLane:
        """Return the lane of a call of the present model call. A call that is new gets a lane."""
        if (lane := self._present.get(index)) is None:
            name, id_ = ("?", None) if call is None else (call.name, call.id)
            lane = self._present[index] = self._new(name, id_)
            self._unfinished.add(index)
        return lane

    def _new(self, name: str, id_: str | None) -> GrowingLane:
        if len(self._lanes) <= MAX_LANES:
            full = len(self._lanes) == MAX_LANES
            self._lanes.append(MarksOnly("rest", "more calls") if full else GrowingLane("call", name, id_))
        return self._lanes[-1]
