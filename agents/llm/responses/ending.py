"""How a response ended: failed, cut, or whole."""

from typing import Any, Final

from agents.core.errors import ApiError, Fault
from agents.core.finish import broken_off, fault_of
from agents.llm.faults import error_in_stream, error_told

PLAIN: Final = ("message", "function_call")
"""Types of output items that say no more than text and calls do."""


def was_cut(item: dict[str, Any]) -> bool:
    """A message or a call that its provider did not finish, whatever it says of the response."""
    status = item.get("status")
    return item.get("type") in PLAIN and isinstance(status, str) and broken_off(status)


def incomplete_reason(response: dict[str, Any]) -> str | None:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return str(reason) if reason else None


def failure(status: str, response: dict[str, Any]) -> Fault | None:
    """The fault of a response that failed, else None."""
    if error_told({"error": response.get("error")}):
        return error_in_stream({"error": response["error"]})
    if status == "incomplete":
        reason = incomplete_reason(response)
        return fault_of(reason) if reason is not None and broken_off(reason) else None
    if status in ("failed", "cancelled"):
        return ApiError(0, f"the response was {status}", status)
    return fault_of(status) if broken_off(status) else None
