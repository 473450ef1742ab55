"""Output items of the Responses API. An item grows by deltas and reports each one in events."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from agents.rehearsal.wire import ServerSentEvent

JSON = dict[str, Any]


@dataclass
class Item(ABC):
    """An output item. status: in_progress, then completed or incomplete. Its events lack the sequence number."""

    id: str
    output_index: int
    text: str = ""
    status: str = "in_progress"

    @property
    def open(self) -> bool:
        return self.status == "in_progress"

    def added(self) -> Iterator[ServerSentEvent]:
        yield self._event("response.output_item.added", {"item": self.to_json()})

    @abstractmethod
    def delta(self, text: str) -> ServerSentEvent:
        """Yield the events of one more piece of content."""

    def done(self, status: str) -> Iterator[ServerSentEvent]:
        """Yield the events that end its parts and the item."""
        self.status = status
        yield self._event("response.output_item.done", {"item": self.to_json()})

    @abstractmethod
    def to_json(self) -> JSON:
        """Return the item as it is now."""

    def _event(self, name: str, fields: JSON, *, token: bool = False) -> ServerSentEvent:
        return ServerSentEvent({"output_index": self.output_index, **fields}, name, token)


@dataclass
class TextItem(Item):
    """An item with one content part."""

    part_type: ClassVar[str]
    part_fields: ClassVar[JSON] = {}
    event_fields: ClassVar[JSON] = {}

    def added(self) -> Iterator[ServerSentEvent]:
        yield from super().added()
        yield self._event("response.content_part.added", {**self._where(), "part": self._part("")})

    def delta(self, text: str) -> ServerSentEvent:
        self.text += text
        fields = {**self._where(), "delta": text, **self.event_fields}
        return self._event(f"response.{self.part_type}.delta", fields, token=True)

    def done(self, status: str) -> Iterator[ServerSentEvent]:
        fields = {**self._where(), "text": self.text, **self.event_fields}
        yield self._event(f"response.{self.part_type}.done", fields)
        yield self._event("response.content_part.done", {**self._where(), "part": self._part(self.text)})
        yield from super().done(status)

    def _content(self) -> list[JSON]:
        return [] if self.open else [self._part(self.text)]

    def _part(self, text: str) -> JSON:
        return {"type": self.part_type, "text": text, **self.part_fields}

    def _where(self) -> JSON:
        return {"item_id": self.id, "content_index": 0}


@dataclass
class ReasoningItem(TextItem):
    part_type = "reasoning_text"

    def to_json(self) -> JSON:
        return {"id": self.id, "type": "reasoning", "status": self.status, "summary": [], "content": self._content()}


@dataclass
class MessageItem(TextItem):
    part_type = "output_text"
    part_fields: ClassVar[JSON] = {"annotations": [], "logprobs": []}
    event_fields: ClassVar[JSON] = {"logprobs": []}

    def to_json(self) -> JSON:
        content = self._content()
        return {"id": self.id, "type": "message", "status": self.status, "role": "assistant", "content": content}


@dataclass
class CallItem(Item):
    """A function call. text: the arguments so far. call_id: the id that its result will have."""

    name: str = ""
    call_id: str = ""

    def delta(self, text: str) -> ServerSentEvent:
        self.text += text
        fields = {"item_id": self.id, "delta": text}
        return self._event("response.function_call_arguments.delta", fields, token=True)

    def done(self, status: str) -> Iterator[ServerSentEvent]:
        fields = {"item_id": self.id, "name": self.name, "arguments": self.text}
        yield self._event("response.function_call_arguments.done", fields)
        yield from super().done(status)

    def to_json(self) -> JSON:
        return {
            "id": self.id,
            "type": "function_call",
            "status": self.status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": self.text,
        }
