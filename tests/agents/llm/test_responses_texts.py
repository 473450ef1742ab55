"""Texts of the Responses API: each is given once, whatever its indices count and whichever events have it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

KINDS = {
    "content": ("response.output_text.delta", "output_text", "text"),
    "refusal": ("response.refusal.delta", "refusal", "refusal"),
    "reasoning": ("response.reasoning_text.delta", "reasoning_text", "text"),
    "summary": ("response.reasoning_summary_text.delta", "summary_text", "text"),
}
FIELDS = ["content_index", "output_index", "summary_index"]


def event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def completed(*output: dict[str, Any], **response: Any) -> str:
    whole = {"id": "r1", "status": "completed", "output": list(output)} | response
    return event("response.completed", response=whole)


def item(kind: str, *texts: str) -> dict[str, Any]:
    """Return an output item with these parts."""
    _, part, field = KINDS[kind]
    parts = [{"type": part, field: text} for text in texts]
    if kind in ("content", "refusal"):
        return {"type": "message", "role": "assistant", "content": parts}
    return {"type": "reasoning", "summary" if kind == "summary" else "content": parts}


def read(*data: str) -> Answer:
    reader = ResponsesReader(ids())
    return answer_of(reader.feed(events(*data)) + reader.end())


def said(answer: Answer, kind: str) -> str:
    return str(getattr(answer, "reasoning" if kind == "summary" else kind))


def deltas(kind: str, *texts: str, field: str = "content_index", start: int = 0) -> list[str]:
    """Return a delta per text. An index counts the deltas."""
    return [event(KINDS[kind][0], delta=text, **{field: start + n}) for n, text in enumerate(texts)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("start", [0, 12])
def test_d23_text_is_given_once_where_an_index_counts_deltas(kind: str, field: str, start: int) -> None:
    body = deltas(kind, "ab", "cd", "ef", field=field, start=start)
    assert said(read(*body, completed(item(kind, "abcdef"))), kind) == "abcdef"
    assert said(read(*body, completed(item(kind, "abcd"), item(kind, "ef"))), kind) == "abcdef"
    assert said(read(*body, completed(item(kind, "abcdefgh"))), kind) == "abcdefgh"


@pytest.mark.parametrize("kind", KINDS)
def test_d23_texts_may_be_in_another_order_at_the_end(kind: str) -> None:
    body = [*deltas(kind, "Yes", "Yes, sir")]
    assert said(read(*body, completed(item(kind, "Yes, sir"), item(kind, "Yes"))), kind) == "YesYes, sir"
    counted = [
        event(KINDS[kind][0], delta=text, output_index=output, content_index=n)
        for output, texts in enumerate((("ab", "cd"), ("ef", "gh")))
        for n, text in enumerate(texts)
    ]
    assert said(read(*counted, completed(item(kind, "efgh"), item(kind, "abcd"))), kind) == "abcdefgh"


def test_d23_texts_that_take_turns_are_completed_each() -> None:
    kind = KINDS["content"][0]
    body = [event(kind, delta=text, output_index=n) for text, n in (("a", 0), ("x", 1), ("b", 0), ("y", 1))]
    assert read(*body, completed(item("content", "ab"), item("content", "xyz"))).content == "axbyz"


def test_d23_a_snapshot_that_contradicts_the_streamed_text_is_ignored() -> None:
    assert read(*deltas("content", "ab", "cd"), completed(item("content", "abXcd"))).content == "abcd"


@given(
    texts=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    counted=st.sampled_from(FIELDS),
)
def test_d23_no_index_and_no_order_of_the_final_texts_gives_a_text_twice(
    texts: list[str], order: Any, counted: str
) -> None:
    """Each text is a message. Its characters are deltas, and an index counts them."""
    body: list[str] = []
    for number, text in enumerate(texts):
        start = 0 if counted == "content_index" else len(body)
        body += [
            event(KINDS["content"][0], **({"output_index": number} | {"delta": each, counted: start + n}))
            for n, each in enumerate(text)
        ]
    final = list(texts)
    if counted == "content_index":  # else the messages can't be distinguished
        order.shuffle(final)
    assert read(*body, completed(*(item("content", text) for text in final))).content == "".join(texts)


DONE: Sequence[tuple[str, str, dict[str, Any]]] = [
    ("content", "response.output_text.done", {"text": "Hello"}),
    ("refusal", "response.refusal.done", {"refusal": "Hello"}),
    ("reasoning", "response.reasoning_text.done", {"text": "Hello"}),
    ("reasoning", "response.reasoning_summary_text.done", {"text": "Hello"}),
    ("content", "response.content_part.done", {"part": {"type": "output_text", "text": "Hello"}}),
    ("refusal", "response.content_part.done", {"part": {"type": "refusal", "refusal": "Hello"}}),
    ("reasoning", "response.content_part.done", {"part": {"type": "reasoning_text", "text": "Hello"}}),
    ("reasoning", "response.reasoning_summary_part.done", {"part": {"type": "summary_text", "text": "Hello"}}),
]


@pytest.mark.parametrize("place", [{"output_index": 0, "content_index": 0}, {}])
@pytest.mark.parametrize(("kind", "name", "fields"), DONE)
def test_d24_a_text_that_only_a_done_event_has_is_given(
    kind: str, name: str, fields: dict[str, Any], place: dict[str, int]
) -> None:
    done = event(name, **fields, **place)
    assert said(read(done, completed()), kind) == "Hello"
    assert said(read(*deltas(kind, "Hel"), done, completed()), kind) == "Hello"
    assert said(read(*deltas(kind, "Hel", "lo"), done, completed()), kind) == "Hello"
    assert said(read(done, completed(item(kind, "Hello"))), kind) == "Hello"


def test_d24_both_done_events_of_a_part_are_one_text() -> None:
    both = [event(name, **fields, output_index=0, content_index=0) for kind, name, fields in DONE if kind == "content"]
    assert read(*both, completed()).content == "Hello"
    assert read(*both[::-1], completed()).content == "Hello"


def test_d24_the_texts_of_several_parts_are_all_given() -> None:
    done = [event("response.output_text.done", output_index=n, text=text) for n, text in enumerate("ab")]
    assert read(*done, completed()).content == "ab"
    done = [event("response.output_text.done", item_id=text, text=text) for text in "ab"]
    assert read(*done, completed()).content == "ab"


def test_d24_the_text_beside_an_empty_output_is_given() -> None:
    assert read(completed(output_text="Hello")).content == "Hello"
    assert read(completed(item("content", "Hello"), output_text="Hello")).content == "Hello"


HELLO = item("content", "Hello")


@pytest.mark.parametrize(
    "known",
    [
        event("response.output_text.done", output_index=0, content_index=0, text="Hello"),
        event("response.output_item.done", output_index=0, item=HELLO),
    ],
)
@pytest.mark.parametrize("end", [[], [event("error", message="no credit")], ["oops"]])
def test_d24_a_text_that_only_a_done_event_has_is_kept_where_the_answer_breaks_off(known: str, end: list[str]) -> None:
    answer = read(known, *end)
    assert answer.content == "Hello"
    assert answer.fault is not None


@pytest.mark.parametrize("begun", [[], [event("response.output_text.delta", output_index=0, delta="Hel")]])
def test_d25_a_message_that_is_done_twice_is_one_text(begun: list[str]) -> None:
    done = event("response.output_item.done", output_index=0, item=HELLO)
    assert read(*begun, done, done, completed()).content == "Hello"


CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'}


@pytest.mark.parametrize("indexes", [(0, 0), (0, 1), (None, None)])
def test_d25_a_call_that_is_done_twice_runs_once(indexes: tuple[int | None, ...]) -> None:
    done = [event("response.output_item.done", output_index=index, item=CALL) for index in indexes]
    for answer in (read(*done, completed()), read(*done, completed(CALL)), read(*done, completed(CALL, CALL))):
        assert answer.calls == [{"id": "a", "name": "f", "arguments": '{"x":1}'}]


def test_d25_calls_that_differ_stay_two_under_one_id() -> None:
    other = CALL | {"arguments": '{"x":2}'}
    assert [call["arguments"] for call in read(completed(CALL, other)).calls] == ['{"x":1}', '{"x":2}']
    assert len(read(completed(CALL | {"call_id": ""}, CALL | {"call_id": ""})).calls) == 2


@pytest.mark.parametrize("call_id", ["", None])
def test_d25_calls_without_an_id_that_are_alike_stay_two(call_id: str | None) -> None:
    done = [event("response.output_item.done", output_index=n, item=CALL | {"call_id": call_id}) for n in range(2)]
    assert len(read(*done, completed()).calls) == 2
