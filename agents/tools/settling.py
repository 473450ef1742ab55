"""The settling of a call that may have taken effect: the call of its `verify`, and what follows from the outcome.

    cut by a crash --verify--> happened: the result · did not happen: the call runs · not known: by on_unknown
    failed         --verify--> happened: the result · did not happen: it failed     · not known: by on_unknown

A call is settled after a failure if it was late, its worker crashed, or its tool raised and has a `verify`.
"""

import dataclasses
import json
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from actors.log import get_logger
from agents.core.checkpoint import UNKNOWN
from agents.core.conversation import ToolCall
from agents.core.effects import ApprovalAsked, ToolCleared
from agents.core.outcome import DidNotHappen, Happened, NotKnown, OnUnknown, Outcome
from agents.core.tool_result import ToolResult
from agents.tools.call_supervisor import failed
from agents.tools.open_call import OpenCall
from agents.tools.result import result_text
from agents.tools.tool import Tool

WITHOUT_ANSWER: Final = frozenset({"timeout", "crashed", "cpu_time"})
"""The errors of calls that ended without an answer of their tool."""

NO_EFFECT: Final = "the call took no effect"
UNKNOWN_EFFECT: Final = "the call may or may not have taken effect"

log = get_logger("understudy.tools")


class Settled(Struct, frozen=True):
    """The outcome of a call. by_person: a person has decided it."""

    number: int
    outcome: Outcome
    by_person: bool = False


def is_doubtful(tool: Tool | None, result: ToolResult) -> bool:
    """Return whether a call with this result may have taken effect, and something can be done about that."""
    if tool is None or tool.idempotent:
        return False
    if result.error == "raised":
        return tool.verification is not None
    return result.error in WITHOUT_ANSWER and (tool.verification is not None or tool.on_unknown is OnUnknown.ASK)


def verification(tool: Tool, call: ToolCall) -> tuple[Tool, ToolCall]:
    """Return the `verify` of the tool as a tool, and its call, with those arguments that are its parameters."""
    asked = tool.verification
    assert asked is not None
    named = asked.parameters["properties"]
    arguments = {name: value for name, value in _arguments(call).items() if name in named}
    return dataclasses.replace(asked, timeout_s=tool.deadline_s), call.edited(json.dumps(arguments))


def outcome_of(tool: str, answer: ToolResult) -> Outcome:
    """Return the outcome that `verify` has returned. A failure, and any other value, means that it is not known."""
    try:
        if answer.error is None:
            outcome: Outcome = msgspec.convert(answer.value, Outcome)
            return outcome
        why = answer.content
    except msgspec.ValidationError:
        why = "expected Happened, DidNotHappen or NotKnown"
    log.warning("verify_failed", tool=tool, reason=why)
    return NotKnown()


def judged(call: OpenCall, outcome: Outcome, *, by_person: bool) -> ToolResult | ToolCleared | ApprovalAsked:
    """Return what follows from the outcome of a call: its result, its next run, or the question to a person."""
    tool, failure, call.doubted, call.verifying = call.tool, call.failure, False, False
    if isinstance(outcome, Happened):
        return ToolResult(result_text(outcome.result), outcome.result)
    policy = None if tool is None else tool.on_unknown
    did_not = isinstance(outcome, DidNotHappen)
    if tool is not None and (did_not or policy is OnUnknown.RUN) and (by_person or failure is None):
        return ToolCleared(call.call.index)
    if did_not:
        failure = UNKNOWN if failure is None else failure
        return replace(failure, content=f"{failure.content}; {NO_EFFECT}", error="no_effect")
    if tool is None or policy is not OnUnknown.ASK:
        return not_known(failure)
    call.doubted = True
    return ApprovalAsked(call.call.index, tool.approval_timeout_s, kind="effect")


def not_known(failure: ToolResult | None, reason: str = "") -> ToolResult:
    """Return the result of a call whose outcome is not known. failure: None for a call that a crash cut."""
    words = UNKNOWN.content if failure is None else f"{failure.content}; {UNKNOWN_EFFECT}"
    return ToolResult(f"{words}; {reason}" if reason else words, error="unknown")


def refused(call: OpenCall, reason: str) -> ToolResult:
    """Return the result of a call that a person has denied, or to which nobody answered in time."""
    if call.doubted:
        return not_known(call.failure, reason)
    return failed("denied", f"denied: {reason}" if reason else "denied")


def _arguments(call: ToolCall) -> dict[str, Any]:
    """Return the arguments of a call that was accepted once, also of an object that was encoded twice."""
    value = json.loads(call.arguments or "{}")
    return dict(json.loads(value) if isinstance(value, str) else value)
