"""The calls of one turn: run each under supervision, after an approval if its tool needs one."""

from typing import Any

from actors import Down
from agents.core.conversation import ToolCall
from agents.core.effects import (
    RunTool,
    SubAgentPublished,
    ToolCleared,
    ToolProgressed,
    ToolStarted,
)
from agents.core.question import Question
from agents.tools.approval import wanted
from agents.tools.arguments import object_text
from agents.tools.call_supervisor import Answered, AskedMidway, Attempted, Crashed, Progressed, Published, failed
from agents.tools.decided_calls import BudgetRuled, BudgetsChanged
from agents.tools.doubtful_calls import DoubtfulCalls, Happened
from agents.tools.errors import InvalidArguments, ToolRaised
from agents.tools.open_call import Asked, Cleared, NotRun, OpenCall
from agents.tools.review import Checked, Judged, Judgement
from agents.tools.settling import Settled, refused


class TurnCalls(DoubtfulCalls):
    """The calls of one turn. They belong to one inbox and end when it closes."""

    async def run(self, asked: RunTool) -> None:
        """Run a call, or ask for its approval first."""
        if asked.cleared:
            await self.run_cleared(asked.call.index)
        else:
            await self.start(asked.call, decided=asked.decided, asks=asked.asks, asked=asked.asked)

    async def start(self, call: ToolCall, *, decided: bool = False, asks: bool = False, asked: bool = False) -> None:
        """Start the call's worker, or ask for its approval first. A call that can't run gets its result at once.

        If the tool may need approval, or the host reviews calls, the call sends ToolCleared and then waits for
        `run_cleared`. decided: the call was cleared before a crash, and runs with the arguments that it has. asks: it
        needs an approval. asked: as in RunTool.
        """
        number, opened = self._opened(call, asks=asks)
        tool, earlier = opened.tool, self._waits.earlier(call)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            reason = f"there is no tool {call.name!r}; the tools are: {known}"
            return self._deliver(Answered(number, failed("unknown_tool", reason)))
        if asked:
            return self._ask_again(number, opened)
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

    async def run_cleared(self, index: int) -> None:
        """Start the worker of the call after its ToolCleared."""
        number, waiting = self._open.of_index(index)
        assert waiting.tool is not None
        waiting.started_s, waiting.failure = self._now_s(), None
        await self._run(number, waiting.tool)

    async def next(self) -> Happened:
        """Return the next event of the calls, in order of arrival.

        Each call finishes once, and no event of it follows.
        """
        while (happened := await self._happened(await self._inbox.receive())) is None:
            pass
        return happened

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
        if isinstance(message, BudgetRuled | BudgetsChanged):
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
            case Asked(_, why):
                return self._asked(number, call, why)
            case Cleared():
                ruling, answer, call.ruling, call.answer = call.ruling, call.answer, None, None
                return ToolCleared(call.call.index, call.changed, ruling, answer)
            case NotRun(_, ruling):
                call.ruling = ruling
                return self._finished(number, call.answered(ruling) or refused(call, ruling.reason))
            case Judged(_, verdict):
                await self._obey(number, call, verdict)
            case Attempted(_, at_s):
                call.attempts += 1
                return ToolStarted(call.call.index, call.attempts, at_s)
            case Progressed():
                return ToolProgressed(call.call.index, call.unread.popleft())
            case AskedMidway():
                return self._asked_midway(number, call, message)
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
        asks = call.asks or verdict.question is not None or call.question is not None  # despite a standing approval
        if call.edited is not None or not (needed or asks):  # a person has approved exactly the edited arguments
            return self._deliver(Cleared(number))
        if not asks and (ruling := await self._waits.granted(call.call)) is not None:
            return self._decided(number, ruling)
        return self._deliver(Asked(number, verdict.question or ""))
