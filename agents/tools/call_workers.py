"""The workers of one turn's calls, each under the supervisor of its call."""

from contextlib import suppress
from itertools import count

from msgspec.structs import replace

from actors import CallFailed, Down, Mailbox, Pid, Ref, ended
from agents.core.conversation import ToolCall
from agents.tools.call_context import OUTSIDE
from agents.tools.call_supervisor import TOOL_SUPERVISOR
from agents.tools.job import Calling, Job, Keep
from agents.tools.open_call import OpenCall
from agents.tools.tool import Tool
from agents.traces.span import TurnSpan
from supervisors import count_children
from supervisors.dynamic_supervisor import start_child


class CallWorkers:
    """The workers of a turn. Their messages go to its inbox.

    keep, turn: as in Job. span: the turn's. agents: the sub-agents that answer calls now, by the numbers of the calls.
    starting: a worker is being started.
    """

    def __init__(self, inbox: Mailbox, keep: Keep, turn: Calling | None, span: TurnSpan) -> None:
        self._inbox, self._keep, self._turn, self._span = inbox, keep, turn, span
        self.agents: dict[int, Pid] = {}
        self._numbers: dict[Ref, int] = {}  # the call's number by the monitor on its supervisor
        self._begun: list[Pid] = []  # the supervisors of the calls, also one whose start was interrupted
        self.starting = False

    async def start(self, number: int, call: OpenCall, tool: Tool, question: ToolCall | None = None) -> None:
        """Start a worker for the call, or for a question about it. tool: the one to run."""
        context, attempts = OUTSIDE, call.attempts
        if self._turn is not None and tool.context:
            context, attempts = self._turn.context(call.call), attempts + self._turn.attempts_before(call.call)
            context = context if question is None else replace(context, answers=())
        job = Job(
            number,
            tool,
            call.call if question is None else question,
            self._inbox.pid,
            call.unread,
            self._begun,
            self._keep,
            self._turn,
            self.agents,
            self._span.carrier if call.span is None else call.span.carrier,
            context,
            count(attempts + (question is None)),
            call.retried,
        )
        self.starting = True
        supervisor = await start_child(TOOL_SUPERVISOR, job)
        self.starting = False
        self._numbers[self._inbox.monitor(supervisor)] = number

    def number_of(self, down: Down) -> int:
        """Return the number of the call whose supervisor has ended."""
        return self._numbers.pop(down.ref)

    async def stop(self) -> None:
        """Wait until every worker has ended. The inbox is closed."""
        if self.starting:  # a start was interrupted: it has ended when the supervisor answers this request
            with suppress(CallFailed):
                await count_children(TOOL_SUPERVISOR)
        for supervisor in self._begun:
            await ended(supervisor)
