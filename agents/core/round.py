"""The calls of one model call: which may start now, which have their result. Pure scheduling."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import ToolCall, ToolMessage
from agents.core.events import ToolResult


class ToolFinished(Struct, frozen=True):
    """The call with this index, of the model call that is running, has its result."""

    index: int
    result: ToolResult


class Round(Struct, frozen=True):
    """started: indexes of the calls that were started. results: in order of arrival."""

    calls: tuple[ToolCall, ...] = ()
    started: frozenset[int] = frozenset()
    results: tuple[ToolFinished, ...] = ()

    @property
    def running(self) -> int:
        return len(self.started) - len(self.results)

    @property
    def over(self) -> bool:
        return len(self.results) == len(self.calls)

    def call(self, index: int) -> ToolCall | None:
        """The call that runs under this index; None if there is none, or if it has its result."""
        if index not in self.started or any(each.index == index for each in self.results):
            return None
        return next((call for call in self.calls if call.index == index), None)

    def finished(self, finished: ToolFinished) -> "Round":
        return replace(self, results=(*self.results, finished))

    def messages(self) -> tuple[ToolMessage, ...]:
        """The results that there are, in the model's order."""
        results = {each.index: each.result for each in self.results}
        return tuple(
            ToolMessage(call.id, call.name, results[call.index].content) for call in self.calls if call.index in results
        )


def started(waiting: Round, parallel: int, barriers: Collection[str]) -> tuple[Round, tuple[ToolCall, ...]]:
    """Start what may start, in the model's order: the round, and the calls to be run.

    parallel: calls that may run at once. barriers: names of tools that run alone: a call of one starts when all before
    it have their results, and none after it starts before it has its own.
    """
    finished = {each.index for each in waiting.results}
    running = waiting.running
    chosen: list[ToolCall] = []
    for position, call in enumerate(waiting.calls):
        if call.index in finished:
            continue
        alone = call.name in barriers
        if call.index not in waiting.started:
            earlier_over = all(before.index in finished for before in waiting.calls[:position])
            if running >= parallel or (alone and not (earlier_over and running == 0)):
                break
            chosen.append(call)
            running += 1
        if alone:
            break
    return replace(waiting, started=waiting.started | {call.index for call in chosen}), tuple(chosen)
