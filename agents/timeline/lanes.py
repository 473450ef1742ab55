"""The timeline of a turn as a value: lanes with spans and marks. Times are seconds since the turn's first event.

Spans of one lane never overlap. Every event of the stream is counted in one span or one mark.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

SpanKind: TypeAlias = Literal["wait", "reasoning", "text", "arguments", "tools", "queued", "approval", "run"]
"""The kinds of spans.

wait: the model was asked and has sent nothing. reasoning, text, arguments: output of the model. tools: the model call
has ended and its calls run. queued: a call has its arguments and does not run. approval: a call waits for a decision.
run: a call runs.
"""

MarkKind: TypeAlias = Literal[
    "start", "first_token", "usage", "warning", "compacted", "reset", "progress", "decided", "result", "failed",
    "killed", "denied", "complete", "cancelled", "error",
]  # fmt: skip
"""The kinds of marks.

result, failed, killed, denied: the end of a call, by its outcome. complete, cancelled, error: the end of the turn.
"""

LaneKind: TypeAlias = Literal["turn", "model", "call", "agent", "rest"]


class Span(Struct, frozen=True, omit_defaults=True):
    """A time in which one thing happened.

    events: number of events that the span stands for. open: the span has not ended. void: a reset discarded the output.
    """

    kind: SpanKind
    begin_s: float
    end_s: float
    events: int = 0
    note: str = ""
    open: bool = False
    void: bool = False


class LaneMark(Struct, frozen=True, omit_defaults=True):
    """A moment. events: number of events that the mark stands for."""

    kind: MarkKind
    at_s: float
    events: int = 0
    note: str = ""


class Lane(Struct, frozen=True, omit_defaults=True):
    """A row of the timeline. A call has its own lane, and so has a sub-agent, with the id of the call that it answers.

    `rest` holds what is above the highest number of lanes.
    """

    kind: LaneKind
    title: str
    spans: tuple[Span, ...] = ()
    marks: tuple[LaneMark, ...] = ()
    call_id: str | None = None


class Timeline(Struct, frozen=True):
    """A turn over time.

    began_at: Unix seconds of the first event. length_s: until the last event, or until now for a turn that runs.
    outcome: null while the turn runs. seq: that of the last event. events: their number.
    """

    stream_id: str
    agent_id: str | None
    began_at: float
    length_s: float
    outcome: Literal["complete", "cancelled", "error"] | None
    seq: int
    events: int
    lanes: tuple[Lane, ...]
