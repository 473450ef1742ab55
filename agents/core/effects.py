"""The inputs and the effects of a turn's steps.

happened    a Delta of the model's stream, ToolStarted, ToolFinished, ToolProgressed, SubAgentPublished, ApprovalAsked,
            ToolCleared, Steered, AnswerChecked, Summarised, BudgetReached, BudgetDecided
effects     an Event to publish, or work: StartCompletion, RunTool, SettleCall, DropTools, CheckAnswer, Summarise,
            AwaitDecision
"""

from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.core.compaction import Compaction
from agents.core.conversation import Conversation, ToolCall
from agents.core.deltas import Delta, Usage
from agents.core.errors import BudgetExceeded, Fault
from agents.core.events import Event
from agents.core.parts import Content
from agents.core.question import AnswerValue, Question
from agents.core.retry import Tries
from agents.core.round import ToolFinished
from agents.core.waiting import OnTimeout, Ruling, Waiting, WaitKind


class ToolStarted(Struct, frozen=True):
    """A call begins to run. attempt: as in StreamToolStart. at_s: the moment, in monotonic seconds."""

    index: int
    attempt: int
    at_s: float


class ToolProgressed(Struct, frozen=True):
    """The progress that a running call reports. data: JSON data."""

    index: int
    data: Any


class SubAgentPublished(Struct, frozen=True):
    """An event of the sub-agent that answers a running call."""

    index: int
    event: Event


class ApprovalAsked(Struct, frozen=True):
    """A started call waits for a person: for a decision, or for the answer to its question.

    After timeout_s, `on_timeout` decides, or the question's default is the answer.

    arguments: those that the call would run with, if they are not its own. why: the question to the person, or "".
    deadline: in Unix seconds, if the call waited before a restart. Else it is timeout_s after the step. midway: the
    call's function asks, which has begun to run.
    """

    index: int
    timeout_s: float
    arguments: str | None = None
    why: str = ""
    deadline: float | None = None
    on_timeout: OnTimeout = "deny"
    kind: WaitKind = "approval"
    question: Question | None = None
    midway: bool = False


class ToolCleared(Struct, frozen=True):
    """A call of a tool that may demand an approval may run now: it was approved, or needs no approval.

    So may a call whose function got its answer. arguments: those with which it was approved, if they are not the call's
    own. ruling: the decision, if there was one. answer: to the question of the call's function.
    """

    index: int
    arguments: str | None = None
    ruling: Ruling | None = None
    answer: AnswerValue | None = None


class Steered(Struct, frozen=True):
    """A message that the user adds to the running turn. The next model call reads it."""

    message: Content


class AnswerChecked(Struct, frozen=True):
    """The result of an answer's check. faults: one line each, for the model; without faults, value is the answer."""

    faults: tuple[str, ...] = ()
    value: Any = None


class Summarised(Struct, frozen=True):
    """The result of Summarise. text: the summary, or "" for none. usage: of its model calls. fault: why none."""

    planned: Compaction
    text: str
    usage: Usage
    fault: Fault | None = None


class BudgetReached(Struct, frozen=True):
    """The next model call may exceed a budget, so a person is asked. waiting: the question."""

    waiting: Waiting


class BudgetDecided(Struct, frozen=True):
    """The decision about a reached budget. fault: ends the turn; None: the budgets are checked again.

    call: the question, with the amount that is allowed. call, ruling: None if nobody was asked.
    """

    fault: BudgetExceeded | None = None
    call: ToolCall | None = None
    ruling: Ruling | None = None


class StartCompletion(Struct, frozen=True):
    """Effect: ask the model, with this conversation, after a wait between at_least_s and at_most_s.

    tries: the number of the agent's model, and its retries so far. first: of the turn's model calls.
    """

    conversation: Conversation
    tries: Tries = Tries()
    at_least_s: float = 0.0
    at_most_s: float = 0.0
    first: bool = True


class RunTool(Struct, frozen=True):
    """Effect: run this call. Its result comes back as ToolFinished.

    cleared: the call needs no further approval. If false and the tool may demand an approval, ToolCleared comes first.
    decided: the call was cleared before a crash, with these arguments. asks: a person decides about this call, whatever
    its tool demands. asked: before a crash, the call's function ran up to a question, which still waits.
    """

    call: ToolCall
    cleared: bool = False
    decided: bool = False
    asks: bool = False
    asked: bool = False


class SettleCall(Struct, frozen=True):
    """Effect: find out the outcome of this call, which a crash cut.

    It ends with ToolFinished. If it may run again, ToolCleared comes first.
    """

    call: ToolCall


class DropTools(Struct, frozen=True):
    """Effect: end all running calls, and discard their results."""


class CheckAnswer(Struct, frozen=True):
    """Effect: check the answer against the agent's answer type. The result comes back as AnswerChecked."""

    content: str


class Summarise(Struct, frozen=True):
    """Effect: summarise messages that the model gets no more. The result comes back as Summarised.

    planned: the compaction that leaves them out. messages: those that no summary has yet. earlier: the summary of those
    left out before, or "". tokens: the most of the summary.
    """

    planned: Compaction
    messages: Conversation
    earlier: str
    tokens: int


class AwaitDecision(Struct, frozen=True):
    """Effect: wait again for the decision about a budget. The turn waited for it when it was cut or parked."""


Happened: TypeAlias = (
    Delta
    | ToolStarted
    | ToolFinished
    | ToolProgressed
    | SubAgentPublished
    | ApprovalAsked
    | ToolCleared
    | Steered
    | AnswerChecked
    | Summarised
    | BudgetReached
    | BudgetDecided
)
Work: TypeAlias = StartCompletion | RunTool | SettleCall | DropTools | CheckAnswer | Summarise | AwaitDecision
Effect: TypeAlias = Event | Work

WORK: Final = frozenset({StartCompletion, RunTool, SettleCall, DropTools, CheckAnswer, Summarise, AwaitDecision})
"""The effects other than events."""
