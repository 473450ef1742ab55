"""The hooks before and after a model call."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agents.core.conversation import Conversation, Message, ToolCall
from agents.core.errors import Denied
from agents.hooks.answers import Deny, UnfitAnswer
from agents.hooks.calls import HookedTurn
from agents.hooks.deciding import decided
from agents.hooks.points import AfterModel, BeforeModel
from agents.hooks.resolve import Hooks


class ModelAnswer(Struct, frozen=True):
    """The finished answer of a model call."""

    content: str
    reasoning: str
    calls: tuple[ToolCall, ...]


async def before_model(hooks: Hooks, turn: HookedTurn, model: str, conversation: Conversation) -> Conversation | Denied:
    """Return the messages to send to the model, or why none are sent."""
    messages = msgspec.json.decode(msgspec.json.encode(conversation))

    def point_of(value: Any) -> BeforeModel:
        return BeforeModel(**msgspec.structs.asdict(turn), model=model, messages=value)

    outcome = await decided(hooks.before_model, messages, point_of, _messages)
    if isinstance(outcome.answer, Deny):
        return Denied(outcome.answer.reason)
    if outcome.value == messages:
        return conversation
    rewritten: Conversation = msgspec.convert(tuple(outcome.value), tuple[Message, ...])
    return rewritten


async def after_model(hooks: Hooks, turn: HookedTurn, model: str, answer: ModelAnswer) -> str | Denied:
    """Return the text of the answer that counts, or why the answer does not."""
    calls = [{"id": each.id, "name": each.name, "arguments": each.arguments} for each in answer.calls]

    def point_of(content: Any) -> AfterModel:
        same = content == answer.content
        fields = {"content": content, "reasoning": answer.reasoning if same else "", "tool_calls": calls}
        return AfterModel(**msgspec.structs.asdict(turn), model=model, **fields)

    outcome = await decided(hooks.after_model, answer.content, point_of, _content)
    return Denied(outcome.answer.reason) if isinstance(outcome.answer, Deny) else str(outcome.value)


def _messages(value: Any) -> Sequence[Any]:
    """Return rewritten messages. Raises UnfitAnswer for other data."""
    if not isinstance(value, list) or not value:
        raise UnfitAnswer("expected a list of messages that is not empty")
    msgspec.convert(tuple(value), tuple[Message, ...])
    return value


def _content(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitAnswer(f"expected text, got {type(value).__name__}")
    return value
