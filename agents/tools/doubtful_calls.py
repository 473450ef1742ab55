"""The calls of a turn that failed or were cut and may have taken effect: the outcome of each is found out."""

from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from actors import Down
from actors.clock import unix_s
from agents.core.conversation import ToolCall
from agents.core.effects import (
    ApprovalAsked,
    SubAgentPublished,
    ToolCleared,
    ToolProgressed,
    ToolStarted,
)
from agents.core.outcome import DidNotHappen, NotKnown, Outcome
from agents.core.round import ToolFinished
from agents.core.tool_result import ToolResult
from agents.core.waiting import Ruling
from agents.tools.call_supervisor import Answered, AskedMidway, Crashed, Progressed, failed
from agents.tools.decided_calls import BudgetRuled, BudgetsChanged, DecidedCalls
from agents.tools.open_call import OpenCall
from agents.tools.settling import Settled, is_doubtful, judged, outcome_of, verification

Happened: TypeAlias = (
    ToolStarted
    | ToolFinished
    | ToolProgressed
    | SubAgentPublished
    | ApprovalAsked
    | ToolCleared
    | BudgetRuled
    | BudgetsChanged
)


NO_QUESTION: Final = "expected an outcome, got a question: verify can't ask a person"


class DoubtfulCalls(DecidedCalls):
    """The open calls of a turn, whose outcomes may have to be found out."""

    async def settle(self, call: ToolCall) -> None:
        """Find out the outcome of a cut call. The call ends, or sends ToolCleared and waits for `run_cleared`."""
        number, opened = self._opened(call)
        outcome = None if self._turn is None else self._turn.settled(call)
        if outcome is None:
            await self._find_out(number, opened)
        else:
            self._deliver(Settled(number, outcome, by_person=True))

    def settle_asked(self, key: str, outcome: Outcome) -> bool:
        """Settle the call with this idempotency key, if a person is asked about its outcome. Return whether one is."""
        number = next((each for each in self._approvals.numbers if self._key(each) == key), None)
        if number is not None:
            self._approvals.withdraw(number)
            if isinstance(outcome, DidNotHappen):
                self._open[number].ruling = Ruling("approved", unix_s())
            self._deliver(Settled(number, outcome, by_person=True))
        return number is not None

    async def _ended(self, number: int, call: OpenCall, result: ToolResult) -> ToolFinished | None:
        """Return the end of a call; None if it is to be found out first whether the call took effect."""
        if not is_doubtful(call.tool, result):
            return self._reviewed(number, call, result, ran=call.span is not None)
        call.failure = result
        await self._find_out(number, call)
        return None

    def _reviewed(self, number: int, call: OpenCall, result: ToolResult, *, ran: bool = True) -> ToolFinished | None:
        """Return the end of a call; None if the host reviews its result first. ran: whether the call ran."""
        result = call.fallen_back(result)
        if call.tool is None or not ran or not self._review.concerns(call.tool, result):
            return self._finished(number, result)
        call.ended = True
        self._reviewing.check(number, self._review.checked(call.call, call.tool, result))
        return None

    async def _find_out(self, number: int, call: OpenCall) -> None:
        """Ask the tool's `verify` for the outcome of the call."""
        number = self._open.renumber(number)
        if call.tool is None or call.tool.verification is None:
            return self._deliver(Settled(number, NotKnown()))
        call.verifying = True
        return await self._workers.start(number, call, *verification(call.tool, call.call))

    def _verified(self, number: int, call: OpenCall, message: Any) -> Happened | None:
        """Return the event that a message means while `verify` is asked about the call, or None."""
        match message:
            case Progressed():
                call.unread.popleft()
            case Crashed(_, reason):
                call.crash = reason
            case Answered(_, result):
                return self._settled(number, call, outcome_of(call.call.name, result))
            case AskedMidway():
                return self._settled(number, call, outcome_of(call.call.name, failed("raised", NO_QUESTION)))
            case Down():
                return self._settled(number, call, outcome_of(call.call.name, failed("crashed", call.crash)))
        return None

    def _settled(self, number: int, call: OpenCall, outcome: Outcome, *, by_person: bool = False) -> Happened | None:
        """Return what follows from the outcome of a call: its result, its next run, or the question to a person."""
        number, earlier = self._open.renumber(number), self._waits.begin(call.call)
        following = judged(call, outcome, by_person=by_person)
        if isinstance(following, ToolResult):
            return self._reviewed(number, call, following)
        if isinstance(following, ToolCleared):
            call.ruling, ruling = None, call.ruling
            return replace(following, ruling=ruling)
        if earlier is not None and earlier.ruling is not None:  # a person has decided about it since the restart
            self._decided(number, earlier.ruling)
            return None
        if earlier is not None:
            deadline = earlier.waiting.deadline
            following = replace(following, timeout_s=max(0.0, deadline - unix_s()), deadline=deadline)
        self._approvals.ask(number, call.call, following.timeout_s, deadline=following.deadline, kind="effect")
        self._waits.watch()
        return following

    def _key(self, number: int) -> str | None:
        """Return the idempotency key of a call of doubtful effect."""
        call = self._open.get(number)
        return None if call is None or not call.doubted or self._turn is None else self._turn.context(call.call).key
