"""The fields of a chat chunk that we read, and odd chunks brought into that form.

Only the containers are typed, since providers bend nearly every leaf: what is refused here is rare and goes through
chunk_of(). Fields that are not named are skipped by the decoder without being made.
"""

from typing import Any

from msgspec import Struct


class ChoiceDelta(Struct, gc=False):
    """Also the form of a whole message. reasoning*: one and the same channel, as four providers spell it."""

    content: Any = None
    tool_calls: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_text: Any = None
    reasoning_details: Any = None
    refusal: Any = None


class Choice(Struct, gc=False):
    """message: the whole answer so far, which some send beside the delta and some instead of it."""

    index: int | None = None
    delta: ChoiceDelta | None = None
    finish_reason: Any = None
    message: ChoiceDelta | None = None
    error: Any = None


class Chunk(Struct, gc=False):
    """One event's data. x_groq: where Groq puts the usage, and errors."""

    choices: list[Choice] | None = None
    usage: Any = None
    id: Any = None
    model: Any = None
    error: Any = None
    x_groq: Any = None


def chunk_of(value: Any) -> Chunk:
    """A chunk of any JSON value; what has no meaning there is left out."""
    if not isinstance(value, dict):
        return Chunk()
    listed = value.get("choices")
    choices = [_choice_of(choice) for choice in _list_of(listed) if isinstance(choice, dict)]
    rest = {name: value.get(name) for name in Chunk.__struct_fields__ if name != "choices"}
    return Chunk(choices=choices, **rest)


def text_of(content: Any) -> str:
    """The text of a content, which is a string or a list of typed parts (Mistral)."""
    if isinstance(content, str):
        return content
    return "".join(_part(part, "text") for part in _list_of(content) if _kind(part) in ("text", "output_text", None))


def thinking_of(content: Any) -> str:
    """The reasoning in a content that is a list of typed parts."""
    parts = [part for part in _list_of(content) if _kind(part) in ("thinking", "reasoning")]
    return "".join(text_of(part.get("thinking") or part.get("text")) for part in parts)


def refusal_of(delta: ChoiceDelta) -> str:
    if isinstance(delta.refusal, str):
        return delta.refusal
    return "".join(_part(part, "refusal") for part in _list_of(delta.content) if _kind(part) == "refusal")


def reasoning_of(delta: ChoiceDelta) -> str:
    """The reasoning of a delta, once, though two fields may carry it."""
    for text in (delta.reasoning_content, delta.reasoning, delta.reasoning_text):
        if isinstance(text, str) and text:
            return text
    details = [detail for detail in _list_of(delta.reasoning_details) if isinstance(detail, dict)]
    return "".join(_part(detail, "text") or _part(detail, "summary") for detail in details)


def _choice_of(choice: dict[str, Any]) -> Choice:
    index = choice.get("index")
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=_delta_of(choice.get("delta")),
        finish_reason=choice.get("finish_reason"),
        message=_delta_of(choice.get("message")),
        error=choice.get("error"),
    )


def _delta_of(delta: Any) -> ChoiceDelta | None:
    if not isinstance(delta, dict):
        return None
    return ChoiceDelta(**{name: delta.get(name) for name in ChoiceDelta.__struct_fields__})


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else ""


def _part(part: dict[str, Any], name: str) -> str:
    text = part.get(name)
    return text if isinstance(text, str) else ""
