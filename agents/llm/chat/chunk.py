"""The fields of a chat chunk that we read, and a conversion of odd chunks to that form.

Only the containers are typed, since providers change the type of nearly every leaf. A chunk that the typed decoder
refuses is rare and goes through chunk_of(). The decoder skips other fields without making objects.
"""

from typing import Any, Final

from msgspec import Struct

from agents.llm.leaf import arguments_of, text_in


class ChoiceDelta(Struct, gc=False):
    """A delta or a whole message. reasoning*, thinking*: six providers' names for one channel.

    function_call: a single call in the older form, from before tool_calls.
    """

    content: Any = None
    tool_calls: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_text: Any = None
    reasoning_details: Any = None
    thinking: Any = None
    thinking_blocks: Any = None
    refusal: Any = None
    function_call: Any = None


REASONING: Final = (
    "reasoning_content", "reasoning", "reasoning_text", "reasoning_details", "thinking", "thinking_blocks",
)  # fmt: skip


class Choice(Struct, gc=False):
    """One choice. message: the whole answer so far; some providers send it next to the delta, others instead.

    index: the wire value; leaf.key_of reads it. text: the text of a server that answers like the Completions API.
    """

    index: Any = None
    delta: ChoiceDelta | None = None
    finish_reason: Any = None
    message: ChoiceDelta | None = None
    error: Any = None
    text: Any = None


class Chunk(Struct, gc=False):
    """One event's data. x_groq: Groq's field for usage and errors. base_resp: MiniMax's field for errors."""

    choices: list[Choice] | None = None
    usage: Any = None
    id: Any = None
    model: Any = None
    error: Any = None
    x_groq: Any = None
    base_resp: Any = None


def chunk_of(value: Any) -> Chunk:
    """Return a chunk from any JSON value. Meaningless parts are left out."""
    if not isinstance(value, dict):
        return Chunk()
    listed = value.get("choices")
    choices = [_choice_of(choice) for choice in _list_of(listed) if isinstance(choice, dict)]
    rest = {name: value.get(name) for name in Chunk.__struct_fields__ if name != "choices"}
    return Chunk(choices=choices, **rest)


def text_of(content: Any) -> str:
    """Return the text of a content: a string, a typed part, a list of parts (Mistral), or JSON data as the answer."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict) and content and not {"type", "text"} & content.keys():
        return arguments_of(content)
    return "".join(_text(part) for part in parts_of(content))


def thinking_of(content: Any) -> str:
    """Return the reasoning in a content of typed parts."""
    return "".join(text_in(part) for part in parts_of(content) if _kind(part) in _THINKING)


def refusal_of(delta: ChoiceDelta) -> str:
    if isinstance(delta.refusal, str):
        return delta.refusal
    return "".join(_part(part, "refusal") for part in parts_of(delta.content) if _kind(part) == "refusal")


def reasoning_of(delta: ChoiceDelta) -> str:
    """Return the reasoning of a delta once, even if several fields have it."""
    return next((text for name in REASONING if (text := text_in(getattr(delta, name)))), "")


def parts_of(value: Any) -> list[Any]:
    """Return a list. A single object, which some send instead of a list, becomes a list of one."""
    return [value] if isinstance(value, dict) else _list_of(value)


def _choice_of(choice: dict[str, Any]) -> Choice:
    return Choice(
        index=choice.get("index"),
        delta=_delta_of(choice.get("delta")),
        finish_reason=choice.get("finish_reason"),
        message=_delta_of(choice.get("message")),
        error=choice.get("error"),
        text=choice.get("text"),
    )


def _delta_of(delta: Any) -> ChoiceDelta | None:
    if not isinstance(delta, dict):
        return None
    return ChoiceDelta(**{name: delta.get(name) for name in ChoiceDelta.__struct_fields__})


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_THINKING = ("thinking", "reasoning", "reasoning_text", "summary_text", "reasoning_content")


def _text(part: Any) -> str:
    """Return the text of a text part or of a bare string, else an empty text."""
    if isinstance(part, str):
        return part
    return _part(part, "text") if _kind(part) in ("text", "output_text", None) else ""


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else ""


def _part(part: dict[str, Any], name: str) -> str:
    text = part.get(name)
    return text if isinstance(text, str) else ""
