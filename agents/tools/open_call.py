"""A call without a result, and what happens to it before it runs."""

from collections import deque
from typing import Any, Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from actors.log import get_logger
from agents.core.conversation import ToolCall
from agents.core.events import ToolResult
from agents.core.question import AnswerValue, Question
from agents.core.waiting import OnTimeout, Ruling, WaitKind
from agents.tools.plain import plain
from agents.tools.questions import answered, unanswered
from agents.tools.result import result_text
from agents.tools.tool import Tool
from agents.traces.span import ToolSpan

FAILED_FOR_GOOD: Final = frozenset({"raised", "timeout", "crashed", "cpu_time", "no_effect"})
EDITED: Final = "The user changed the arguments of this call to: "

log = get_logger("understudy.tools")


class Asked(Struct, frozen=True):
    """A person is to be asked about the call. why: as in ApprovalAsked."""

    number: int
    why: str


class Cleared(Struct, frozen=True):
    """The call may run."""

    number: int


class NotRun(Struct, frozen=True):
    """The call ends without a run, by this decision: a denial, or the answer to its question."""

    number: int
    ruling: Ruling


class OpenCall(Struct):
    """A call without a result.

    started_s: the time when it was started. crash: the reason of its last crash. edited: the arguments with which a
    person approved it, if they are not the model's. changed: the arguments that the host or a person gave it, or None.
    span: None until it runs. ended: only the review of its result is missing. asks: a person must approve it. deadline:
    of the wait that began before a restart. ruling: the decision that is not announced yet. failure: its result, if
    it may have taken effect all the same. verifying: `verify` is asked about it. doubted: a person is asked.
    question: to a person, whose answer is the result. midway: the call's function asks the question, and runs again
    with the answer. answer: to such a question. retried: the retries before it.
    """

    call: ToolCall
    tool: Tool | None
    started_s: float
    unread: deque[Any]
    attempts: int = 0
    crash: str = "its worker was stopped"
    edited: str | None = None
    changed: str | None = None
    span: ToolSpan | None = None
    ended: bool = False
    asks: bool = False
    deadline: float | None = None
    ruling: Ruling | None = None
    failure: ToolResult | None = None
    verifying: bool = False
    doubted: bool = False
    question: Question | None = None
    midway: bool = False
    answer: AnswerValue | None = None
    retried: int = 0

    @property
    def kind(self) -> WaitKind:
        return "approval" if self.question is None else "question"

    @property
    def on_timeout(self) -> OnTimeout:
        """The decision at the deadline. A question has its default then, if it has one."""
        return "deny" if self.tool is None or self.question is not None else self.tool.on_approval_timeout

    def ask_midway(self, question: Question, retried: int) -> None:
        """Wait for an answer to the function's question. The attempt goes on after it, with the same number."""
        self.question, self.midway, self.retried = question, True, retried
        self.attempts, self.deadline, self.unread = self.attempts - 1, None, deque()
        if self.span is not None:
            self.span.end(ToolResult(f"asks: {question.text}"))
            self.span = None

    def continued(self, ruling: Ruling) -> bool:
        """Take the answer to the function's question, if this decision has one. Return whether the call runs again."""
        if not self.midway or self.question is None or ruling.decision == "denied":
            return False
        given = self.question.default if ruling.answer is None else ruling.answer
        if given is None:
            return False
        self.ruling, self.answer = ruling, self.question.answer(given)
        self.question, self.midway = None, False
        return True

    def change(self, arguments: str) -> None:
        """Have the call run with these arguments."""
        if arguments != self.call.arguments:
            self.call, self.changed = self.call.edited(arguments), arguments

    def edit(self, arguments: str) -> None:
        """Have the call run with the arguments of the person who approved it."""
        self.change(arguments)
        self.edited = self.changed = arguments

    def answered(self, ruling: Ruling) -> ToolResult | None:
        """Return the result of a call with a question, after this decision; None for a denial."""
        if self.question is None or self.tool is None or ruling.decision == "denied":
            return None
        if ruling.answer is not None:
            return answered(self.question, ruling.answer)
        return unanswered(self.question, self.question.timeout_s or self.tool.approval_timeout_s)

    def fallen_back(self, result: ToolResult) -> ToolResult:
        """Return the result, or the tool's fallback if the call failed for good and the tool has one."""
        if self.tool is None or result.error not in FAILED_FOR_GOOD or self.tool.fallback is UNSET:
            return result
        log.warning("tool_fell_back", tool=self.tool.name, error=result.error, reason=result.content)
        value = plain(self.tool.fallback)
        return replace(result, content=result_text(value), value=value)

    def noted(self, result: ToolResult) -> ToolResult:
        """Return the result, with a note for the model if a person changed the arguments."""
        if self.edited is None:
            return result
        return replace(result, content=f"{result.content}\n\n{EDITED}{self.edited}")


class OpenCalls(dict[int, OpenCall]):
    """The open calls of a turn, by their numbers. No number is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self._used = 0

    def next_number(self) -> int:
        self._used += 1
        return self._used

    def add(self, call: OpenCall) -> int:
        number = self.next_number()
        self[number] = call
        return number

    def renumber(self, number: int) -> int:
        """Give a call another number. Late messages about its last worker then concern no call."""
        return self.add(self.pop(number))

    def of_index(self, index: int) -> tuple[int, OpenCall]:
        return next((number, each) for number, each in self.items() if each.call.index == index)
