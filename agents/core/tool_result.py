"""The result of a call of a tool."""

from typing import Any

from msgspec import Struct

from agents.core.large_result import LargeResult
from agents.core.parts import Content, MediaPart, TextPart


class ToolResult(Struct, frozen=True):
    """The result of one call.

    content: the text for the model, on success and on failure. value: the tool's return value, as JSON data.
    error: None, or the kind of failure: "unknown_tool", "invalid_arguments", "denied", "unanswered", "unknown" (the
    call may or may not have taken effect), "raised", "timeout", "crashed", "cpu_time", "no_effect" (the call failed,
    and certainly took no effect). After the last five, content and value are the tool's fallback if it has one.
    attempts: the number of times that the call was run; a run that continues after an answer to its own question is the
    same attempt. parts: the images, sounds and files of the result, which the model gets after the text. large: where
    the whole text is kept, if content has only a part of it; value is None.
    """

    content: str
    value: Any = None
    error: str | None = None
    elapsed_s: float = 0.0
    attempts: int = 1
    parts: tuple[MediaPart, ...] = ()
    large: LargeResult | None = None

    @property
    def for_the_model(self) -> Content:
        """The content of the message with this result."""
        return (TextPart(self.content), *self.parts) if self.parts else self.content
