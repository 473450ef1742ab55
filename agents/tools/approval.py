"""Approvals: the calls of a turn that wait for a person's decision, and those whose question waits for an answer.

    asked --approve--> approved: the call runs
          --answer---> answered: the answer to the call's question is its result
          --deny-----> denied
          --deadline-> expired, which counts as a denial; or approved, by the tool's on_timeout; or, for a question, its
                       default answer

A decision is valid for one call with the arguments that the person was shown. A call with other arguments is another
call. A person may approve a call with edited arguments: then it runs with those.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

from msgspec import Struct

from actors.clock import unix_s
from agents.core.conversation import ToolCall
from agents.core.question import AnswerValue, Question
from agents.core.waiting import Decision, OnTimeout, Ruling, Waiting, WaitKind
from agents.tools.errors import InvalidArguments
from agents.tools.forked import children_end_here
from agents.tools.questions import InvalidReply, question_of
from agents.tools.tool import Tool


class Decided(Struct, frozen=True):
    """The first decision on a call. It is final."""

    call_id: str
    decision: Decision


class AlreadyDecided(Struct, frozen=True):
    """A refusal: the call was decided earlier. The fields hold that earlier decision."""

    call_id: str
    decision: Decision


class NotAsked(Struct, frozen=True):
    """A refusal: no call with this id has asked for approval."""

    call_id: str


class OtherArguments(Struct, frozen=True):
    """A refusal: the decision names other arguments than the call has. The call still waits.

    asked: the arguments of the call.
    """

    call_id: str
    asked: str


class OtherQuestion(Struct, frozen=True):
    """A refusal: the answer is to another question than that of the call, which still waits. asked: the call's."""

    call_id: str
    asked: str


class InvalidEdit(Struct, frozen=True):
    """A refusal: the tool does not accept the edited arguments. The call still waits. reason: what is wrong."""

    call_id: str
    reason: str


class InvalidAlways(Struct, frozen=True):
    """A refusal: the decision can't hold for later calls, too. The call still waits. reason: why."""

    call_id: str
    reason: str


class OtherKind(Struct, frozen=True):
    """A refusal: the call waits for something else. It still waits. awaits: what it waits for."""

    call_id: str
    awaits: Literal["approval", "answer"]


Answer: TypeAlias = (
    Decided
    | AlreadyDecided
    | NotAsked
    | OtherArguments
    | OtherQuestion
    | InvalidEdit
    | InvalidAlways
    | InvalidReply
    | OtherKind
)


def wanted(tool: Tool, arguments: str) -> Question | bool:
    """Return the question of a call, or whether the call needs an approval.

    Raises InvalidArguments, and ToolRaised if the tool can't make its question.
    """
    return question_of(tool, arguments) if tool.asks else required(tool, arguments)


def required(tool: Tool, arguments: str) -> bool:
    """Return True if the tool needs an approval for a call with these arguments. Raises InvalidArguments."""
    needed = tool.requires_approval
    if needed is False:
        return False
    try:
        with children_end_here():
            values = tool.arguments(arguments)
            return needed is True or bool(needed(**values))
    except InvalidArguments:
        raise
    except BaseException:  # noqa: BLE001 - the tool's own code, which may call sys.exit: if it fails, a person decides
        return True


def refusal(waiting: Waiting, ruling: Ruling, arguments: str | None, shown: str | None) -> Answer | None:
    """Return why the decision does not fit what waits, or None. arguments, shown: as in Approvals."""
    call, question = waiting.call, waiting.question
    if ruling.answer is not None and question is None:
        return OtherKind(call.id, "approval")
    if ruling.decision == "approved" and question is not None:
        return OtherKind(call.id, "answer")
    if arguments is not None and arguments != call.arguments:
        return OtherArguments(call.id, call.arguments)
    if shown is not None and question is not None and shown != question.text:
        return OtherQuestion(call.id, question.text)
    fault = question.fault(ruling.answer) if question is not None and ruling.answer is not None else None
    return None if fault is None else InvalidReply(call.id, fault)


def _nowhere(_index: int, _ruling: Ruling) -> None:
    """Keep no record: the session has no store."""


class Approvals:
    """The calls of a turn that wait for an approval.

    on_decision: called once for each call, with its number and the ruling. record: called before it for a person's
    ruling, with the call's index.
    """

    def __init__(
        self, on_decision: Callable[[int, Ruling], None], record: Callable[[int, Ruling], None] = _nowhere
    ) -> None:
        self._on_decision, self._record = on_decision, record
        self._asked: dict[int, tuple[Waiting, asyncio.TimerHandle]] = {}
        self._decided: dict[str, Decision] = {}

    def ask(
        self,
        number: int,
        call: ToolCall,
        timeout_s: float,
        on_timeout: OnTimeout = "deny",
        deadline: float | None = None,
        kind: WaitKind = "approval",
        question: Question | None = None,
        why: str = "",
    ) -> Waiting:
        """Wait for a decision on the call. deadline: in Unix seconds; None: after timeout_s. Return what waits."""
        now = unix_s()
        until = now + timeout_s if deadline is None else deadline
        waiting = Waiting(kind, call, now, until, on_timeout, question, why)
        self.wait(number, waiting, timeout_s)
        return waiting

    def wait(self, number: int, waiting: Waiting, timeout_s: float) -> None:
        """Wait for a decision. timeout_s: for the reason of the decision at the deadline."""
        left_s, why = max(0.0, waiting.deadline - unix_s()), f"no answer within {timeout_s:g} s"
        timer = asyncio.get_running_loop().call_later(left_s, self._expire, number, waiting.at_deadline, why)
        self._asked[number] = waiting, timer

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """The calls that wait."""
        return tuple(waiting for waiting, _ in self._asked.values())

    @property
    def numbers(self) -> Collection[int]:
        """The numbers of the calls that wait."""
        return self._asked.keys()

    def approve(
        self, call_id: str, arguments: str | None = None, edited: str | None = None, by: str | None = None
    ) -> Answer:
        """Approve a call.

        arguments: the exact text that the person was shown. None approves the call whatever its arguments are.
        edited: the arguments to run the call with, which its tool accepts. None: its own. by: as in Ruling.
        """
        return self._answer(call_id, Ruling("approved", unix_s(), by, edited=edited), arguments)

    def answer(self, call_id: str, given: AnswerValue, by: str | None = None, shown: str | None = None) -> Answer:
        """Answer the question of a call.

        shown: the text of the question that the person was shown. None answers whatever the call asks now.
        """
        return self._answer(call_id, Ruling("answered", unix_s(), by, answer=given), shown=shown)

    def deny(self, call_id: str, reason: str = "", by: str | None = None) -> Answer:
        return self._answer(call_id, Ruling("denied", unix_s(), by, reason))

    def withdraw(self, number: int) -> None:
        """Ask no longer."""
        _, timer = self._asked.pop(number)
        timer.cancel()

    def close(self) -> None:
        """Cancel the deadlines of all calls that wait, without a decision."""
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()

    def _answer(self, call_id: str, ruling: Ruling, arguments: str | None = None, shown: str | None = None) -> Answer:
        number = next((number for number, (each, _) in self._asked.items() if each.call.id == call_id), None)
        if number is None:
            decided = self._decided.get(call_id)
            return NotAsked(call_id) if decided is None else AlreadyDecided(call_id, decided)
        waiting = self._asked[number][0]
        if (refused := refusal(waiting, ruling, arguments, shown)) is not None:
            return refused
        self._record(waiting.call.index, ruling)
        self._decide(number, ruling)
        return Decided(call_id, ruling.decision)

    def _expire(self, number: int, decision: Decision, why: str) -> None:
        self._decide(number, Ruling(decision, unix_s(), reason=why))

    def _decide(self, number: int, ruling: Ruling) -> None:
        waiting, timer = self._asked.pop(number)
        timer.cancel()
        self._decided[waiting.call.id] = ruling.decision
        self._on_decision(number, ruling)
