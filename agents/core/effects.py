"""What can happen to a turn, and what is to be done about it: the vocabulary of its steps.

happened    a Delta of the model's stream, ToolFinished, ToolProgressed, ApprovalAsked, ToolCleared, Steered,
            AnswerChecked
effects     an Event to publish, or work: StartCompletion, RunTool, DropTools, CheckAnswer
"""

from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.core.conversation import Conversation, ToolCall
from agents.core.deltas import Delta
from agents.core.events import Event
from agents.core.retry import Tries
from agents.core.round import ToolFinished


class ToolProgressed(Struct, frozen=True):
    """A call that runs tells how far it is. data: JSON data."""

    index: int
    data: Any


class ApprovalAsked(Struct, frozen=True):
    """A call that was started waits for a person's approval, at most timeout_s; then it is denied."""

    index: int
    timeout_s: float


class ToolCleared(Struct, frozen=True):
    """A call whose tool may demand an approval has it, or needs none: the call may run now."""

    index: int


class Steered(Struct, frozen=True):
    """The user says something while the turn runs: it joins the next model call."""

    message: str


class AnswerChecked(Struct, frozen=True):
    """The answer held against its type. faults: one line each, for the model; none: it is of that type, with value."""

    faults: tuple[str, ...] = ()
    value: Any = None


class StartCompletion(Struct, frozen=True):
    """Effect: ask the model, with this conversation.

    tries: which of the agent's models, and how often it was tried. Wait between at_least_s and at_most_s before.
    """

    conversation: Conversation
    tries: Tries = Tries()
    at_least_s: float = 0.0
    at_most_s: float = 0.0


class RunTool(Struct, frozen=True):
    """Effect: run this call; its outcome comes back as ToolFinished.

    cleared: its approval is settled. If not, and its tool may demand one, ToolCleared comes before it runs.
    """

    call: ToolCall
    cleared: bool = False


class DropTools(Struct, frozen=True):
    """Effect: end all calls that run; nothing of them is to come back."""


class CheckAnswer(Struct, frozen=True):
    """Effect: hold the answer against the agent's answer type, and come back with AnswerChecked."""

    content: str


Happened: TypeAlias = Delta | ToolFinished | ToolProgressed | ApprovalAsked | ToolCleared | Steered | AnswerChecked
Work: TypeAlias = StartCompletion | RunTool | DropTools | CheckAnswer
Effect: TypeAlias = Event | Work

WORK: Final = frozenset({StartCompletion, RunTool, DropTools, CheckAnswer})
"""The effects that are no events."""
