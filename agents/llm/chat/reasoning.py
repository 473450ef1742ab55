"""The reasoning of a chat answer, which some providers need back in later requests.

DeepSeek and Kimi refuse a conversation in which a turn with tool calls lacks its `reasoning_content`. OpenRouter's
`reasoning_details` may be signed or encrypted, and the model loses them unless they go back whole. Other providers
(Mistral, Cerebras) refuse an unknown field. So reasoning goes back in the field in which it came, and only within turns
with tool calls. A turn reaches from one user message to the next, as DeepSeek defines it.

An answer's `items` have at most one entry of each kind:

    {"type": "chat_reasoning_content"}                          the text is in the message's `reasoning`
    {"type": "chat_reasoning_details", "details": [...]}
"""

from collections.abc import Sequence
from typing import Any, Final

from agents.core.conversation import AssistantMessage, Message
from agents.llm.chat.chunk import ChoiceDelta

CONTENT: Final = "chat_reasoning_content"
DETAILS: Final = "chat_reasoning_details"
ITEMS: Final = frozenset((CONTENT, DETAILS))

_GROWING = ("text", "summary")  # fields of a detail that come in pieces; a signature comes whole, with the last piece


class ReasoningFields:
    """The contents of the two fields in the deltas of one answer."""

    __slots__ = ("_details", "_has_content")

    def __init__(self) -> None:
        self._has_content = False
        self._details: list[dict[str, Any]] = []

    def note(self, delta: ChoiceDelta) -> None:
        self._has_content = self._has_content or bool(delta.reasoning_content)
        for detail in delta.reasoning_details if isinstance(delta.reasoning_details, list) else ():
            if isinstance(detail, dict):
                self._add(detail)

    def items(self) -> tuple[dict[str, Any], ...]:
        content = ({"type": CONTENT},) if self._has_content else ()
        return (*content, {"type": DETAILS, "details": self._details}) if self._details else content

    def _add(self, detail: dict[str, Any]) -> None:
        last = self._details[-1] if self._details else {}
        if not _goes_on(last, detail):
            self._details.append(dict(detail))
            return
        for name, value in detail.items():
            if name in _GROWING:
                last[name] = last.get(name, "") + value
            elif value:
                last[name] = value


def fields_going_back(turn: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the reasoning fields that go into the request for each message of a turn.

    turn: the messages from one user message to the next. If one answer in the turn came with `reasoning_content`, each
    answer in the turn gets the field, even an answer that was cut or has no reasoning.
    """
    answers = [message for message in turn if isinstance(message, AssistantMessage)]
    if not any(answer.tool_calls for answer in answers):
        return [{} for _ in turn]
    has_content = any(item.get("type") == CONTENT for answer in answers for item in answer.items)
    return [
        _fields(message, has_content=has_content) if isinstance(message, AssistantMessage) else {} for message in turn
    ]


def _fields(answer: AssistantMessage, *, has_content: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"reasoning_content": answer.reasoning} if has_content else {}
    for item in answer.items:
        if item.get("type") == DETAILS:
            fields["reasoning_details"] = item["details"]
    return fields


def _goes_on(last: dict[str, Any], detail: dict[str, Any]) -> bool:
    """Return whether a detail continues the last one: same type and index, and text. Encrypted details come whole."""
    if not last or any(last.get(name) != detail.get(name) for name in ("type", "index")):
        return False
    texts = [part[name] for part in (last, detail) for name in _GROWING if name in part]
    return bool(texts) and all(isinstance(text, str) for text in texts)
