"""The wire: what an API makes of a reply, as server-sent events or as one object."""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from agents.rehearsal.reply import Reply
from agents.rehearsal.request import Body, Request


@dataclass(frozen=True)
class Event:
    """fields: of the JSON object. raw: bytes that are sent instead. name: the event field, where an API has one.

    token: it carries a piece of the answer, so it is sent at the pace of the answer.
    """

    fields: dict[str, Any]
    name: str | None = None
    token: bool = False
    raw: bytes | None = None

    def encode(self) -> bytes:
        head = f"event: {self.name}\n".encode() if self.name else b""
        return head + b"data: " + (self.raw or msgspec.json.encode(self.fields)) + b"\n\n"


DONE = Event({}, raw=b"[DONE]")


class Api(Protocol):
    """Chat Completions and Responses, each a module."""

    def read(self, body: Body) -> Request:
        """Raises Refusal."""

    def stream(self, reply: Reply, request: Request) -> list[Event]: ...

    def whole(self, reply: Reply, request: Request) -> dict[str, Any]:
        """The answer to a request that wants no stream."""

    def failure(self, reply: Reply, request: Request, sent: int) -> list[Event]:
        """An error in the middle of a stream. sent: how many events came before it."""

    def failure_body(self, reply: Reply, request: Request) -> dict[str, Any]:
        """The same error, where no stream was wanted."""
