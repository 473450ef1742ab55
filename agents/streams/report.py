"""The report of a stream's end: a log event, and figures for the meters that run. Neither has the turn's text."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from actors import pg
from actors.log import get_logger
from agents.core.charge import Charge
from agents.core.deltas import Usage
from agents.core.errors import ApiError, Cancelled, Fault, NetworkError
from agents.core.events import Event, StreamComplete, StreamError, StreamToolResult
from agents.core.stream_metrics import StreamMetrics
from agents.streams.stream import Stream
from agents.traces.calls import ModelCalled
from agents.traces.requests import METERS

log = get_logger("understudy.agents")


SHOWN_FAILURES: Final = 10
"""The most failed model calls that the log names of one turn."""


class ToolCalled(msgspec.Struct, frozen=True):
    """A call that has ended. error: the kind of its failure, or None."""

    name: str
    error: str | None
    elapsed_s: float


class TurnEnded(msgspec.Struct, frozen=True):
    """The figures of a turn. fault: the tag of the stream's error, or None. model_calls: without their retries.

    models: the model calls that this program made, with their retries. charges: of these. owner: a user, or "".
    """

    fault: str | None
    metrics: StreamMetrics | None
    usage: Usage
    model_calls: int
    retries: int
    tools: tuple[ToolCalled, ...]
    models: tuple[ModelCalled, ...] = ()
    charges: tuple[Charge, ...] = ()
    owner: str = ""
    agent: str = ""


def report_end(agent_id: str, stream: Stream) -> None:
    """Log stream_completed or stream_failed, end the turn's span, and send TurnEnded to the meters.

    An agent calls this once per stream.
    """
    outcome = stream.outcome
    if outcome is None:
        return
    fields: dict[str, Any] = {"agent_id": agent_id, "stream_id": stream.id, "attempt": outcome.attempt}
    fields |= _model_calls(stream.trace.model_calls)
    if isinstance(outcome, StreamComplete):
        log.info("stream_completed", **fields, **_metrics(outcome.response.metrics))
    else:
        say = log.info if isinstance(outcome.reason, Cancelled) else log.warning
        say("stream_failed", **fields, **_reason(outcome.reason), **_metrics(outcome.metrics))
    stream.trace.span.end(outcome)
    if pg.members(METERS):
        pg.broadcast(METERS, _figures(stream, outcome))


def _figures(stream: Stream, outcome: StreamComplete | StreamError) -> TurnEnded:
    """Return the figures of a turn. The events are read only if the turn had calls."""
    fault, metrics = None, None
    if isinstance(outcome, StreamError):
        fault, metrics = str(type(outcome.reason).__struct_config__.tag), outcome.metrics
    else:
        metrics = outcome.response.metrics
    models = tuple(stream.trace.model_calls)
    if stream.turn is None:
        return TurnEnded(fault, metrics, Usage(), 0, 0, (), models)
    past = stream.turn.past
    tools = tuple(_calls(stream.joined_events)) if past.calls else ()
    return TurnEnded(
        fault,
        metrics,
        past.spent.usage,
        past.spent.model_calls,
        outcome.attempt - 1,
        tools,
        models,
        past.charges,
        stream.account.payer.owner or "",
        stream.account.payer.agent,
    )


def _calls(events: Sequence[Event]) -> Iterator[ToolCalled]:
    for event in events:
        if type(event) is StreamToolResult:
            yield ToolCalled(event.tool_call.name, event.result.error, event.result.elapsed_s)


def _model_calls(calls: Sequence[ModelCalled]) -> dict[str, Any]:
    """Return the model and the address of the last model call, and one line for each of the latest that failed."""
    if not calls:
        return {}
    last, failed = calls[-1], [_line(call, fault) for call in calls if (fault := call.fault) is not None]
    asked = {"provider": last.server.address, "model": last.model}
    return asked | {"failed_model_calls": failed[-SHOWN_FAILURES:]} if failed else asked


def _line(call: ModelCalled, fault: Fault) -> str:
    """Return the model, the address, and the kind and the codes of the fault of a model call."""
    return f"{call.model} at {call.server.address}: {' '.join(map(str, _reason(fault).values()))}"


def _reason(fault: Fault) -> dict[str, Any]:
    """Return the kind of a fault, and its codes. Its text is left out: it may quote the turn, or a key."""
    known: dict[str, Any] = {"reason": type(fault).__struct_config__.tag}
    match fault:
        case ApiError(code, request_id=request_id):
            return known | {"code": code} | ({} if request_id is None else {"provider_request_id": request_id})
        case NetworkError(posix):
            return known | {"code": posix}
    return known


def _metrics(metrics: StreamMetrics | None) -> dict[str, Any]:
    """Return all fields by name, with the number of errors: their texts may quote the turn."""
    if metrics is None:
        return {}
    return msgspec.structs.asdict(metrics) | {"errors": len(metrics.errors)}
