"""The context of a call, for a tool that has a parameter of this type. The model neither sees nor sets it.

@tool
async def pay(to: str, cents: int, call: CallContext) -> str:
    if cents > 10_000 and call.ask(Question(f"Pay {to}?", choices=("yes", "no"))) != "yes":
        return "not paid"
    return await bank.pay(to, cents, idempotency_key=call.key)
"""

import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from inspect import Parameter
from typing import Any, Final, Generic

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import TypeVar

from agents.core.question import AnswerValue, Question, checked

D = TypeVar("D", default=None)


NO_ANSWER: Final = "no turn runs this call, so nobody can answer; in a test, give CallContext(answers=...)"


class QuestionInterrupt(BaseException):
    """The end of an attempt by `CallContext.ask`. It is not an Exception, which many tools catch."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


class CallContext(Struct, Generic[D], frozen=True, kw_only=True, dict=True):
    """The context of one attempt of a call.

    key: the idempotency key, in the form of a UUID. It is the same in all attempts of the call, after a restart and on
    another node, and no other call has it. attempt: 1, 2, 3 ... deadline: the moment at which the attempt is ended.
    session_id, stream_id: of the turn; the agent's id is its session's. owner: the user who owns the agent. agent:
    the name of the agent that speaks. path: of a sub-agent's call, the ids of the calls that led to the agent, the
    outermost first. dependencies: the value that the host bound to the parameter. answers: to the questions that the
    call has asked so far.

    Each field has a default, so a test of a tool may write `pay("Olaf", 500, call=CallContext(key="k"))`.
    """

    call_id: str = ""
    key: str = ""
    attempt: int = 1
    tool: str = ""
    session_id: str = ""
    stream_id: str = ""
    owner: str | None = None
    agent: str = ""
    path: tuple[str, ...] = ()
    deadline: datetime | None = None
    dependencies: D = None  # type: ignore[assignment]  # the default of D is None
    answers: tuple[AnswerValue, ...] = ()

    def ask(self, question: Question) -> AnswerValue:
        """Ask a person in the middle of the call. Return the answer: a text, or a tuple if it may have several choices.

        Without the answer this ends the attempt. The call waits, and then its function runs again from the start. So
        the n-th `ask` of a call must have the same question in each run, and code before it may run again.
        Raises ValueError for an invalid question and for an answer that does not fit it, and RuntimeError if the call
        has no turn and no answer.
        """
        question = checked(question)
        place = self.__dict__.get(_PLACE, 0)
        self.__dict__[_PLACE] = place + 1
        if place >= len(self.answers):
            if self.__dict__.get(_IN_TURN):
                raise QuestionInterrupt(question)
            raise RuntimeError(NO_ANSWER)
        given = self.answers[place]
        if (fault := question.fault(given)) is not None:
            raise ValueError(f"answer {place + 1} of the call, to {question.text[:100]!r}: {fault}")
        return question.answer(given)


_PLACE: Final = "place"
"""The number of questions that this attempt has asked."""

_IN_TURN: Final = "in_turn"
"""Whether a turn runs this attempt. A context that a program has made has no turn."""


OUTSIDE: CallContext = CallContext()
"""The context of a call that no turn makes."""


def outside() -> CallContext:
    """Return the context of a call that no turn makes."""
    return OUTSIDE


def of_attempt(context: CallContext, dependencies: Any) -> CallContext:
    """Return the context as the function gets it in this attempt."""
    own = replace(context, dependencies=dependencies)
    own.__dict__[_IN_TURN] = bool(context.stream_id)
    return own


def question_in(error: BaseException) -> Question | None:
    """Return the question of an attempt that ended so; None for another end. A task of a group may have asked."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := question_in(each)) is not None), None)
    return error.question if isinstance(error, QuestionInterrupt) else None


def moment_in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def context_parameters(parameters: Mapping[str, Parameter]) -> list[str]:
    """Return the names of the parameters that get the context."""
    return [name for name, each in parameters.items() if _context_type(each.annotation) is not None]


def type_of_dependencies(parameter: Parameter) -> Any:
    """Return D of a parameter of the type CallContext[D]; None for a context without dependencies."""
    given = typing.get_args(_context_type(parameter.annotation))
    return given[0] if given and given[0] is not type(None) else None


def _context_type(annotation: Any) -> Any:
    """Return the CallContext in an annotation, also in a union and with marks; None if there is none."""
    if annotation is CallContext or typing.get_origin(annotation) is CallContext:
        return annotation
    if hasattr(annotation, "__metadata__"):
        return _context_type(annotation.__origin__)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((found for each in typing.get_args(annotation) if (found := _context_type(each)) is not None), None)
    return None
