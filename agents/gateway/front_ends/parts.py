"""The common part of the encoders for front ends: texts and thoughts that begin and end.

The last frame of each event has the event's seq as its id, so a client resumes by Last-Event-ID. Neither protocol has a
word for a reset: a stream whose sent parts become void ends with an error for this client. The turn goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from agents.contract.events import CutData
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
    StreamToken,
)
from agents.core.text import to_json

Kind: TypeAlias = Literal["text", "thought"]
Frames: TypeAlias = list[Any]
"""The data of frames, as structs."""

MARK: Final = "\0"
VOID: Final = "the model's answer began again, and the text that was sent is void: read the session"


class Parts(ABC):
    """The encoder of one stream. stream_id: its id, from which the ids of the parts are made.

    over: whether this client gets no more. State: the open part, the number of parts, the number of sent characters,
    whether the present model call has calls, and the ids of these calls by their index.
    """

    def __init__(self, stream_id: str) -> None:
        self.stream_id = stream_id
        self._open: Kind | None = None
        self._count, self._sent = 0, 0
        self._calls = self.over = False
        self._ids: dict[int, str] = {}
        self._template = (b"", b"")

    def __call__(self, events: Sequence[Event]) -> bytes:
        """Return the frames of these events. The token path: a token is one format and one encoding of its text."""
        written: list[bytes] = []
        was_over = self.over
        for event in events:
            if self.over:
                break
            if type(event) is StreamToken:
                if self._open != "text":
                    written += map(_frame, self._opened("text"))
                text = event.token
                self._sent += len(text)
                head, tail = self._template
                written.append(b"id: %d\ndata: %b%b%b" % (event.seq, head, to_json(text), tail))
            elif frames := self._frames_of(event):
                written += map(_frame, frames[:-1])
                written.append(b"id: %d\n%b" % (event.seq, _frame(frames[-1])))
        if self.over and not was_over:
            written.append(self.last)
        return b"".join(written)

    def cut(self, data: CutData) -> bytes:
        self.over = True
        return b"".join(map(_frame, [*self.closed(), *self.broken(data.message, data.code)])) + self.last

    def _frames_of(self, event: Event) -> Frames:
        match event:
            case StreamReasoning(text):
                return [*([] if self._open == "thought" else self._opened("thought")), self.delta("thought", text)]
            case StreamReset(content=content) if self._calls or len(content) != self._sent:
                self.over = True
                return [*self.closed(), *self.broken(VOID, "stream_reset")]
            case StreamFunctionCallStarted(call):
                self._calls = True
                self._ids[call.index] = call.id
                return [*self.closed(), *self.other(event)]
            case StreamFunctionArgumentsDelta(index, delta):
                return [self.arguments(self._ids[index], delta)]
            case StreamComplete() | StreamError():
                self.over = True
                return [*self.closed(), *self.other(event)]
            case StreamFunctionExecutionStart():
                self._calls = False
        return self.other(event)

    def _opened(self, kind: Kind) -> Frames:
        frames = [*self.closed(), *self.model_speaks()]
        self._count += 1
        self._open = kind
        if kind == "text":
            head, tail = _data(self.delta("text", MARK)).split(to_json(MARK))
            self._template = head, tail
        return [*frames, *self.begin(kind)]

    def closed(self) -> Frames:
        """Return the frames that end the open part, if there is one."""
        kind, self._open = self._open, None
        return [] if kind is None else self.end(kind)

    @property
    def part_id(self) -> str:
        """The id of the last part."""
        return f"{self.stream_id}-{self._count}"

    # The protocol

    last = b""
    """The bytes after the last frame."""

    @abstractmethod
    def begin(self, kind: Kind) -> Frames: ...

    @abstractmethod
    def delta(self, kind: Kind, text: str) -> Any: ...

    @abstractmethod
    def end(self, kind: Kind) -> Frames: ...

    @abstractmethod
    def arguments(self, call_id: str, delta: str) -> Any:
        """Return the frame of a piece of a call's arguments."""

    @abstractmethod
    def other(self, event: Event) -> Frames:
        """Return the frames of any other event. An end comes after those of the open part."""

    @abstractmethod
    def broken(self, message: str, code: str) -> Frames:
        """Return the frames after those of the open part that end the stream early for this client."""

    def model_speaks(self) -> Frames:
        """Return the frames before a part or a call of a model call."""
        return []


def _data(struct: Any) -> bytes:
    return to_json(struct) + b"\n\n"


def _frame(struct: Any) -> bytes:
    return b"data: " + _data(struct)
