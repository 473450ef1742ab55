"""The record of something that waits for a person: a call, a question, a budget or an effect; and its decision."""

from typing import Literal, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.core.question import AnswerValue, Question

WaitKind: TypeAlias = Literal["approval", "question", "budget", "effect"]
"""The reason for the wait.

approval: the call may run only after an approval. question: the model, or a tool, asks a person. budget: a limit is
reached. effect: it is unknown whether an earlier call had its effect.
"""

OnTimeout: TypeAlias = Literal["deny", "approve"]
"""The decision at the deadline."""

Decision: TypeAlias = Literal["approved", "answered", "denied", "expired"]


class Waiting(Struct, frozen=True):
    """Something that waits for a decision in a turn.

    call: what is shown to the person, with the id by which it is decided. call.index is unique among what waits in the
    turn. asked_at, deadline: Unix seconds. After the deadline `on_timeout` decides. For a budget, "approve" means that
    the turn goes on, since the budget begins again then.
    question: of a call that asks a person. why: the question that the host's hook asks about the call, or "".
    """

    kind: WaitKind
    call: ToolCall
    asked_at: float
    deadline: float
    on_timeout: OnTimeout = "deny"
    question: Question | None = None
    why: str = ""

    @property
    def at_deadline(self) -> "Decision":
        """The decision at the deadline. No amount is allowed for a budget, also if its turn goes on then."""
        return "approved" if self.on_timeout == "approve" and self.kind != "budget" else "expired"


class Ruling(Struct, frozen=True):
    """A decision on something that waits.

    at: Unix seconds. by: the user who decided; None for the deadline, and for a program. reason: for the model. edited:
    the arguments to run the call with; None for its own. grant: the id of the standing approval that decided.
    answer: to the question of a call.
    """

    decision: Decision
    at: float
    by: str | None = None
    reason: str = ""
    edited: str | None = None
    grant: str | None = None
    answer: AnswerValue | None = None


class WaitSum(Struct, frozen=True):
    """The number of waits of one kind of agents with one account. asked_at: of the oldest, in Unix seconds."""

    agent: str
    kind: WaitKind
    count: int
    asked_at: float


class KeptWait(Struct, frozen=True):
    """Something that waits, as the store has it. ruling: the decision on which the turn has not acted."""

    waiting: Waiting
    ruling: Ruling | None = None
