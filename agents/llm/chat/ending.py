"""The parts of a chat answer that are neither text nor calls: its finish reason, usage, model and id."""

from collections.abc import Sequence
from typing import Any

from agents.core.deltas import Finished, FinishReason
from agents.core.errors import ParseError
from agents.core.finish import CUT, kept_reason, reason_of
from agents.llm.chat.chunk import Chunk
from agents.llm.leaf import arguments_of
from agents.llm.text import joined_surrogates
from agents.llm.usage import read_usage


class Ending:
    """The facts that Finished has beside the content. raw_reason: the provider's finish reason; None before it came.

    named: the model and the id are known.
    """

    __slots__ = ("_model", "_response_id", "named", "raw_reason", "usage")

    def __init__(self) -> None:
        self.raw_reason: str | None = None
        self.usage: Any = None
        self.named = False
        self._model: str | None = None
        self._response_id: str | None = None

    def note(self, chunk: Chunk) -> None:
        """Keep the first model and the first id that a chunk names: later ones may change or be empty."""
        if isinstance(chunk.x_groq, dict):
            self.usage = chunk.x_groq.get("usage") or self.usage
        if self._model is None and isinstance(chunk.model, str) and chunk.model:
            self._model = joined_surrogates(chunk.model)
        if self._response_id is None and isinstance(chunk.id, str) and chunk.id:
            self._response_id = joined_surrogates(chunk.id)
        self.named = self._model is not None and self._response_id is not None

    def note_reason(self, reason: Any) -> None:
        self.raw_reason = kept_reason(self.raw_reason, joined_surrogates(arguments_of(reason)))

    def finished(self, skipped: Sequence[ParseError], items: tuple[dict[str, Any], ...], *, calls: bool) -> Finished:
        """Return the last delta. calls: the answer has tool calls."""
        reason = reason_of(self.raw_reason)
        if calls and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        return Finished(
            reason,
            raw_reason=self.raw_reason,
            usage=read_usage(self.usage),
            response_id=self._response_id,
            model=self._model,
            complete=reason not in CUT,
            skipped=tuple(each.message for each in skipped),
            lossy=bool(skipped),
            items=items,
        )
