"""The wire: a reply in an API's format, as server-sent events or as one object."""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from agents.rehearsal.reply import ScriptedReply
from agents.rehearsal.request import Body, ModelRequest


@dataclass(frozen=True)
class ServerSentEvent:
    """An event. fields: of the JSON object. raw: bytes to send instead. name: the event field, if the API has one.

    token: the event has a piece of the answer, so it is sent at the pace of the answer.
    """

    fields: dict[str, Any]
    name: str | None = None
    token: bool = False
    raw: bytes | None = None

    def encode(self) -> bytes:
        head = f"event: {self.name}\n".encode() if self.name else b""
        return head + b"data: " + (self.raw or msgspec.json.encode(self.fields)) + b"\n\n"


DONE = ServerSentEvent({}, raw=b"[DONE]")


class WireFormat(Protocol):
    """Chat Completions and Responses, each a module."""

    def read(self, body: Body) -> ModelRequest:
        """Raises ErrorResponse."""

    def stream(self, reply: ScriptedReply, request: ModelRequest) -> list[ServerSentEvent]: ...

    def whole(self, reply: ScriptedReply, request: ModelRequest) -> dict[str, Any]:
        """Return the answer to a request without streaming."""

    def failure(self, reply: ScriptedReply, request: ModelRequest, sent: int) -> list[ServerSentEvent]:
        """Yield an error in the middle of a stream. sent: the number of events before it."""

    def failure_body(self, reply: ScriptedReply, request: ModelRequest) -> dict[str, Any]:
        """Return the same error for a request without streaming."""
