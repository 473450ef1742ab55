"""Tools that get the context of their calls, in a module that a worker can import."""

from dataclasses import dataclass
from typing import Any

from agents import CallContext, tool


@dataclass
class Bank:
    """A value that the host binds. In a worker process it is made of JSON data."""

    branch: str


def seen(call: CallContext[Any]) -> dict[str, Any]:
    """Return what a test compares."""
    branch = None if call.dependencies is None else call.dependencies.branch
    return {
        "call_id": call.call_id,
        "key": call.key,
        "attempt": call.attempt,
        "tool": call.tool,
        "session": call.session_id,
        "stream": call.stream_id,
        "owner": call.owner,
        "agent": call.agent,
        "path": list(call.path),
        "has_deadline": call.deadline is not None,
        "branch": branch,
    }


@tool
def forked(call: CallContext[Bank], what: str) -> dict[str, Any]:
    """Say what a worker process sees."""
    return {"what": what, **seen(call)}


@tool(isolation="thread")
def threaded(what: str, call: CallContext[Bank]) -> dict[str, Any]:
    """Say what a thread sees."""
    return {"what": what, **seen(call)}


@tool
async def awaited(what: str, *, call: CallContext[Bank]) -> dict[str, Any]:
    """Say what a task sees."""
    return {"what": what, **seen(call)}


@tool
async def plain(what: str, call: CallContext) -> dict[str, Any]:
    """Say what a task without dependencies sees."""
    return {"what": what, **seen(call)}
