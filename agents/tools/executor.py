"""The calls of one turn: run each under supervision, after an approval if its tool needs one."""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any, TypeAlias

from msgspec.structs import replace

from actors import CallFailed, Down, Mailbox, Pid, Ref, ended
from actors.clock import clock
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
from agents.core.events import ToolResult
from agents.core.round import ToolFinished
from agents.tools.approval import Answer, Approvals, Decision, InvalidEdit, required
from agents.tools.arguments import object_text
from agents.tools.call_context import OUTSIDE
from agents.tools.call_supervisor import (
    TOOL_SUPERVISOR,
    Answered,
    Attempted,
    Crashed,
    Progressed,
    Published,
    failed,
)
from agents.tools.decidable import Decidable
from agents.tools.errors import InvalidArguments
from agents.tools.job import Calling, Job, Keep, no_store
from agents.tools.open_call import Asked, Cleared, OpenCall
from agents.tools.review import UNREVIEWED, Checked, Judged, Judgement, Review, Reviewing
from agents.tools.tool import Tool
from agents.traces.span import UNRECORDED, TurnSpan
from supervisors import count_children
from supervisors.dynamic_supervisor import start_child

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
    ) -> None:
        """Make the calls of a turn. keep: keeps the images, sounds and files of results. span: the turn's."""
        self._tools, self._keep, self._turn, self._span, self._review = tools, keep, turn, span, review
        self._inbox = Mailbox()
        self._approvals = Approvals(self._decided)
        self._reviewing = Reviewing(self._deliver)
        self._open: dict[int, OpenCall] = {}
        self._questions: dict[int, Decidable] = {}
        self._numbers: dict[Ref, int] = {}  # the call's number by the monitor on its supervisor
        self._agents: dict[int, Pid] = {}
        self._begun: list[Pid] = []  # the supervisors of the calls, also one whose start was interrupted
        self._starting = False
        self._started = 0
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
        self._started += 1
        number, tool = self._started, self._tools.get(call.name)
        opened = self._open[number] = OpenCall(call, tool, self._now_s(), deque(), asks=asks)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            reason = f"there is no tool {call.name!r}; the tools are: {known}"
            return self._deliver(Answered(number, failed("unknown_tool", reason)))
        before = self._review.before
        if decided or (before is None and tool.requires_approval is False and not asks):
            return await self._run(number, tool)
        if before is None:
            return self._obey(number, opened, Judgement(call.arguments))
        try:
            object_text(call.arguments)  # the host decides only on calls whose arguments are an object
        except InvalidArguments as invalid:
            return self._deliver(Answered(number, failed("invalid_arguments", str(invalid))))
        return self._reviewing.judge(number, before, call, tool)

    def ask(self, question: Decidable, timeout_s: float) -> None:
        """Ask a person. The decision is an event."""
        self._started += 1
        self._questions[self._started] = question
        self._approvals.ask(self._started, question.call, timeout_s)

    def withdraw(self, question: Decidable, instead: BudgetDecided) -> None:
        """Take a question back that waits. instead: the decision."""
        for number in [number for number, each in self._questions.items() if each is question]:
            del self._questions[number]
            self._approvals.withdraw(number)
            self._deliver(instead)

    async def run_cleared(self, index: int) -> None:
        """Start the worker of the call after its ToolCleared."""
        number, waiting = next((number, each) for number, each in self._open.items() if each.call.index == index)
        assert waiting.tool is not None
        waiting.started_s = self._now_s()
        await self._run(number, waiting.tool)

    async def next(self) -> Happened:
        """Return the next event of the calls, in order of arrival.

        Each call finishes once, and no event of it follows.
        """
        while (happened := self._happened(await self._inbox.receive())) is None:
            pass
        return happened

    @property
    def agents(self) -> tuple[Pid, ...]:
        """The sub-agents that answer calls now."""
        return tuple(self._agents.values())

    @property
    def waiting(self) -> tuple[tuple[ToolCall, float], ...]:
        """The calls that wait for a decision, each with the seconds until it is denied."""
        return self._approvals.waiting

    def approve(self, call_id: str, arguments: str | None = None, edited: str | None = None) -> Answer:
        """Approve a call that waits, so that it runs. arguments, edited: as in Approvals.approve."""
        waiting = next((call for call, _ in self._approvals.waiting if call.id == call_id), None)
        if edited is not None and waiting is not None:
            checks = {each.call.id: each.check for each in self._questions.values()}
            try:
                (checks.get(call_id) or self._tools[waiting.name].arguments)(edited)
            except InvalidArguments as invalid:
                return InvalidEdit(call_id, str(invalid))
        return self._approvals.approve(call_id, arguments, edited)

    def deny(self, call_id: str, reason: str = "") -> Answer:
        """Deny a call that waits, so that it ends. reason: for the model."""
        return self._approvals.deny(call_id, reason)

    async def stop(self) -> None:
        """End all calls that run or wait. Returns when every worker of the turn has ended."""
        self._approvals.close()
        await self._reviewing.stop()
        self._inbox.close()
        if self._starting:  # a start was interrupted: it has ended when the supervisor answers this request
            with suppress(CallFailed):
                await count_children(TOOL_SUPERVISOR)
        for supervisor in self._begun:
            await ended(supervisor)
        for call in self._open.values():
            if call.span is not None:
                call.span.end(None)

    def _happened(self, message: Any) -> Happened | None:
        """Return the event that the message means for the turn, or None."""
        if isinstance(message, BudgetDecided):
            return message
        if isinstance(message, Exception):  # of a review: a fault of this program
            raise message
        number = self._numbers.pop(message.ref) if isinstance(message, Down) else message.number
        call = self._open.get(number)
        if call is None or (call.ended and not isinstance(message, Checked)):
            return None
        match message:
            case Asked(_, why):
                assert call.tool is not None
                return ApprovalAsked(call.call.index, call.tool.approval_timeout_s, call.changed, why)
            case Cleared():
                return ToolCleared(call.call.index, call.changed)
            case Judged(_, verdict):
                self._obey(number, call, verdict)
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
                return self._ended(number, call, result)
            case Down():
                return self._ended(number, call, failed("crashed", call.crash))
            case Checked(_, result):
                return self._finished(number, result)
        return None

    def _obey(self, number: int, call: OpenCall, verdict: Judgement) -> None:
        """Carry out the host's decision on a call: deny it, ask a person, or clear it to run."""
        assert call.tool is not None
        if verdict.denied is not None:
            return self._deliver(Answered(number, failed("denied", f"denied: {verdict.denied}")))
        call.change(verdict.arguments)
        try:
            needed = required(call.tool, call.call.arguments) or call.asks or verdict.question is not None
        except InvalidArguments as invalid:
            return self._deliver(Answered(number, failed("invalid_arguments", str(invalid))))
        if call.edited is not None or not needed:  # a person has approved exactly the edited arguments
            return self._deliver(Cleared(number))
        self._approvals.ask(number, call.call, call.tool.approval_timeout_s)
        return self._deliver(Asked(number, verdict.question or ""))

    def _ended(self, number: int, call: OpenCall, result: ToolResult) -> ToolFinished | None:
        """Return the end of a call; None if the host reviews its result first."""
        result = call.fallen_back(result)
        if self._review.after is None or call.span is None:
            return self._finished(number, result)
        call.ended = True
        self._reviewing.check(number, self._review.after, call.call, result)
        return None

    async def _run(self, number: int, tool: Tool) -> None:
        call = self._open[number]
        call.span = self._span.tool_call(call.call)
        context, before = OUTSIDE, 0
        if self._turn is not None and tool.context:
            context, before = self._turn.context(call.call), self._turn.attempts_before(call.call)
        job = Job(
            number,
            tool,
            call.call,
            self._inbox.pid,
            call.unread,
            self._begun,
            self._keep,
            self._turn,
            self._agents,
            call.span.carrier,
            context,
            count(before + 1),
        )
        self._starting = True
        supervisor = await start_child(TOOL_SUPERVISOR, job)
        self._starting = False
        self._numbers[self._inbox.monitor(supervisor)] = number

    def _decided(self, number: int, decision: Decision, reason: str, edited: str | None) -> None:
        """Deliver the decision: an approved call is cleared to run, a denied one gets its result.

        The turn claims a cleared call before it runs. The caller of `approve` does not wait for that.
        """
        if (question := self._questions.pop(number, None)) is not None:
            return self._deliver(question.decided(decision, reason, edited))
        if decision != "approved":
            return self._deliver(Answered(number, failed("denied", f"denied: {reason}" if reason else "denied")))
        if edited is None:
            return self._deliver(Cleared(number))
        call = self._open[number]
        call.edit(edited)
        if self._review.before is None or call.tool is None:
            return self._deliver(Cleared(number))
        return self._reviewing.judge(number, self._review.before, call.call, call.tool)

    def _finished(self, number: int, result: ToolResult) -> ToolFinished:
        call = self._open.pop(number)
        self._agents.pop(number, None)
        result = call.noted(result)
        elapsed_s = round(self._now_s() - call.started_s, 6)  # to the microsecond
        result = replace(result, elapsed_s=elapsed_s, attempts=max(call.attempts, 1))
        (call.span or self._span.tool_call(call.call)).end(result)
        return ToolFinished(call.call.index, result)

    def _deliver(self, message: Any) -> None:
        self._inbox.put(message)
