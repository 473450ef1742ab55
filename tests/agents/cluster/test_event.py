"""A stream's event on a link: the value that a local subscriber gets, and that the store gives back."""

from typing import Any

import msgspec
import pytest

from agents.cluster.errors import Garbage
from agents.cluster.event import EVENTS, MAX_EVENT, Stored, packed
from agents.core.conversation import Function, ToolCall
from agents.core.errors import ApiError
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamToken,
    StreamToolResult,
    ToolResult,
)
from agents.core.response import Response

CALL = ToolCall("c", Function("f", "{}"), extra={"signature": "x"})
PLACE: dict[str, Any] = {"stream_id": "s", "seq": 7, "attempt": 2, "at": 1.5}


@pytest.mark.parametrize(
    "event",
    [
        StreamToken("Grüße, 世界", **PLACE),
        StreamToken("half a pair: \ud83d", **PLACE),
        StreamToolResult(CALL, ToolResult("text", {"n": 2**80, "list": [1, None, 0.1]}), **PLACE),
        StreamComplete(Response("whole", "whole", (CALL,), value={"city": "Paris"}), **PLACE),
        StreamError(ApiError(503, "no", retry_after_s=1.0), "part", **PLACE),
    ],
)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    assert EVENTS.unpacked(packed(event)) == event


def test_an_event_above_the_limit_is_read_from_the_store() -> None:
    small, large = StreamToken("x" * (MAX_EVENT - 200), **PLACE), StreamToken("x" * MAX_EVENT, **PLACE)
    assert EVENTS.unpacked(packed(small)) == small
    assert EVENTS.unpacked(packed(large)) == Stored("s", 7)
    assert len(packed(large)) < 100


def test_an_unknown_kind_is_refused_and_unknown_fields_are_skipped() -> None:
    with pytest.raises(Garbage):
        EVENTS.unpacked(msgspec.json.encode({"type": "stream_smell", "seq": 8}))
    token = {"type": "stream_token", "token": "a", "stream_id": "s", "seq": 7, "mood": "good"}
    assert EVENTS.unpacked(msgspec.json.encode(token)) == StreamToken("a", stream_id="s", seq=7)


@pytest.mark.parametrize("received", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'{"type": 7}'])
def test_bytes_that_are_no_event_are_refused_in_one_line(received: bytes) -> None:
    with pytest.raises(Garbage, match=r"^expected a value of a known form, got something else \(\w+\)$"):
        EVENTS.unpacked(received)
