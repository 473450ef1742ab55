"""Responses streams and bodies with the quirks of their providers: one test per quirk."""

import json
from typing import Any

import pytest

from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, Finished, FinishReason, TextDelta, Usage
from agents.core.errors import ApiError, ConnectionClosed, ParseError
from agents.llm.responses import ResponsesReader, read_response
from tests.agents.llm.answer import Answer, answer_of, events, ids
from tests.agents.llm.answer import read as read_with

CALL = {"id": "c1", "name": "f", "arguments": '{"x":1}'}
ITEM = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"x":1}'}
OPEN_ITEM = ITEM | {"arguments": ""}
REASONING = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}


def event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def text(delta: str, output_index: int = 0, content_index: int = 0) -> str:
    return event("response.output_text.delta", delta=delta, output_index=output_index, content_index=content_index)


def message(*texts: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": one} for one in texts], **fields}


def added(index: int | None, item: dict[str, Any]) -> str:
    return event("response.output_item.added", output_index=index, item=item)


def done(index: int | None, item: dict[str, Any]) -> str:
    return event("response.output_item.done", output_index=index, item=item)


def arguments(index: int | None, delta: str, **fields: Any) -> str:
    return event("response.function_call_arguments.delta", output_index=index, delta=delta, **fields)


def ended(kind: str = "completed", **response: Any) -> str:
    return event(f"response.{kind}", response={"status": kind, **response})


def deltas_of(*data: str) -> list[Delta]:
    reader = ResponsesReader(ids())
    return reader.feed(events(*data)) + reader.end()


def read(*data: str) -> Answer:
    return read_with(ResponsesReader(ids()), events(*data))


def finished(answer: Answer) -> Finished:
    assert answer.finished is not None, answer.fault
    return answer.finished


def test_text_and_the_origin_of_an_answer() -> None:
    created = event("response.created", response={"id": "resp_1", "model": "m"})
    answer = read(created, text("a"), text("b"), ended(usage={"input_tokens": 1, "output_tokens": 2}))
    assert answer.content == "ab"
    assert finished(answer) == Finished(FinishReason.STOP, "completed", Usage(1, 2), "resp_1", "m")


def test_d1_a_failed_response_is_an_error_and_keeps_its_text() -> None:
    answer = read(text("a"), ended("failed", error={"code": "server_error", "message": "gone"}))
    assert answer.content == "a"
    assert answer.fault == ApiError(0, "gone", "server_error")


@pytest.mark.parametrize("kind", ["failed", "cancelled"])
def test_d1_a_response_that_failed_without_words_is_an_error_too(kind: str) -> None:
    assert read(text("a"), ended(kind)).fault == ApiError(0, f"the response was {kind}", kind)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("tired", FinishReason.OTHER),
    ],
)
def test_d1_an_incomplete_response_says_why_and_is_not_complete(reason: str, expected: FinishReason) -> None:
    answer = read(
        text("a"), added(1, OPEN_ITEM), arguments(1, '{"x'), ended("incomplete", incomplete_details={"reason": reason})
    )
    end = finished(answer)
    assert (end.reason, end.raw_reason, end.complete) == (expected, reason, False)
    assert answer.content == "a"


def test_d1_the_status_counts_where_the_event_contradicts_it() -> None:
    assert not finished(read(event("response.completed", response={"status": "incomplete"}))).complete


def test_d2_an_error_and_a_failed_response_are_one_failure() -> None:
    deltas = deltas_of(event("error", error={"code": "rate_limit_exceeded", "message": "slow"}), ended("failed"))
    assert answer_of(deltas).fault == ApiError(0, "slow", "rate_limit_exceeded")


@pytest.mark.parametrize(
    "data", ['{"type":"error","message":"slow"}', '{"error":{"message":"slow"}}', '{"error":"slow"}']
)
def test_d2_an_error_is_one_in_any_shape(data: str) -> None:
    assert read(text("a"), data).fault == ApiError(0, "slow")


def test_d2_an_event_named_error_is_one() -> None:
    body = b'event: error\ndata: {"message":"slow"}\n\n'
    assert read_with(ResponsesReader(ids()), body).fault == ApiError(0, "slow")


@pytest.mark.parametrize("output", [{}, {"output": []}, {"output": None}])
def test_d3_without_a_final_output_the_done_items_count_then_the_deltas(output: dict[str, Any]) -> None:
    answer = read(done(1, ITEM), done(0, message("ab")), ended(**output))
    assert (answer.content, answer.calls) == ("ab", [CALL])
    answer = read(text("ab"), added(1, OPEN_ITEM), arguments(1, '{"x":1}'), ended(**output))
    assert (answer.content, answer.calls) == ("ab", [CALL])


def test_d4_arguments_that_come_only_as_a_snapshot_are_read() -> None:
    snapshot = event("response.function_call_arguments.done", output_index=0, arguments='{"x":1}')
    assert read(added(0, OPEN_ITEM), snapshot, ended()).calls == [CALL]
    assert read(done(0, ITEM), ended()).calls == [CALL]
    assert read(ended(output=[ITEM])).calls == [CALL]


def test_d4_deltas_that_come_before_their_call_are_kept_for_it() -> None:
    assert deltas_of(arguments(0, '{"x"'), added(0, OPEN_ITEM), arguments(0, ":1}"), done(0, ITEM), ended())[:-1] == [
        CallStarted(0, "c1", "f"),
        CallDelta(0, '{"x"'),
        CallDelta(0, ":1}"),
        CallDone(0, '{"x":1}'),
    ]


def test_d4_a_snapshot_completes_deltas_and_corrects_those_it_contradicts() -> None:
    assert read(added(0, OPEN_ITEM), arguments(0, '{"x"'), done(0, ITEM), ended()).calls == [CALL]
    contradicted = deltas_of(added(0, OPEN_ITEM), arguments(0, '{"x": 1}'), done(0, ITEM), ended())
    assert answer_of(contradicted, exact=False).calls == [CALL]


def test_d5_item_ids_that_change_or_are_missing_do_no_harm() -> None:
    answer = read(
        added(1, OPEN_ITEM), arguments(1, '{"x"', item_id="other"), arguments(1, ":1}", item_id=None),
        done(1, ITEM | {"id": "third"}), text("a"), ended(output=[message("a"), ITEM | {"id": "fourth"}]),
    )  # fmt: skip
    assert (answer.content, answer.calls) == ("a", [CALL])


def test_d5_without_output_index_the_item_id_or_the_last_call_is_meant() -> None:
    other = OPEN_ITEM | {"id": "fc_2", "call_id": "c2", "name": "g"}
    answer = read(
        added(None, OPEN_ITEM), added(None, other), arguments(None, '{"x":1}', item_id="fc_1"), arguments(None, "{}"),
        ended(),
    )  # fmt: skip
    assert answer.calls == [CALL, {"id": "c2", "name": "g", "arguments": "{}"}]


def test_d6_the_last_response_id_counts() -> None:
    created = event("response.created", response={"id": "resp_1"})
    assert finished(read(created, text("a"), ended(id="resp_2"))).response_id == "resp_2"


@pytest.mark.parametrize(
    "kind", ["keepalive", "ping", "response.keep_alive", "codex.rate_limits", "response.new_thing"]
)
def test_d7_unknown_events_mean_nothing(kind: str) -> None:
    assert read(text("a"), event(kind), event(kind, delta="x", output_index=0), text("b"), ended()).content == "ab"


def test_d8_items_that_must_go_back_are_kept_in_order_and_unchanged() -> None:
    shell = {"type": "shell_call", "id": "sh_1", "action": {"commands": ["ls"]}}
    output = [REASONING, message("a"), shell, ITEM]
    assert finished(read(text("a", 1), ended(output=output))).items == tuple(output)
    assert finished(read(text("a"), ended(output=[message("a")]))).items == ()


def test_d9_d11_d12_sequence_numbers_event_names_and_padding_mean_nothing() -> None:
    def numbered(delta: str, number: int) -> bytes:
        data = {"type": "response.output_text.delta", "delta": delta, "sequence_number": number, "obfuscation": "xy"}
        return b"event: other\ndata: " + json.dumps(data).encode() + b"\n\n"

    body = numbered("a", 7) + numbered("b", 7) + numbered("c", 3) + events(ended())
    assert read_with(ResponsesReader(ids()), body).content == "abc"


def test_d10_a_stream_may_start_in_the_middle() -> None:
    assert read(text("b", 3, 2), arguments(4, '{"x":1}'), done(4, ITEM), ended()).content == "b"


def test_d13_snapshots_add_no_text_twice() -> None:
    part = {"type": "output_text", "text": "ab"}
    answer = read(
        event("response.content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
        text("a"), text("b"),
        event("response.output_text.done", output_index=0, content_index=0, text="ab"),
        event("response.content_part.done", output_index=0, content_index=0, part=part),
        done(0, message("ab")), ended(output=[message("ab")]),
    )  # fmt: skip
    assert answer.content == "ab"


def test_d13_text_that_never_came_as_deltas_is_given_before_the_end() -> None:
    deltas = deltas_of(text("a"), ended(output=[message("ab", "c"), message("d")]))
    assert deltas[:-1] == [TextDelta("a"), TextDelta("b"), TextDelta("c"), TextDelta("d")]


def test_d13_text_that_the_final_output_contradicts_stays_as_it_was_streamed() -> None:
    assert read(text("abc"), ended(output=[message("xyz")])).content == "abc"


def test_d14_a_refusal_is_not_content() -> None:
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "I can't do that"}]}
    delta = event("response.refusal.delta", output_index=0, content_index=0, delta="I can't")
    answer = read(delta, ended(output=[refusal]))
    assert (answer.refusal, answer.content) == ("I can't do that", "")


def test_d15_done_after_the_terminal_event_means_nothing() -> None:
    assert read(text("a"), ended(), "[DONE]").finished


@pytest.mark.parametrize("tail", [[], ["[DONE]"], [event("response.in_progress")]])
def test_d16_a_stream_without_a_terminal_event_was_interrupted(tail: list[str]) -> None:
    answer = read(text("a"), *tail)
    assert answer.content == "a"
    assert answer.fault == ConnectionClosed()


def test_d16_of_two_responses_in_one_body_the_first_is_read() -> None:
    assert read(text("a"), ended(), text("b"), ended()).content == "a"


def test_d17_the_content_is_all_messages_and_those_with_a_phase_go_back_as_they_are() -> None:
    output = [message("a", phase="commentary"), message("b", phase="final_answer")]
    answer = read(text("a", 0), text("b", 1), ended(output=output))
    assert answer.content == "ab"
    assert finished(answer).items == tuple(output)


def test_d18_a_custom_tool_call_is_an_opaque_item() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c9", "name": "search", "input": "free text"}
    delta = event("response.custom_tool_call_input.delta", output_index=0, delta="free text")
    answer = read(added(0, custom), delta, done(0, custom), text("a", 1), ended(output=[custom, message("a")]))
    assert answer.calls == []
    assert finished(answer).reason is FinishReason.STOP
    assert finished(answer).items[0] == custom


def test_d19_usage_that_is_null_is_unknown() -> None:
    assert finished(read(text("a"), ended(usage=None))).usage is None


def test_reasoning_comes_from_summaries_and_texts() -> None:
    answer = read(
        event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        event("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b"),
        event("response.reasoning_text.delta", output_index=1, content_index=0, delta="c"),
        ended(output=[{"type": "reasoning", "summary": [{"type": "summary_text", "text": t} for t in ("a", "bb")]}]),
    )  # fmt: skip
    assert answer.reasoning == "abcb"


def test_calls_with_one_id_and_their_items_get_distinct_ids() -> None:
    twin = ITEM | {"id": "fc_2", "name": "g"}
    answer = read(done(0, REASONING), done(1, ITEM), done(2, twin), ended())
    assert [call["id"] for call in answer.calls] == ["c1", "made_up_1"]
    assert [item.get("call_id") for item in finished(answer).items] == [None, "c1", "made_up_1"]


def test_c9_a_call_without_id_gets_one() -> None:
    answer = read(added(0, {"type": "function_call", "name": "f"}), arguments(0, '{"x":1}'), ended())
    assert answer.calls == [CALL | {"id": "made_up_1"}]


def test_c23_halves_of_a_character_are_joined_or_replaced() -> None:
    halves = [text("a?").replace("?", r"\ud83c"), text("?b").replace("?", r"\udfad"), text("?").replace("?", r"\ud83c")]
    assert read(*halves, ended()).content == "a🎭b�"
    assert read(*halves, ended(output=[message("a🎭b?")]).replace("?", r"\ud83c")).content == "a🎭b�"


def test_a17_a_whole_response_as_the_body_is_read() -> None:
    body = {"id": "resp_1", "object": "response", "status": "completed", "error": None, "output": [message("a"), ITEM]}
    answer = answer_of(read_response(json.dumps(body).encode(), ids()))
    assert (answer.content, answer.calls) == ("a", [CALL])
    assert finished(answer).reason is FinishReason.TOOL_CALLS


def test_a17_a_failed_response_or_another_document_as_the_body_fails() -> None:
    failed = {"id": "resp_1", "object": "response", "status": "failed", "error": {"message": "gone"}, "output": []}
    assert answer_of(read_response(json.dumps(failed).encode(), ids())).fault == ApiError(0, "gone")
    assert isinstance(answer_of(read_response(b'{"ok": true}', ids())).fault, ParseError)


@pytest.mark.parametrize(
    "data", ['{"type":7}', '{"type":"response.output_text.delta","delta":[1]}', "[]", '"x"', "null"]
)
def test_odd_events_mean_nothing(data: str) -> None:
    assert read(text("a"), data, text("b"), ended()).content == "ab"


@pytest.mark.parametrize("index", ["0", None, 1.5])
def test_an_odd_output_index_counts_as_missing(index: Any) -> None:
    odd = event("response.output_text.delta", delta="b", output_index=index)
    assert read(text("a"), odd, ended(output=[message("a"), message("b")])).content == "ab"
