"""The end of a response: failed, cut, or whole."""

from typing import Any, Final

from agents.core.errors import ApiError, Fault
from agents.core.finish import broken_off, fault_of
from agents.llm.faults import error_in_stream, is_error

PLAIN: Final = ("message", "function_call")
"""Types of output items that hold only text or a call."""


def was_cut(item: dict[str, Any]) -> bool:
    """Return whether an item is an unfinished message or call. The response's own status does not matter."""
    status = item.get("status")
    return item.get("type") in PLAIN and isinstance(status, str) and broken_off(status)


def is_opaque(item: dict[str, Any]) -> bool:
    """Return whether an item holds more than text or a call, so that the output must go back unchanged."""
    return item.get("type") not in PLAIN or item.get("phase") is not None


def incomplete_reason(response: dict[str, Any]) -> str | None:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return str(reason) if reason else None


def failure(status: str, response: dict[str, Any]) -> Fault | None:
    """Return the fault of a failed response, else None."""
    if is_error({"error": response.get("error")}):
        return error_in_stream({"error": response["error"]})
    if status == "incomplete":
        reason = incomplete_reason(response)
        return fault_of(reason) if reason is not None and broken_off(reason) else None
    if status in ("failed", "cancelled"):
        return ApiError(0, f"the response was {status}", status)
    return fault_of(status) if broken_off(status) else None
