"""The actions of the WebSocket. Each message is one JSON object, and its key `action` names the action."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from agents.core.depth import EXPECTED, text_too_deep
from agents.core.question import AnswerValue
from agents.core.standing import Always
from agents.gateway.errors import Refusal, invalid
from agents.gateway.parts import Items
from agents.settings import Scope
from agents.settings.values import AgentId

Id = AgentId
"""The id of an agent or a stream. Its characters need no escape in a path."""
Seq = Annotated[int, Field(ge=0, lt=2**53)]
Text = Annotated[str, Field(min_length=1)]


def _text_or_number(ref: Any) -> Any:
    """Return ref. Raises one ValueError for both types, where a union would report one fault per type."""
    if ref is None or type(ref) in (str, int):
        return ref
    raise ValueError("expected text or a whole number")


def _answer(given: Any) -> AnswerValue:
    """Return a person's answer, with one ValueError as above."""
    if isinstance(given, str):
        return given
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return tuple(given)
    raise ValueError("expected a text, or a list of texts")


_ANSWER = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
GivenAnswer = Annotated[Any, AfterValidator(_answer), WithJsonSchema(_ANSWER)]
"""An answer to a question: a text, or a list of choices."""


class _Action(BaseModel):
    """The common part of every action.

    needs: the scope; None: any token is enough. ref: chosen by the client, and repeated in the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    needs: ClassVar[Scope | None]
    ref: Annotated[Any, AfterValidator(_text_or_number)] = None


class StreamChat(_Action):
    """agent_id: the default is the default agent, and the answer then names it. parts: after the text of message."""

    needs = Scope.CHAT
    action: Literal["stream_chat"]
    agent_id: Id | None = None
    message: Text
    parts: Items = None
    stream_id: Id | None = None


class Subscribe(_Action):
    needs = Scope.READ
    action: Literal["subscribe"]
    stream_id: Id
    after: Seq = 0


class Cancel(_Action):
    needs = Scope.CHAT
    action: Literal["cancel"]
    stream_id: Id


class Approve(_Action):
    needs = Scope.APPROVE
    action: Literal["approve"]
    stream_id: Id
    call_id: Text
    arguments: str | None = None
    edited: str | None = None
    always: Always | None = None
    same_arguments: bool = False


class Deny(_Action):
    needs = Scope.APPROVE
    action: Literal["deny"]
    stream_id: Id
    call_id: Text
    reason: str = ""


class AnswerQuestion(_Action):
    """answer: a text, or a list of choices if the question accepts several. question: the text that the person read."""

    needs = Scope.CHAT
    action: Literal["answer"]
    stream_id: Id
    call_id: Text
    answer: GivenAnswer
    question: Text | None = None


class Steer(_Action):
    needs = Scope.CHAT
    action: Literal["steer"]
    stream_id: Id
    message: Text
    parts: Items = None


class Ping(_Action):
    needs = None
    action: Literal["ping"]


Action: TypeAlias = StreamChat | Subscribe | Cancel | Approve | Deny | AnswerQuestion | Steer | Ping

_ACTIONS: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="action")])


def action_of(data: bytes) -> Action:
    """Return the action in a message. Raises Refusal if the message is not a valid action."""
    if text_too_deep(data):
        raise Refusal(422, EXPECTED)
    try:
        return _ACTIONS.validate_json(data)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None
