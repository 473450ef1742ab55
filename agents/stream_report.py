"""The log event of a stream's end: what it took, and never what was said."""

from typing import Any

import msgspec

from actors.log import get_logger
from agents.core.errors import ApiError, Fault
from agents.core.events import StreamComplete, StreamMetrics
from agents.stream import Stream

log = get_logger("understudy.agents")


def report_end(agent_id: str, stream: Stream) -> None:
    """Log stream_completed or stream_failed. Called once a stream, by its agent."""
    outcome = stream.outcome
    if outcome is None:
        return
    fields: dict[str, Any] = {"agent_id": agent_id, "stream_id": stream.id, "attempt": outcome.attempt}
    if isinstance(outcome, StreamComplete):
        log.info("stream_completed", **fields, **_metrics(outcome.response.metrics))
    else:
        log.info("stream_failed", **fields, **_reason(outcome.reason), **_metrics(outcome.metrics))


def _reason(fault: Fault) -> dict[str, Any]:
    """The kind of fault: its words may quote what was said, or a key."""
    kind = type(fault).__struct_config__.tag
    return {"reason": kind, "code": fault.code} if isinstance(fault, ApiError) else {"reason": kind}


def _metrics(metrics: StreamMetrics | None) -> dict[str, Any]:
    """All fields by their names. errors: how many, for the reason above."""
    if metrics is None:
        return {}
    return msgspec.structs.asdict(metrics) | {"errors": len(metrics.errors)}
