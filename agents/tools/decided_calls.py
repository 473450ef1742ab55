"""The open calls of a turn, and the decisions of persons on those that wait."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import Mailbox, Pid
from actors.clock import clock, unix_s
from agents.core.conversation import ToolCall
from agents.core.effects import ApprovalAsked
from agents.core.outcome import DidNotHappen
from agents.core.question import AnswerValue
from agents.core.round import ToolFinished
from agents.core.tool_result import ToolResult
from agents.core.waiting import Ruling, Waiting
from agents.tools.approval import Answer, Approvals, InvalidEdit
from agents.tools.call_supervisor import AskedMidway
from agents.tools.call_workers import CallWorkers
from agents.tools.job import Calling, Keep, no_store
from agents.tools.open_call import Asked, Cleared, NotRun, OpenCall, OpenCalls
from agents.tools.review import UNREVIEWED, Review, Reviewing
from agents.tools.settling import Settled
from agents.tools.tool import Tool
from agents.tools.turn_waits import TurnWaits, edit_fault
from agents.traces.span import UNRECORDED, TurnSpan


class BudgetRuled(Struct, frozen=True):
    """The decision about the budget for which the turn waits."""

    waiting: Waiting
    ruling: Ruling


class BudgetsChanged(Struct, frozen=True):
    """The budget for which the turn waits may have room again."""


class DecidedCalls:
    """The open calls of a turn. They belong to one inbox and end when it closes."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        keep: Keep = no_store,
        turn: Calling | None = None,
        span: TurnSpan = UNRECORDED,
        review: Review = UNREVIEWED,
        waits: TurnWaits | None = None,
    ) -> None:
        """Make the calls of a turn. keep: keeps the images, sounds and files of results. span, waits: the turn's."""
        self._tools, self._turn, self._span, self._review = tools, turn, span, review
        self._inbox = Mailbox()
        self._waits = waits or TurnWaits()
        self._approvals = Approvals(self._decided, self._waits.record)
        self._reviewing = Reviewing(self._deliver)
        self._workers = CallWorkers(self._inbox, keep, turn, span)
        self._open = OpenCalls()
        self._budget: tuple[int, Waiting] | None = None
        self._now_s = clock()

    def use(self, tools: Mapping[str, Tool], review: Review = UNREVIEWED) -> None:
        """Run later calls with these tools, and under this review."""
        self._tools, self._review = tools, review

    @property
    def budget(self) -> Waiting | None:
        """The question about a budget that waits for a decision."""
        return None if self._budget is None else self._budget[1]

    def await_budget(self, waiting: Waiting) -> None:
        """Wait for the decision about a budget, unless a person has decided since the restart. It is an event."""
        earlier = self._waits.begin(waiting.call)
        if earlier is not None and earlier.ruling is not None:
            return self._deliver(BudgetRuled(waiting, earlier.ruling))
        number = self._open.next_number()
        self._budget = number, waiting
        self._approvals.wait(number, waiting, round(waiting.deadline - waiting.asked_at, 3))
        return self._waits.watch()

    def look_again(self) -> None:
        """Send the turn BudgetsChanged if it waits for a budget."""
        if self._budget is not None:
            self._deliver(BudgetsChanged())

    def withdraw(self, waiting: Waiting) -> bool:
        """Take the question about a budget back. Return whether it still waits."""
        if self._budget is None or self._budget[1] is not waiting:
            return False
        self._approvals.withdraw(self._budget[0])
        self._budget = None
        return True

    def _asked(self, number: int, call: OpenCall, why: str) -> ApprovalAsked | None:
        """Return the question about a call; None if a person has decided about it since the restart.

        The call waits from the moment at which the turn announces the question. So no turn is parked before that.
        """
        assert call.tool is not None
        earlier = self._waits.begin(call.call)
        if earlier is not None and earlier.ruling is not None:
            self._decided(number, earlier.ruling)
            return None
        question = call.question
        timeout_s = (question and question.timeout_s) or call.tool.approval_timeout_s
        left_s = timeout_s if call.deadline is None else max(0.0, call.deadline - unix_s())
        self._approvals.ask(number, call.call, timeout_s, call.on_timeout, call.deadline, call.kind, question, why)
        self._waits.watch()
        asked = call.call.index, left_s, call.changed, why, call.deadline, call.on_timeout
        return ApprovalAsked(*asked, call.kind, question, call.midway)

    def _asked_midway(self, number: int, call: OpenCall, asked: AskedMidway) -> ApprovalAsked | None:
        """Return the question of the call's function, whose worker has ended."""
        call.ask_midway(asked.question, asked.retried)
        return self._asked(self._open.renumber(number), call, "")

    def _ask_again(self, number: int, call: OpenCall) -> None:
        """Ask the question again that waited before a restart. Without it the call runs up to its question."""
        earlier = self._waits.earlier(call.call)
        if earlier is None:
            return self._deliver(Cleared(number))
        call.question, call.midway = earlier.waiting.question, True
        return self._deliver(Asked(number, ""))

    @property
    def agents(self) -> tuple[Pid, ...]:
        """The sub-agents that answer calls now."""
        return tuple(self._workers.agents.values())

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        return self._approvals.waiting

    @property
    def all_taken(self) -> bool:
        """Whether the turn has taken all that has happened to its calls."""
        return not self._inbox.process.mailbox

    @property
    def waiting_only(self) -> frozenset[int] | None:
        """The indexes of the open calls, if each waits for a decision or for a sub-agent; else None."""
        if self._workers.starting or not self._open.keys() <= {*self._approvals.numbers, *self._workers.agents}:
            return None
        return frozenset(each.call.index for each in self._open.values())

    def freeze(self) -> None:
        """Let no deadline and no decision begin anything any more: the turn is about to be parked, or ends."""
        self._approvals.close()
        self._budget = None
        self._waits.stop()

    def approve(
        self, call_id: str, arguments: str | None = None, edited: str | None = None, by: str | None = None
    ) -> Answer:
        """Approve a call that waits, so that it runs. arguments, edited, by: as in Approvals.approve."""
        wait = next((each for each in self._approvals.waiting if each.call.id == call_id), None)
        if wait is not None and (fault := edit_fault(self._tools, wait, edited)) is not None:
            return InvalidEdit(call_id, fault)
        return self._approvals.approve(call_id, arguments, edited, by)

    def answer(self, call_id: str, given: AnswerValue, by: str | None = None, shown: str | None = None) -> Answer:
        """Answer the question of a call that waits. The answer is its result, or its function runs again with it.

        shown: as in Approvals.answer.
        """
        return self._approvals.answer(call_id, given, by, shown)

    def deny(self, call_id: str, reason: str = "", by: str | None = None) -> Answer:
        """Deny a call that waits, so that it ends. reason: for the model."""
        return self._approvals.deny(call_id, reason, by)

    def _decided(self, number: int, ruling: Ruling) -> None:
        """Deliver the decision: an approved call is cleared to run, a denied one gets its result.

        The turn claims a cleared call before it runs. The caller of `approve` does not wait for that.
        """
        if self._budget is not None and self._budget[0] == number:
            (_, waiting), self._budget = self._budget, None
            return self._deliver(BudgetRuled(waiting, ruling))
        call = self._open[number]
        if call.continued(ruling):
            return self._deliver(Cleared(number))
        if ruling.decision != "approved":
            return self._deliver(NotRun(number, ruling))
        call.ruling = ruling
        if call.doubted:
            return self._deliver(Settled(number, DidNotHappen(), by_person=True))
        if ruling.edited is None:
            return self._deliver(Cleared(number))
        call.edit(ruling.edited)
        if self._review.before is None or call.tool is None:
            return self._deliver(Cleared(number))
        return self._reviewing.judge(number, self._review.before, call.call, call.tool)

    def _opened(self, call: ToolCall, *, asks: bool = False) -> tuple[int, OpenCall]:
        earlier = self._waits.earlier(call)
        deadline = None if earlier is None else earlier.waiting.deadline
        opened = OpenCall(call, self._tools.get(call.name), self._now_s(), deque(), asks=asks, deadline=deadline)
        if self._turn is not None and self._turn.edited_before(call):
            opened.edited = call.arguments
        return self._open.add(opened), opened

    async def _run(self, number: int, tool: Tool) -> None:
        call = self._open[number]
        call.span = self._span.tool_call(call.call)
        await self._workers.start(number, call, tool)

    def _finished(self, number: int, result: ToolResult) -> ToolFinished:
        call = self._open.pop(number)
        self._workers.agents.pop(number, None)
        self._waits.begin(call.call)  # nobody can decide any more
        result = call.noted(result)
        elapsed_s = round(self._now_s() - call.started_s, 6)  # to the microsecond
        result = replace(result, elapsed_s=elapsed_s, attempts=max(call.attempts, 1))
        (call.span or self._span.tool_call(call.call)).end(result)
        if self._open:
            self._waits.watch()
        return ToolFinished(call.call.index, result, call.ruling)

    def _deliver(self, message: Any) -> None:
        self._inbox.put(message)
