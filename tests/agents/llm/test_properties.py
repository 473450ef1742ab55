"""Laws of the stream readers. They hold for any bytes, cut anywhere."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.core.deltas import CallDelta, Delta, Failed, Finished, ReasoningDelta, TextDelta
from agents.core.errors import NetworkError
from agents.llm.chat import ChatReader
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import answer_of, ids
from tests.agents.llm.corpus import recordings

READERS: dict[str, Callable[[Callable[[], str]], StreamReader]] = {"chat": ChatReader, "responses": ResponsesReader}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "null", "stop", "\ud83c", "\0", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["text", "type", "index", "id", "name"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def bent(*fields: str, **shaped: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for objects with some of these fields. Each field has its own type or any JSON."""
    every = dict.fromkeys(fields, json_values) | {name: json_values | shape for name, shape in shaped.items()}
    return st.fixed_dictionaries({}, optional=every)


pieces = bent(
    "index", "extra_content", id=st.sampled_from("ab"), function=bent(name=st.just("f"), arguments=st.just("{}"))
)
chat_deltas = bent(
    "content", "refusal", "reasoning", "reasoning_details", content=st.just("hi"), tool_calls=st.lists(pieces)
)
choices = bent("index", "error", delta=chat_deltas, finish_reason=st.just("stop"), message=chat_deltas)
chunks = bent("usage", "error", "id", "model", "x_groq", choices=st.lists(choices, max_size=2))
items = bent(
    "id", "content", "summary",
    type=st.sampled_from(["function_call", "message"]), call_id=st.sampled_from("ab"), name=st.just("f"),
    arguments=st.just("{}"),
)  # fmt: skip
kinds = st.sampled_from(
    [
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.incomplete",
        "response.completed",
        "error",
    ]
)
responses_events = bent(
    "content_index", "item_id", "error", type=kinds, output_index=st.integers(0, 1), delta=st.just("{}"), item=items,
    arguments=st.just("{}"), response=bent("id", "status", "usage", "error", output=st.lists(items, max_size=2)),
)  # fmt: skip
streams = {
    "chat": st.lists(chunks, max_size=8),
    "responses": st.lists(responses_events, max_size=8),
}


def joined(deltas: list[Delta]) -> list[Delta]:
    """Return the deltas, with adjacent ones of the same kind and call joined."""
    result: list[Delta] = []
    for delta in deltas:
        match result[-1] if result else None, delta:
            case (TextDelta(a), TextDelta(b)):
                result[-1] = TextDelta(a + b)
            case (ReasoningDelta(a), ReasoningDelta(b)):
                result[-1] = ReasoningDelta(a + b)
            case (CallDelta(i, a), CallDelta(j, b)) if i == j:
                result[-1] = CallDelta(i, a + b)
            case _:
                result.append(delta)
    return result


def read(kind: str, parts: list[bytes]) -> list[Delta]:
    reader = READERS[kind](ids())
    deltas = [delta for part in parts for delta in reader.feed(part)] + reader.end()
    assert isinstance(deltas[-1], Finished | Failed)
    answer_of(deltas, exact=False)
    msgspec.json.encode(deltas)  # fails for text without an encoding
    return deltas


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
@settings(max_examples=150)
def test_any_events_cut_anywhere_end_once_and_say_the_same(kind: str, data: st.DataObject) -> None:
    values = data.draw(streams[kind])
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    body = "".join(f"data: {json.dumps(value)}{end}{end}" for value in values) + f"data: [DONE]{end}{end}"
    whole = read(kind, [body.encode()])
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert joined(read(kind, cut(body.encode(), places))) == joined(whole)
    assert read(kind, [bytes((byte,)) for byte in body.encode()]) == whole


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_recording_never_raises_and_ends_once(kind: str, data: st.DataObject) -> None:
    small = [recording.body for recording in recordings(kind) if len(recording.body) < 6000]
    body = bytearray(data.draw(st.sampled_from(small)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        size = data.draw(st.integers(0, 40))
        body[start : start + size] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"\n\n", b'"', b"null", b"]", b"\\ud83c"])
        )
    whole = read(kind, [bytes(body)])
    assert joined(read(kind, cut(bytes(body), data.draw(st.lists(st.integers(0, 6000), max_size=5))))) == joined(whole)


@pytest.mark.parametrize("kind", READERS)
@given(body=st.binary(max_size=60))
@example(body=b"\r\xef")
@example(body=b"\n\xef\xbb\xbf{")
@example(body=b"\n  data: {}")
def test_any_bytes_at_all_end_once(kind: str, body: bytes) -> None:
    assert read(kind, [body]) == read(kind, [bytes((byte,)) for byte in body])


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
@settings(max_examples=50)
def test_a_connection_that_breaks_anywhere_ends_the_answer_once(kind: str, data: st.DataObject) -> None:
    values = data.draw(streams[kind])
    body = "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode()
    reader = READERS[kind](ids())
    deltas = reader.feed(body[: data.draw(st.integers(0, len(body)))]) + reader.break_off(NetworkError("econnreset"))
    assert answer_of(deltas, exact=False).ended
    assert reader.feed(body) == reader.end() == reader.break_off(NetworkError("econnreset")) == []
