"""The calls of one turn: run each under supervision, after an approval if its tool needs one."""

from collections import deque
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from actors import Down, Mailbox, Pid
from actors.clock import clock, unix_s
from agents.core.conversation import ToolCall
from agents.core.effects import (
    ApprovalAsked,
    BudgetDecided,
    RunTool,
    SubAgentPublished,
    ToolCleared,
    ToolProgressed,
    ToolStarted,
)
from agents.core.outcome import DidNotHappen, NotKnown, Outcome
from agents.core.question import AnswerValue, Question
from agents.core.round import ToolFinished
from agents.core.tool_result import ToolResult
from agents.core.waiting import Ruling, Waiting
from agents.tools.approval import Answer, Approvals, InvalidEdit, wanted
from agents.tools.arguments import object_text
from agents.tools.call_supervisor import Answered, Attempted, Crashed, Progressed, Published, failed
from agents.tools.call_workers import CallWorkers
from agents.tools.decidable import Decidable
from agents.tools.errors import InvalidArguments, ToolRaised
from agents.tools.job import Calling, Keep, no_store
from agents.tools.open_call import Asked, Cleared, Denied, OpenCall, OpenCalls
from agents.tools.review import UNREVIEWED, Checked, Judged, Judgement, Review, Reviewing
from agents.tools.settling import Settled, is_doubtful, judged, outcome_of, question, refused
from agents.tools.tool import Tool
from agents.tools.turn_waits import TurnWaits, edit_fault
from agents.traces.span import UNRECORDED, TurnSpan

Happened: TypeAlias = (
    ToolStarted | ToolFinished | ToolProgressed | SubAgentPublished | ApprovalAsked | ToolCleared | BudgetDecided
)


class TurnCalls:
    """The calls of one turn. They belong to one inbox and end when it closes."""

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
        self._questions: dict[int, Decidable] = {}
        self._now_s = clock()

    def use(self, tools: Mapping[str, Tool], review: Review = UNREVIEWED) -> None:
        """Run later calls with these tools, and under this review."""
        self._tools, self._review = tools, review

    async def run(self, asked: RunTool) -> None:
        """Run a call, or ask for its approval first."""
        if asked.cleared:
            await self.run_cleared(asked.call.index)
        else:
            await self.start(asked.call, decided=asked.decided, asks=asked.asks)

    async def start(self, call: ToolCall, *, decided: bool = False, asks: bool = False) -> None:
        """Start the call's worker, or ask for its approval first. A call that can't run gets its result at once.

        If the tool may need approval, or the host reviews calls, the call sends ToolCleared and then waits for
        `run_cleared`. decided: the call was cleared before a crash, and runs with the arguments that it has. asks: it
        needs an approval.
        """
        number, opened = self._opened(call, asks=asks)
        tool, earlier = opened.tool, self._waits.earlier(call)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            reason = f"there is no tool {call.name!r}; the tools are: {known}"
            return self._deliver(Answered(number, failed("unknown_tool", reason)))
        before = self._review.before
        if earlier is not None and earlier.ruling is not None and not decided:
            self._waits.begin(call)
            opened.question = earlier.waiting.question
            return self._decided(number, earlier.ruling)
        if decided or (before is None and not tool.gated and not asks):
            return await self._run(number, tool)
        if before is None:
            return await self._obey(number, opened, Judgement(call.arguments))
        try:
            object_text(call.arguments)  # the host decides only on calls whose arguments are an object
        except InvalidArguments as invalid:
            return self._deliver(Answered(number, failed("invalid_arguments", str(invalid))))
        return self._reviewing.judge(number, before, call, tool)

    def ask(self, question: Decidable, timeout_s: float) -> None:
        """Ask a person. The decision is an event."""
        number = self._open.next_number()
        self._questions[number] = question
        self._approvals.ask(number, question.call, timeout_s, kind="budget")

    def withdraw(self, question: Decidable, instead: BudgetDecided) -> None:
        """Take a question back that waits. instead: the decision."""
        for number in [number for number, each in self._questions.items() if each is question]:
            del self._questions[number]
            self._approvals.withdraw(number)
            self._deliver(instead)

    def _ask(self, number: int, call: OpenCall, why: str) -> None:
        """Ask for an approval of the call, unless a person has decided about it since the restart."""
        assert call.tool is not None
        earlier = self._waits.begin(call.call)
        if earlier is not None and earlier.ruling is not None:
            return self._decided(number, earlier.ruling)
        question, on_timeout = call.question, call.tool.on_approval_timeout
        timeout_s = (question and question.timeout_s) or call.tool.approval_timeout_s
        left_s = timeout_s if call.deadline is None else max(0.0, call.deadline - unix_s())
        self._deliver(Asked(number, left_s, call.deadline, why))
        rest = on_timeout, call.deadline, call.kind, question
        self._approvals.ask(number, call.call, timeout_s, *rest)
        return self._waits.watch()

    async def run_cleared(self, index: int) -> None:
        """Start the worker of the call after its ToolCleared."""
        number, waiting = self._open.of_index(index)
        assert waiting.tool is not None
        waiting.started_s, waiting.failure = self._now_s(), None
        await self._run(number, waiting.tool)

    async def settle(self, call: ToolCall) -> None:
        """Find out what came of a call that a crash cut. It ends, or sends ToolCleared and waits for `run_cleared`."""
        number, opened = self._opened(call)
        outcome = None if self._turn is None else self._turn.settled(call)
        if outcome is None:
            await self._find_out(number, opened)
        else:
            self._deliver(Settled(number, outcome, by_person=True))

    def settle_asked(self, key: str, outcome: Outcome) -> bool:
        """Settle the call with this idempotency key, if it waits for a person's word. Return whether it does."""
        number = next((each for each in self._approvals.numbers if self._key(each) == key), None)
        if number is not None:
            self._approvals.withdraw(number)
            if isinstance(outcome, DidNotHappen):
                self._open[number].ruling = Ruling("approved", unix_s())
            self._deliver(Settled(number, outcome, by_person=True))
        return number is not None

    async def next(self) -> Happened:
        """Return the next event of the calls, in order of arrival.

        Each call finishes once, and no event of it follows.
        """
        while (happened := await self._happened(await self._inbox.receive())) is None:
            pass
        return happened

    @property
    def agents(self) -> tuple[Pid, ...]:
        """The sub-agents that answer calls now."""
        return tuple(self._workers.agents.values())

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        return self._approvals.waiting

    @property
    def waiting_only(self) -> frozenset[int] | None:
        """The indexes of the open calls, if each waits for a decision or for a sub-agent; else None."""
        if self._workers.starting or not self._open.keys() <= {*self._approvals.numbers, *self._workers.agents}:
            return None
        return frozenset(each.call.index for each in self._open.values())

    def freeze(self) -> None:
        """Let no deadline and no decision begin a call any more: the turn is about to be parked."""
        self._approvals.close()
        self._waits.stop()

    def approve(
        self, call_id: str, arguments: str | None = None, edited: str | None = None, by: str | None = None
    ) -> Answer:
        """Approve a call that waits, so that it runs. arguments, edited, by: as in Approvals.approve."""
        wait = next((each for each in self._approvals.waiting if each.call.id == call_id), None)
        if wait is not None and edited is not None and (fault := self._fault_of(wait, edited)) is not None:
            return InvalidEdit(call_id, fault)
        return self._approvals.approve(call_id, arguments, edited, by)

    def _fault_of(self, wait: Waiting, edited: str) -> str | None:
        """Return why the edited arguments or answer can't be accepted, or None."""
        question = next((each for each in self._questions.values() if each.call is wait.call), None)
        if question is None:
            return edit_fault(self._tools, wait, edited)
        try:
            question.check(edited)
        except InvalidArguments as invalid:
            return str(invalid)
        return None

    def answer(self, call_id: str, given: AnswerValue, by: str | None = None) -> Answer:
        """Answer the question of a call that waits. The answer is its result."""
        return self._approvals.answer(call_id, given, by)

    def deny(self, call_id: str, reason: str = "", by: str | None = None) -> Answer:
        """Deny a call that waits, so that it ends. reason: for the model."""
        return self._approvals.deny(call_id, reason, by)

    async def stop(self) -> None:
        """End all calls that run or wait. Returns when every worker of the turn has ended."""
        self.freeze()
        await self._reviewing.stop()
        self._inbox.close()
        await self._workers.stop()
        for call in self._open.values():
            if call.span is not None:
                call.span.end(None)

    async def _happened(self, message: Any) -> Happened | None:
        """Return the event that the message means for the turn, or None."""
        if isinstance(message, BudgetDecided):
            return message
        if isinstance(message, Exception):  # of a review: a fault of this program
            raise message
        number = self._workers.number_of(message) if isinstance(message, Down) else message.number
        call = self._open.get(number)
        if call is None or (call.ended and not isinstance(message, Checked)):
            return None
        if call.verifying:
            return self._verified(number, call, message)
        match message:
            case Settled(_, outcome, by_person):
                return self._settled(number, call, outcome, by_person=by_person)
            case Asked(_, timeout_s, deadline, why):
                assert call.tool is not None
                on_timeout = call.tool.on_approval_timeout
                asked = call.call.index, timeout_s, call.changed, why, deadline, on_timeout
                return ApprovalAsked(*asked, call.kind, call.question)
            case Cleared():
                call.ruling, ruling = None, call.ruling
                return ToolCleared(call.call.index, call.changed, ruling)
            case Denied(_, ruling):
                call.ruling = ruling
                return self._finished(number, call.answered(ruling) or refused(call, ruling.reason))
            case Judged(_, verdict):
                await self._obey(number, call, verdict)
            case Attempted(_, at_s):
                call.attempts += 1
                return ToolStarted(call.call.index, call.attempts, at_s)
            case Progressed():
                return ToolProgressed(call.call.index, call.unread.popleft())
            case Published(_, event):
                return SubAgentPublished(call.call.index, event)
            case Crashed(_, reason):
                call.crash = reason
            case Answered(_, result):
                return await self._ended(number, call, result)
            case Down():
                return await self._ended(number, call, failed("crashed", call.crash))
            case Checked(_, result):
                return self._finished(number, result)
        return None

    async def _obey(self, number: int, call: OpenCall, verdict: Judgement) -> None:
        """Carry out the host's decision on a call: deny it, ask a person, or clear it to run."""
        assert call.tool is not None
        if verdict.denied is not None:
            return self._deliver(Answered(number, failed("denied", f"denied: {verdict.denied}")))
        call.change(verdict.arguments)
        try:
            needed = wanted(call.tool, call.call.arguments)
        except (InvalidArguments, ToolRaised) as fault:
            kind = "raised" if isinstance(fault, ToolRaised) else "invalid_arguments"
            return self._deliver(Answered(number, failed(kind, str(fault))))
        call.question = needed if isinstance(needed, Question) else None
        asks = (
            call.asks or verdict.question is not None or call.question is not None
        )  # also if a standing approval allows the call
        if call.edited is not None or not (needed or asks):  # a person has approved exactly the edited arguments
            return self._deliver(Cleared(number))
        if not asks and (ruling := await self._waits.granted(call.call)) is not None:
            return self._decided(number, ruling)
        return self._ask(number, call, verdict.question or "")

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
        """Ask the tool what came of the call."""
        number = self._open.renumber(number)
        if call.tool is None or call.tool.verification is None:
            return self._deliver(Settled(number, NotKnown()))
        call.verifying = True
        return await self._workers.start(number, call, *question(call.tool, call.call))

    def _verified(self, number: int, call: OpenCall, message: Any) -> Happened | None:
        """Return the event that a message means while the tool is asked what came of the call, or None."""
        match message:
            case Progressed():
                call.unread.popleft()
            case Crashed(_, reason):
                call.crash = reason
            case Answered(_, result):
                return self._settled(number, call, outcome_of(call.call.name, result))
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

    def _opened(self, call: ToolCall, *, asks: bool = False) -> tuple[int, OpenCall]:
        earlier = self._waits.earlier(call)
        deadline = None if earlier is None else earlier.waiting.deadline
        opened = OpenCall(call, self._tools.get(call.name), self._now_s(), deque(), asks=asks, deadline=deadline)
        return self._open.add(opened), opened

    def _key(self, number: int) -> str | None:
        """Return the idempotency key of a call of doubtful effect."""
        call = self._open.get(number)
        return None if call is None or not call.doubted or self._turn is None else self._turn.context(call.call).key

    async def _run(self, number: int, tool: Tool) -> None:
        call = self._open[number]
        call.span = self._span.tool_call(call.call)
        await self._workers.start(number, call, tool)

    def _decided(self, number: int, ruling: Ruling) -> None:
        """Deliver the decision: an approved call is cleared to run, a denied one gets its result.

        The turn claims a cleared call before it runs. The caller of `approve` does not wait for that.
        """
        if (question := self._questions.pop(number, None)) is not None:
            return self._deliver(question.decided(ruling.decision, ruling.reason, ruling.edited))
        if ruling.decision != "approved":
            return self._deliver(Denied(number, ruling))
        call = self._open[number]
        call.ruling = ruling
        if call.doubted:
            return self._deliver(Settled(number, DidNotHappen(), by_person=True))
        if ruling.edited is None:
            return self._deliver(Cleared(number))
        call.edit(ruling.edited)
        if self._review.before is None or call.tool is None:
            return self._deliver(Cleared(number))
        return self._reviewing.judge(number, self._review.before, call.call, call.tool)

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
