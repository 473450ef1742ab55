"""The calls of one model call: the running calls, their results, and the rule for starting more. Pure."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import ToolCall, ToolMessage
from agents.core.events import ToolResult
from agents.core.question import AnswerValue
from agents.core.waiting import Ruling


class ToolFinished(Struct, frozen=True):
    """The result of a running call. index: the call's number in its model call.

    ruling: the decision that ended the call before it ran.
    """

    index: int
    result: ToolResult
    ruling: Ruling | None = None


class AskedCall(Struct, frozen=True):
    """A call whose function has asked a person while it ran. answers: those so far, in the order of its questions."""

    index: int
    answers: tuple[AnswerValue, ...] = ()


class Round(Struct, frozen=True):
    """The calls of a model call and their state.

    started: indexes of the calls that count as running or have ended. results: in order of arrival. gated: indexes of
    started calls whose tool may demand an approval, or whose function waits for an answer. A gated call does not run
    before it is cleared. doubtful: indexes of calls that may have taken effect, and wait for a person. again: indexes
    of calls that ran, and run again. asked: the calls whose functions have asked a person.
    """

    calls: tuple[ToolCall, ...] = ()
    started: frozenset[int] = frozenset()
    results: tuple[ToolFinished, ...] = ()
    gated: frozenset[int] = frozenset()
    doubtful: frozenset[int] = frozenset()
    again: tuple[int, ...] = ()
    asked: tuple[AskedCall, ...] = ()

    @property
    def running(self) -> int:
        return len(self.started) - len(self.results)

    @property
    def over(self) -> bool:
        return len(self.results) == len(self.calls)

    @property
    def claimed(self) -> frozenset[int]:
        """Indexes of the calls that may have begun to run, or are about to run."""
        return self.started - self.gated

    def cleared(self, call: ToolCall) -> "Round":
        """Return the round in which this call may run, with the arguments that it has here."""
        again = self.again if call.index in self.gated else (*self.again, call.index)
        index = {call.index}
        return replace(self.having(call), gated=self.gated - index, doubtful=self.doubtful - index, again=again)

    def having(self, call: ToolCall) -> "Round":
        """Return the round with the arguments that the call has here."""
        return replace(self, calls=tuple(call if each.index == call.index else each for each in self.calls))

    def changed(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """Return the calls of the round that have other arguments than these calls of the model."""
        own = {call.index: call.arguments for call in calls}
        return tuple(call for call in self.calls if own.get(call.index) != call.arguments)

    def doubted(self, index: int) -> "Round":
        """Return the round in which this call waits for a person, since it may have taken effect."""
        return replace(self, doubtful=self.doubtful | {index})

    def answers(self, index: int) -> tuple[AnswerValue, ...] | None:
        """Return the answers to the questions of this call's function so far; None if it has asked nobody."""
        return next((each.answers for each in self.asked if each.index == index), None)

    def asks(self, index: int) -> bool:
        """Return whether the function of this call waits for an answer. Then the call is not claimed."""
        return index in self.gated and self.answers(index) is not None

    def asking(self, index: int) -> "Round":
        """Return the round in which the function of this call waits for an answer. Its claim is taken back."""
        asked = self.asked if self.answers(index) is not None else (*self.asked, AskedCall(index))
        return replace(self, gated=self.gated | {index}, asked=asked)

    def answered(self, index: int, answer: AnswerValue) -> "Round":
        """Return the round in which the function of this call has one more answer."""
        asked = tuple(AskedCall(index, (*each.answers, answer)) if each.index == index else each for each in self.asked)
        return replace(self, asked=asked)

    def call(self, index: int) -> ToolCall | None:
        """Return the running call with this index; None if no such call runs, or if it has its result."""
        if index not in self.started or any(each.index == index for each in self.results):
            return None
        return next((call for call in self.calls if call.index == index), None)

    def finished(self, finished: ToolFinished) -> "Round":
        asked = tuple(each for each in self.asked if each.index != finished.index)
        return replace(self, results=(*self.results, finished), gated=self.gated - {finished.index}, asked=asked)

    def messages(self) -> tuple[ToolMessage, ...]:
        """Return the results so far, in the model's order."""
        results = {each.index: each.result for each in self.results}
        return tuple(
            ToolMessage(call.id, call.name, results[call.index].for_the_model)
            for call in self.calls
            if call.index in results
        )


def started(
    waiting: Round,
    parallel: int,
    barriers: Collection[str],
    approval: Collection[str] = (),
    agents: Collection[str] = (),
    parallel_agents: int = 0,
    asks: Collection[int] = (),
) -> tuple[Round, tuple[ToolCall, ...]]:
    """Start the calls that may start, in the model's order. Return the next round, and the calls to run.

    parallel: the number of calls that may run at the same time. barriers: names of tools whose calls run alone: such a
    call starts when all earlier calls have results, and later calls wait for its result. approval: names of tools whose
    calls are gated. asks: indexes of other calls that are gated. agents: names of tools whose calls sub-agents answer,
    parallel_agents of them at the same time; the others wait, and calls of other tools pass them.
    """
    finished = {each.index for each in waiting.results}
    running, agents_left = waiting.running, parallel_agents - _running_in(waiting, agents)
    chosen: list[ToolCall] = []
    for position, call in enumerate(waiting.calls):
        if call.index in finished:
            continue
        alone = call.name in barriers
        if call.index not in waiting.started:
            earlier_over = all(before.index in finished for before in waiting.calls[:position])
            if running >= parallel or (alone and not (earlier_over and running == 0)):
                break
            if call.name in agents:
                agents_left -= 1
                if agents_left < 0:
                    continue
            chosen.append(call)
            running += 1
        if alone:
            break
    begun = waiting.started | {call.index for call in chosen}
    gated = waiting.gated | {call.index for call in chosen if call.name in approval or call.index in asks}
    return replace(waiting, started=begun, gated=gated), tuple(chosen)


def _running_in(waiting: Round, names: Collection[str]) -> int:
    """Return the number of running calls of these tools."""
    return sum(call.name in names and waiting.call(call.index) is not None for call in waiting.calls) if names else 0
