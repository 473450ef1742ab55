"""The fold from a stream's events to its timeline. Pure: the times are those of the events."""

from collections.abc import Iterable
from math import isfinite
from typing import Literal

from agents.core.errors import Cancelled
from agents.core.events import (
    Event,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamCompacted,
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
    StreamSubAgent,
    StreamToken,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    StreamUsage,
    StreamWarning,
)
from agents.timeline.calls import CallLanes
from agents.timeline.lane import GrowingLane
from agents.timeline.lanes import SpanKind, Timeline
from agents.timeline.sub_agents import SubAgentLanes


class TimelineFold:
    """A timeline that grows by one event at a time. If the clock went back, an event has the time of the one before.

    stream_id: of a stream that may have no event yet.
    """

    def __init__(self, stream_id: str = "") -> None:
        self._turn, self._model, self._calls = GrowingLane("turn", "turn"), GrowingLane("model", "model"), CallLanes()
        self._below = SubAgentLanes()
        self._began_at: float | None = None
        self._now_s, self._seq, self._events = 0.0, 0, 0
        self._stream_id, self._agent_id = stream_id, ""
        self._outcome: Literal["complete", "cancelled", "error"] | None = None
        self._has_token = self._executing = False

    @property
    def seq(self) -> int:
        """The seq of the last event; 0 before the first event."""
        return self._seq

    def add(self, event: Event) -> None:
        """Add the next event of the stream. An event without a time has that of the one before."""
        self._now_s = now_s = self._elapsed_s(event.at)
        self._stream_id, self._seq, self._events = event.stream_id or self._stream_id, event.seq, self._events + 1
        match event:
            case StreamToken():
                self._output("text", now_s, 1)
                self._first_token(now_s)
            case StreamReasoning():
                self._output("reasoning", now_s, 1)
            case StreamFunctionCallStarted(call):
                self._output("arguments", now_s)
                self._calls.started(call, now_s)
            case StreamFunctionArgumentsDelta(index):
                self._output("arguments", now_s)
                self._calls.arguments(index, now_s)
            case StreamFunctionCallComplete(call):
                self._output("arguments", now_s)
                self._calls.complete(call, now_s)
            case StreamFunctionExecutionStart():
                self._model.begin("tools", now_s, 1)
                self._executing = True
                self._ask_again(now_s)
            case StreamToolStart(call, attempt):
                self._calls.begun(call, attempt, self._since_begin_s(event.at), now_s)
            case StreamApprovalRequired(call):
                self._calls.asked(call, now_s)
            case StreamApprovalDecided(call, decision, by):
                self._calls.decided(call, f"{decision} by {by}" if by else decision, now_s)
            case StreamToolProgress(call):
                self._calls.progressed(call, now_s)
            case StreamToolResult(call, result):
                self._calls.finished(call, result, now_s)
                self._ask_again(now_s)
            case StreamSubAgent(path, below):
                self._below.published(path, below, now_s)
            case _:
                self._of_turn(event, now_s)

    def timeline(self, now_at: float | None = None) -> Timeline:
        """Return the timeline. now_at: Unix seconds until which a turn lasts that has not ended."""
        length_s = self._now_s
        if now_at is not None and self._outcome is None and self._began_at is not None:
            length_s = max(length_s, now_at - self._began_at)
        return Timeline(
            stream_id=self._stream_id,
            agent_id=self._agent_id or None,
            began_at=self._began_at or 0.0,
            length_s=length_s,
            outcome=self._outcome,
            seq=self._seq,
            events=self._events,
            lanes=(
                self._turn.lane(length_s),
                self._model.lane(length_s),
                *self._calls.lanes(length_s),
                *self._below.lanes(length_s),
            ),
        )

    def _elapsed_s(self, at: float | None) -> float:
        if self._began_at is None and at is not None and isfinite(at):
            self._began_at = at
        return max(self._now_s, self._since_begin_s(at))

    def _since_begin_s(self, at: float | None) -> float:
        """Return the seconds from the begin to this time. The begin of an eager call may be before the last event."""
        if self._began_at is None or at is None or not isfinite(at):
            return self._now_s
        return max(0.0, at - self._began_at)

    def _output(self, kind: SpanKind, now_s: float, events: int = 0) -> None:
        """Take output of the model. Output after the results of all calls belongs to the next model call."""
        if self._executing and not self._calls.unfinished:
            self._calls.next_model_call(now_s)
            self._executing = False
        self._model.extend(kind, now_s, events)

    def _first_token(self, now_s: float) -> None:
        if not self._has_token:
            self._has_token = True
            self._model.mark("first_token", now_s)

    def _ask_again(self, now_s: float) -> None:
        """After the last result, the model is asked again."""
        if self._executing and self._calls.over:
            self._model.begin("wait", now_s)

    def _of_turn(self, event: Event, now_s: float) -> None:
        """Take an event of the turn as a whole."""
        match event:
            case StreamStart(agent_id):
                self._agent_id = agent_id
                self._turn.mark("start", now_s, 1)
                self._model.begin("wait", now_s)
            case StreamHandoff(speaker):
                self._turn.mark("start", now_s, 1, f"{speaker} speaks")
            case StreamUsage():
                self._turn.mark("usage", now_s, 1)
            case StreamWarning(reason):
                self._turn.mark("warning", now_s, 1, str(reason))
            case StreamCompacted():
                self._turn.mark("compacted", now_s, 1, str(event))
            case StreamReset(reason):
                self._turn.mark("reset", now_s, 1, str(reason))
                self._reset(now_s, str(reason))
            case StreamComplete():
                self._end("complete", now_s)
            case StreamError(reason):
                self._end("cancelled" if isinstance(reason, Cancelled) else "error", now_s, str(reason))

    def _reset(self, now_s: float, reason: str) -> None:
        self._model.void()
        self._model.begin("wait", now_s, note=reason)
        self._calls.stopped(now_s, void=True)
        self._below.stopped(now_s)
        self._executing = False

    def _end(self, outcome: Literal["complete", "cancelled", "error"], now_s: float, reason: str = "") -> None:
        self._outcome = outcome
        self._model.end(now_s)
        self._calls.stopped(now_s, void=False)
        self._below.stopped(now_s)
        self._turn.mark(outcome, now_s, 1, reason)


def timeline_of(events: Iterable[Event], now_at: float | None = None) -> Timeline:
    """Return the timeline of these events. now_at: as for `TimelineFold.timeline`."""
    fold = TimelineFold()
    for event in events:
        fold.add(event)
    return fold.timeline(now_at)
