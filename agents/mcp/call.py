"""A call of a server's tool, and the server's answer as the tool's result."""

from contextvars import copy_context
from typing import Any, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp import MCPError
    from mcp.shared.dispatcher import ProgressFnT
    from mcp_types import (
        CONNECTION_CLOSED,
        InputRequiredResult,
    )

from agents.mcp.result import result_of
from agents.mcp.view import ServerView
from agents.tools.errors import ServerRaised
from agents.tools.progress import progress as reported

NO_SESSION: Final = "Session terminated"
"""The client's text for an answer 404: the server has forgotten the session, as after its restart."""


async def call_tool(view: ServerView, name: str, arguments: dict[str, Any]) -> Any:
    """Call a tool, and return its result. Raises ServerDown, ServerRaised."""
    session = await view.connected()
    try:
        answer = await session.call_tool(name, arguments, progress_callback=_reporting(), allow_input_required=True)
    except MCPError as failed:
        if failed.code == CONNECTION_CLOSED or failed.message == NO_SESSION:
            view.changing()
            raise await view.lost() from failed
        raise ServerRaised(failed.message) from failed
    except (RuntimeError, ValueError) as invalid:  # it does not fit its own schema, or the protocol
        raise ServerRaised(f"the server's answer is invalid: {str(invalid).partition(chr(10))[0]}") from invalid
    if isinstance(answer, InputRequiredResult):
        raise ServerRaised("the server asks for input, which is not supported")
    await view.current()  # a call may have changed the server's tools: the next model call has them
    return result_of(answer)


def _reporting() -> ProgressFnT:
    """Return what the client calls with the server's progress: it reports for this call."""
    context = copy_context()

    async def report(progress: float, total: float | None, message: str | None) -> None:
        given = {"progress": progress, "total": total, "message": message}
        context.run(reported, {name: value for name, value in given.items() if value is not None})

    return report
