"""The review of calls by the host: before a call runs, and of its result. agents/hooks decides, TurnCalls obeys."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.tool_result import ToolResult
from agents.tools.tool import Tool


class Judgement(Struct, frozen=True):
    """The decision on a call. arguments: those to run with. denied: the reason why the call does not run, or None.

    question: for the person who must approve the call, or None.
    """

    arguments: str
    denied: str | None = None
    question: str | None = None


Before: TypeAlias = Callable[[ToolCall, Tool], Awaitable[Judgement]]
After: TypeAlias = Callable[[ToolCall, ToolResult], Awaitable[ToolResult]]


class Aside(Protocol):
    """A place for results that are too large for the model."""

    def takes(self, tool: Tool, result: ToolResult) -> bool: ...

    async def put(self, result: ToolResult) -> ToolResult:
        """Keep the result, and return the one for the model."""


class Review(Struct, frozen=True):
    """before: decides on each call. after: returns the result that counts. aside: keeps large results.

    None: no hook decides, or the model gets all of each result.
    """

    before: Before | None = None
    after: After | None = None
    aside: Aside | None = None

    def concerns(self, tool: Tool, result: ToolResult) -> bool:
        """Return whether the result of a call that ran has to wait for a hook, or to be put aside."""
        return self.after is not None or (self.aside is not None and self.aside.takes(tool, result))

    async def checked(self, call: ToolCall, tool: Tool, result: ToolResult) -> ToolResult:
        """Return the result for the model."""
        if self.after is not None:
            result = await self.after(call, result)
        if self.aside is not None and self.aside.takes(tool, result):
            result = await self.aside.put(result)
        return result


UNREVIEWED: Final = Review()


class Judged(Struct, frozen=True):
    """The host has decided on the call with this number."""

    number: int
    verdict: Judgement


class Checked(Struct, frozen=True):
    """The host has reviewed the result of the call with this number."""

    number: int
    result: ToolResult


class Reviewing:
    """The reviews that run, each in a task of its own, so that none delays another call.

    deliver: gets Judged, Checked, or the exception that a review raises.
    """

    def __init__(self, deliver: Callable[[Any], None]) -> None:
        self._deliver = deliver
        self._tasks: set[asyncio.Task[Any]] = set()

    def judge(self, number: int, before: Before, call: ToolCall, tool: Tool) -> None:
        async def judged() -> Judged:
            return Judged(number, await before(call, tool))

        self._start(judged())

    def check(self, number: int, result: Coroutine[Any, Any, ToolResult]) -> None:
        async def checked() -> Checked:
            return Checked(number, await result)

        self._start(checked())

    async def stop(self) -> None:
        """Cancel the reviews. Returns when all have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, review: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(review)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._deliver(task.exception() or task.result())
