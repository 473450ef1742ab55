"""The review of calls by the host: before a call runs, and of its result. agents/hooks decides, TurnCalls obeys."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
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


class Review(Struct, frozen=True):
    """before: decides on each call with valid arguments. after: returns the result that counts. None: no review."""

    before: Before | None = None
    after: After | None = None


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

    def check(self, number: int, after: After, call: ToolCall, result: ToolResult) -> None:
        async def checked() -> Checked:
            return Checked(number, await after(call, result))

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
