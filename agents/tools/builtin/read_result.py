"""read_result: pieces of a large result that the model has got only in part. An agent with large_results has it."""

import asyncio
from typing import Annotated

from pydantic import Field

from agents.core.large_result import HANDLE, matches, piece
from agents.tools.call_supervisor import worker_of_call
from agents.tools.errors import ServerRaised
from agents.tools.tool import tool

MOST_CHARS = 1_000_000

Offset = Annotated[int, Field(ge=0, description="The character at which to begin")]
Limit = Annotated[int, Field(gt=0, le=MOST_CHARS, description="The most characters to return")]
Search = Annotated[str, Field(min_length=1, max_length=200, description="Return the places of this text instead")]


@tool(idempotent=True, large_results="whole", timeout_s=30.0)
async def read_result(
    handle: Annotated[str, Field(pattern=HANDLE.pattern, description="As the shortened result names it")],
    offset: Offset = 0,
    limit: Limit = 8000,
    search: Search | None = None,
    whole: Annotated[bool, Field(description="Return all of it, if you really need that")] = False,
) -> str:
    """Read more of a tool's result that was too large to be shown whole: a piece, or the places of a text in it."""
    turn = worker_of_call().job.turn
    data = None if turn is None else await turn.kept_result(handle)
    if data is None:
        raise ServerRaised("this conversation has no result with this handle, or dropped it for later ones")
    return await asyncio.to_thread(_read, data, offset, limit, search, whole)


def _read(data: bytes, offset: int, limit: int, search: str | None, whole: bool) -> str:
    text = data.decode(errors="replace")
    if search is not None:
        return matches(text, search, offset, limit)
    return text if whole else piece(text, offset, limit)
