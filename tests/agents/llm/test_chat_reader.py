"""Chat streams and bodies with the quirks of their providers: one test per quirk."""

import json
from typing import Any

import pytest

from agents.core.deltas import Finished, FinishReason, TextDelta, Usage
from agents.core.errors import ApiError, ConnectionClosed, NetworkError, ParseError
from agents.llm.chat import ChatReader, read_completion
from tests.agents.llm.answer import Answer, answer_of, events, ids
from tests.agents.llm.answer import read as read_with

DONE = "[DONE]"


def chunk(delta: Any = None, finish: Any = None, **fields: Any) -> str:
    """Return a chunk with one choice."""
    return json.dumps({"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **fields})


def text(content: Any) -> str:
    return chunk({"content": content})


STOP = chunk(finish="stop")


def read(*data: str) -> Answer:
    return read_with(ChatReader(ids()), events(*data))


def finished(answer: Answer) -> Finished:
    assert answer.finished is not None, answer.fault
    return answer.finished


def test_a3_a_comment_rewrapped_as_data_is_skipped() -> None:
    assert read(": OPENROUTER PROCESSING", text("a"), STOP).content == "a"


def test_a3_data_that_is_not_json_is_a_parse_error_that_shows_it() -> None:
    answer = read(text("a"), "Internal  error,\tsorry", STOP)
    assert answer.content == "a"
    assert answer.fault == ParseError("expected JSON in an event, got 'Internal error, sorry'")


@pytest.mark.parametrize("data", ["null", "7", '"x"', "[]", "[1]", "{}", '{"type":"ping"}', " "])
def test_a4_json_that_is_not_a_chunk_is_ignored(data: str) -> None:
    assert read(text("a"), data, text("b"), STOP).content == "ab"


def test_a9_events_without_blank_lines_between_them_are_separated() -> None:
    body = "\n".join(f"data: {data}" for data in (text("a"), text("b"), STOP, DONE)) + "\n\n"
    assert read_with(ChatReader(ids()), body.encode()).content == "ab"


def test_a10_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    body = events(text("a"), STOP).replace(b'"a"', b'"a\xff"')
    assert read_with(ChatReader(ids()), body).content == "a�"


def test_a11_an_event_over_the_limit_is_a_parse_error() -> None:
    answer = read_with(ChatReader(ids(), limit_bytes=1000), events(text("a"), text("x" * 2000)))
    assert answer.content == "a"
    assert answer.fault == ParseError("expected an event of at most 1000 bytes, got a larger one")


@pytest.mark.parametrize("tail", [STOP, DONE])
def test_a12_a_last_event_without_its_blank_line_is_read(tail: str) -> None:
    assert finished(read_with(ChatReader(ids()), events(text("a")) + f"data: {tail}".encode())).complete


def test_a12_a_last_event_that_was_cut_is_a_broken_connection() -> None:
    answer = read_with(ChatReader(ids()), events(text("a")) + b'data: {"choices":[{"del')
    assert answer.fault == ConnectionClosed()


def test_a13_data_without_deltas_postpones_the_deadline_and_comments_do_not() -> None:
    reader = ChatReader(ids())
    assert reader.feed(events(chunk())) == []
    assert reader.events == 1
    assert reader.feed(b": ping\n\n") == []
    assert reader.events == 1


def test_a14_a_finish_reason_settles_the_answer_and_the_end_completes_it() -> None:
    reader = ChatReader(ids())
    reader.feed(events(text("a")))
    assert not reader.settled
    assert reader.feed(events(STOP)) == []
    assert (reader.settled, reader.ended) == (True, False)
    (end,) = reader.end()
    assert isinstance(end, Finished)


def test_a14_done_ends_at_once() -> None:
    reader = ChatReader(ids())
    assert len(reader.feed(events(text("a"), STOP, DONE, text("b")))) == 2
    assert reader.ended
    assert reader.break_off(ConnectionClosed()) == reader.end() == []


def test_a14_a_connection_that_breaks_after_the_finish_reason_costs_nothing() -> None:
    reader = ChatReader(ids())
    reader.feed(events(text("a"), STOP))
    assert answer_of(reader.break_off(ConnectionClosed())).finished


def test_a15_a_stream_without_finish_reason_was_interrupted_and_its_calls_are_not_done() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    answer = read(text("a"), chunk({"tool_calls": [call]}))
    assert answer.content == "a"
    assert answer.fault == ConnectionClosed()
    assert answer.done == []


def test_a15_a_broken_connection_keeps_its_own_fault() -> None:
    reader = ChatReader(ids())
    fault = NetworkError("econnreset")
    assert answer_of(reader.feed(events(text("a"))) + reader.break_off(fault)).fault == fault


def test_a15_an_empty_body_was_interrupted() -> None:
    assert read_with(ChatReader(ids()), b"").fault == ConnectionClosed()
    assert read_with(ChatReader(ids()), b"\n \n").fault == ConnectionClosed()


def test_a16_done_without_a_finish_reason_completes_the_answer() -> None:
    end = finished(read(text("a"), DONE))
    assert end.reason is None
    assert end.raw_reason is None
    assert end.complete


def test_a17_an_error_as_the_whole_body_is_an_api_error() -> None:
    answer = read_with(ChatReader(ids()), b'\n{"error": {"mess', b'age": "no credit", "code": 402}}')
    assert answer.fault == ApiError(402, "no credit", "402")


def test_a17_a_whole_completion_as_the_body_is_read() -> None:
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "why",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    body: dict[str, Any] = {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
    }
    body["usage"] = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    encoded = json.dumps(body).encode()
    deltas = read_completion(encoded, ids())
    answer = answer_of(deltas)
    assert (answer.content, answer.reasoning) == ("a", "why")
    assert answer.calls == [{"id": "c1", "name": "f", "arguments": "{}"}]
    items = ({"type": "chat_reasoning_content"},)
    assert answer.finished == Finished(FinishReason.TOOL_CALLS, "tool_calls", Usage(1, 2, 3), "x", "m", items=items)
    assert read_with(ChatReader(ids()), encoded[:9], encoded[9:]) == answer


def test_a17_html_is_a_parse_error_that_shows_its_beginning() -> None:
    fault = read_with(ChatReader(ids()), b"<html>\n<h1>Bad gateway</h1>" + b"x" * 1000).fault
    assert isinstance(fault, ParseError)
    assert fault.message.startswith("expected an event stream, got '<html> <h1>Bad gateway</h1>xxx")
    assert len(fault.message) < 260


def test_a17_a_document_that_was_cut_is_a_parse_error() -> None:
    assert isinstance(read_with(ChatReader(ids()), b'{"choices": [').fault, ParseError)


def test_a18_an_event_stream_is_read_where_a_document_was_asked_for() -> None:
    assert answer_of(read_completion(events(text("a"), STOP, DONE), ids())).content == "a"


@pytest.mark.parametrize("after", [[], [DONE], [STOP, DONE]])
def test_a19_an_error_in_mid_stream_fails_and_keeps_the_text(after: list[str]) -> None:
    answer = read(text("a"), '{"error":{"message":"overloaded","type":"server_error","code":null}}', *after)
    assert answer.content == "a"
    assert answer.fault == ApiError(0, "overloaded", "server_error")


def test_a20_an_error_beside_filled_choices_wins() -> None:
    answer = read(text("a"), chunk({"content": ""}, "error", error={"code": 502, "message": "gone"}), DONE)
    assert answer.fault == ApiError(502, "gone", "502")


def test_a20_an_error_in_a_choice_is_an_error() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}}
    assert read(json.dumps({"choices": [choice]}), DONE).fault == ApiError(502, "gone", "502")


@pytest.mark.parametrize("data", ['{"message":"gone"}', '{"error":{"message":"gone"}}', "gone"])
def test_a21_an_event_named_error_is_one_in_any_shape(data: str) -> None:
    body = events(text("a")) + f"event: error\ndata: {data}\n\n".encode()
    assert read_with(ChatReader(ids()), body).fault == ApiError(0, "gone")


@pytest.mark.parametrize("data", ['{"type":"error","message":"gone"}', '{"object":"error","message":"gone"}'])
def test_a21_data_of_type_error_is_an_error(data: str) -> None:
    assert read(text("a"), data).fault == ApiError(0, "gone")


def test_b1_chunks_with_empty_choices_first_and_last_are_read_for_their_usage() -> None:
    filtered = '{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}'
    counted = '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
    end = finished(read(filtered, text("a"), STOP, counted, DONE))
    assert end.usage == Usage(1, 2, 3)


@pytest.mark.parametrize("data", ['{"choices":null}', '{"type":"ping"}', '{"choices":{}}', '{"choices":[null,3]}'])
def test_b2_null_or_missing_choices_are_ignored(data: str) -> None:
    assert read(data, text("a"), STOP).content == "a"


@pytest.mark.parametrize("choice", ['{"index":0}', '{"delta":null}', '{"delta":[]}', '{"index":"0","delta":"x"}'])
def test_b3_a_choice_without_delta_is_an_empty_delta(choice: str) -> None:
    assert read(text("a"), f'{{"choices":[{choice}]}}', text("b"), STOP).content == "ab"


def test_b4_b5_object_and_id_filter_nothing_and_the_first_ones_named_are_kept() -> None:
    answer = read(
        chunk(id="", model="", object=""),
        chunk({"content": "a"}, id="x", model="m", object="chat.completion"),
        chunk({"content": "b"}, id="y", model="n", object="text_completion"),
        STOP,
    )
    assert answer.content == "ab"
    assert (finished(answer).response_id, finished(answer).model) == ("x", "m")


@pytest.mark.parametrize("start", [0, 197])
def test_b6_a_choice_index_that_counts_chunks_selects_no_choice(start: int) -> None:
    counted = [json.dumps({"choices": [{"index": start + n, "delta": {"content": str(n)}}]}) for n in range(5)]
    assert read(*counted, DONE).content == "01234"


def test_b6_a_choice_without_an_index_is_read() -> None:
    assert (
        read('{"choices":[{"delta":{"content":"a"}}]}', '{"choices":[{"delta":{"content":"b"}}]}', DONE).content == "ab"
    )


def test_b8_an_early_or_empty_finish_reason_does_not_end_the_answer() -> None:
    answer = read(chunk({"content": "a"}, ""), chunk({"content": "b"}, "stop"), chunk({"content": "c"}, "length"), DONE)
    assert answer.content == "abc"
    assert finished(answer).raw_reason == "length"
    assert not finished(answer).complete


def test_b9_calls_decide_over_a_finish_reason_that_says_stop() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    end = finished(read(chunk({"tool_calls": [call]}), STOP))
    assert (end.reason, end.raw_reason) == (FinishReason.TOOL_CALLS, "stop")


def test_b10_b11_deltas_with_and_after_the_finish_reason_are_read() -> None:
    assert read(chunk({"content": "a"}, "stop"), text("b"), chunk(finish="stop"), DONE).content == "ab"


@pytest.mark.parametrize("raw", ["eos", "end_turn"])
def test_b12_an_unknown_finish_reason_is_other_and_kept(raw: str) -> None:
    end = finished(read(text("a"), chunk(finish=raw)))
    assert (end.reason, end.raw_reason, end.complete) == (FinishReason.OTHER, raw, True)


def test_b13_the_last_usage_with_counts_wins_and_usages_are_not_added() -> None:
    end = finished(
        read(
            chunk({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": 1}),
            chunk({"content": "b"}, usage={"prompt_tokens": 5, "completion_tokens": 2}),
            chunk(finish="stop", usage=None),
            '{"choices":[],"usage":{}}',
        )
    )
    assert end.usage == Usage(5, 2)


@pytest.mark.parametrize("count", [-1, 1.5, True, "5", 1e300, 10**400])
def test_b13_a_count_that_can_not_be_one_is_unknown(count: Any) -> None:
    assert finished(read(chunk({"content": "a"}, finish="stop", usage={"prompt_tokens": count}))).usage is None


def test_b13_usage_is_found_where_groq_puts_it() -> None:
    end = finished(read(text("a"), chunk(finish="stop", x_groq={"usage": {"prompt_tokens": 5}})))
    assert end.usage == Usage(input_tokens=5)


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "why"},
        {"reasoning": "why"},
        {"reasoning_text": "why"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "why", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "why"}]},
        {"reasoning": "why", "reasoning_content": "why", "reasoning_details": [{"text": "why"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "why"}]}]},
    ],
)
def test_b14_reasoning_has_its_own_channel_and_counts_once(fields: dict[str, Any]) -> None:
    answer = read(chunk(fields), text("a"), STOP)
    assert (answer.reasoning, answer.content) == ("why", "a")


def test_b14_think_tags_in_the_content_stay_content() -> None:
    assert read(text("<thi"), text("nk>a</think>b"), STOP).content == "<think>a</think>b"


def test_b15_content_may_change_from_parts_to_text() -> None:
    parts = [{"type": "thinking", "thinking": "why"}, {"type": "text", "text": "a"}, {"type": "image_url"}]
    answer = read(text(parts), text("b"), STOP)
    assert (answer.reasoning, answer.content) == ("why", "ab")


def test_b16_b21_b22_unknown_fields_mean_nothing() -> None:
    audio = {"content": "a", "annotations": [{"type": "url_citation"}], "audio": {"data": "AAAA"}}
    assert read(chunk(audio, obfuscation="xyz", timings={"n": 1}), STOP).content == "a"


def test_b17_a_message_beside_deltas_is_ignored_and_one_instead_of_them_is_read() -> None:
    def both(delta: str | None, message: str, finish: str | None = None) -> str:
        choice = {"index": 0, "message": {"content": message}, "finish_reason": finish}
        return json.dumps({"choices": [choice | ({"delta": {"content": delta}} if delta else {})]})

    assert read(both("a", "a"), both("b", "ab", "stop")).content == "ab"
    assert read(both(None, "a"), both(None, "ab", "stop")).content == "ab"


def test_b18_of_several_choices_the_first_is_read() -> None:
    def choice(index: int, content: str, finish: str | None = None) -> str:
        return json.dumps({"choices": [{"index": index, "delta": {"content": content}, "finish_reason": finish}]})

    reader = ChatReader(ids())
    deltas = reader.feed(events(choice(0, ""), choice(1, ""), choice(0, "a"), choice(1, "x"), choice(1, "y", "stop")))
    assert not reader.settled
    answer = answer_of(deltas + reader.feed(events(choice(0, "b", "length"))) + reader.end())
    assert answer.content == "ab"
    assert finished(answer).raw_reason == "length"


def test_b18_of_several_choices_in_one_chunk_or_document_the_first_is_read() -> None:
    def choices(kind: str, *contents: str) -> str:
        listed = [{"index": n, kind: {"content": content}} for n, content in enumerate(contents)]
        return json.dumps({"choices": listed[::-1]})

    assert read(choices("delta", "a", "x"), choices("delta", "b", "y"), DONE).content == "ab"
    assert answer_of(read_completion(choices("message", "a", "x").encode(), ids())).content == "a"


def test_a20_nothing_comes_after_an_error_in_one_of_several_choices() -> None:
    listed = [{"index": 0, "delta": {}, "error": "gone"}, {"index": 0, "delta": {"content": "a"}}]
    assert read(json.dumps({"choices": listed})).fault == ApiError(0, "gone")


def test_b19_a_refusal_is_not_content() -> None:
    answer = read(chunk({"content": None, "refusal": "I can't"}), chunk({"refusal": " do that"}), STOP)
    assert (answer.refusal, answer.content) == ("I can't do that", "")


def test_b20_an_empty_answer_is_finished_and_empty() -> None:
    answer = read(chunk({"role": "assistant", "content": ""}), STOP)
    assert finished(answer).complete
    assert (answer.content, answer.calls) == ("", [])


def test_c21_numbers_that_no_decoder_accepts_do_not_hide_the_text() -> None:
    assert read(text("a")[:-1] + ', "usage": {"n": 1' + "0" * 40 + ', "m": NaN}}', STOP).content == "a"


def test_c21_depth_without_end_is_a_parse_error() -> None:
    assert isinstance(read('{"usage":' + "[" * 100_000, STOP).fault, ParseError)


def test_c23_halves_of_a_character_in_two_deltas_are_joined() -> None:
    answer = read(
        r'{"choices":[{"delta":{"content":"a\ud83c"}}]}', r'{"choices":[{"delta":{"content":"\udfadb"}}]}', DONE
    )
    assert answer.content == "a🎭b"


def test_c23_a_half_that_stays_alone_becomes_a_replacement_character() -> None:
    lone = r'{"choices":[{"delta":{"content":"\udfada\ud83c"}}]}'
    assert read(lone, text("b"), STOP).content == "�a�b"
    assert read(lone, DONE).content == "�a�"


def test_c27_deltas_come_in_the_order_of_the_wire() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    reader = ChatReader(ids())
    deltas = reader.feed(events(text("a"), chunk({"content": "b", "tool_calls": [call]}), text("c"), STOP, DONE))
    kinds = [type(delta).__name__ for delta in deltas]
    assert kinds == ["TextDelta", "TextDelta", "CallStarted", "CallDelta", "TextDelta", "CallDone", "Finished"]
    assert deltas[4] == TextDelta("c")
