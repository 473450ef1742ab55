"""Errors of providers, recorded and invented, and the waits in their headers."""

import json
from typing import Any

import pytest

from agents.core.errors import ApiError, ConnectionClosed, ParseError
from agents.core.retry import FaultScope, scope
from agents.llm.chat import ChatReader
from agents.llm.faults import MESSAGE_LIMIT, api_error, error_in_stream, is_error
from agents.llm.responses import ResponsesReader
from agents.llm.retry_after import retry_after_s
from tests.agents.llm.answer import answer_of, events, ids
from tests.agents.llm.corpus import recorded_errors

NOW = 1_760_000_000.0


def read(body: str, status: int = 400) -> ApiError:
    return api_error(status, body.encode())


def test_a23_every_recorded_error_answer_gives_its_status_and_its_words() -> None:
    for answer in recorded_errors():
        error = read(answer["body"], answer["status"])
        assert error.code == answer["status"]
        assert error.message in " ".join(answer["body"].split()) or not answer["body"]
        assert error.message[:1] not in ("{", "["), answer["provider"]
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        (
            '{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}',
            "no such model",
            "model_not_found",
        ),
        ('{"error":"no such model"}', "no such model", None),
        (
            '{"object":"error","message":"no such model","type":"invalid_model","code":"1500"}',
            "no such model",
            "invalid_model",
        ),
        ('{"code":400,"message":"too hot","type":"Bad Request"}', "too hot", "Bad Request"),
        ('{"detail":"no token"}', "no token", None),
        ('{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"too long"}]}', "field required; too long", None),
        ('[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', "overloaded", "UNAVAILABLE"),
        ('{"error":{"message":{"error":"deep"}}}', "deep", None),
        (
            '{"error":{"message":"Provider returned error","metadata":{"raw":"rate limited upstream"}}}',
            "Provider returned error: rate limited upstream",
            None,
        ),
        ("upstream connect error\r\n", "upstream connect error", None),
        ("<html>\n<title>502</title>", "<html> <title>502</title>", None),
        ("", "empty answer", None),
        ('{"unknown": 1}', '{"unknown": 1}', None),
    ],
)
def test_a23_the_words_are_found_in_any_shape(body: str, message: str, kind: str | None) -> None:
    assert read(body) == ApiError(400, message, kind)


ERROR = '{"error":{"message":"stream start failed","type":"internal_server_error","code":"500"}}'
QUOTA = '{"error":{"message":"no credit","code":"insufficient_quota"}}'


@pytest.mark.parametrize(
    "body",
    [
        f"data: {ERROR}\n\ndata: [DONE]\n\n",
        f"data:{ERROR}",
        f"\ufeffdata: {ERROR}\r\n\r\ndata: [DONE]\r\n\r\n",
        f": ping\r\revent: error\rdata: {ERROR}\r\r",
        f"event: error\ndata: {ERROR}\n\n",
        f"id: 1\nretry: 100\ndata: {ERROR.replace(',', chr(44) + chr(10) + 'data: ')}\n\n",
        f'data: {{"id":"x","choices":[]}}\n\ndata: {ERROR}\n\n',
        'event: error\ndata: {"message":"stream start failed","type":"internal_server_error"}\n\n',
        'data: {"type":"error","message":"stream start failed","code":"internal_server_error"}\n\n',
        f'data: {{"type":"response.failed","response":{{"status":"failed",{ERROR[1:-1]}}}}}\n\n',
        f'data: {{"choices":[{{"index":0,{ERROR[1:-1]}}}]}}\n\n',
        f'{ERROR}\n{{"done":true}}\n',
    ],
    ids=repr,
)
def test_a27_the_words_of_an_error_status_are_found_in_an_event_stream(body: str) -> None:
    assert read(body, 500) == ApiError(500, "stream start failed", "internal_server_error")


def test_a27_an_error_event_may_be_plain_words() -> None:
    assert read("event: error\ndata: out of memory\n\n", 500) == ApiError(500, "out of memory")


def test_a27_the_kind_in_an_event_stream_decides_whether_it_is_tried_again() -> None:
    assert scope(read(f"data: {QUOTA}\n\n", 429)) is scope(read(QUOTA, 429)) is FaultScope.ROUTE
    assert scope(read("data: slow down\n\n", 429)) is FaultScope.BUSY


def test_a27_a_body_of_words_stays_what_it_is() -> None:
    assert read("no data: today", 500).message == "no data: today"


def test_a27_an_event_of_words_gives_its_words() -> None:
    assert read("data: some text\n\ndata: [DONE]\n\n", 500).message == "some text"
    assert read('data: "some text"\n\n', 500).message == "some text"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"id": "", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "no credit"}}, "no credit"),
        ({"base_resp": {"status_code": "1008", "status_msg": "no credit"}}, "no credit"),
        ({"choices": [{"index": 0}], "base_resp": {"status_code": 1008, "status_msg": "no credit"}}, "no credit"),
        ({"status_code": 1008, "status_msg": "no credit"}, "no credit"),
        ({"code": 1008, "msg": "no credit", "success": False}, "no credit"),
        ({"code": "Arrearage", "message": "no credit", "request_id": "r"}, "no credit"),
        ({"success": False, "msg": "no credit"}, "no credit"),
        ({"status": "error", "message": "no credit"}, "no credit"),
        ({"error": "no credit"}, "no credit"),
        ({"error": {"message": "no credit"}}, "no credit"),
        ([{"error": {"message": "no credit"}}], "no credit"),
        ({"detail": "no credit"}, "no credit"),
        ({"detail": [{"msg": "no credit"}]}, "no credit"),
        ({"errors": ["no credit"]}, "no credit"),
        ({"errors": [{"message": "no credit"}]}, "no credit"),
        ({"error_msg": "no credit", "error_code": 17}, "no credit"),
        ({"type": "error", "message": "no credit"}, "no credit"),
        ({"object": "error", "message": "no credit"}, "no credit"),
    ],
)
def test_a23_an_error_is_known_in_every_shape(value: Any, message: str) -> None:
    assert is_error(value)
    assert error_in_stream(value).message == message
    for reader in (ChatReader(ids()), ResponsesReader(ids())):
        if isinstance(value, list) or value.get("choices"):
            continue  # not a stream event; next to choices only `error` counts as an error
        fault = answer_of(reader.feed(events(json.dumps(value), "[DONE]")) + reader.end()).fault
        assert isinstance(fault, ApiError)
        assert fault.message == message
        assert isinstance(read(json.dumps(value), 400), ApiError)


@pytest.mark.parametrize(
    "value",
    [
        {}, {"type": "ping"}, {"choices": []}, {"error": None}, {"error": {}}, {"error": {"code": 0, "message": ""}},
        {"base_resp": {"status_code": 0, "status_msg": "success"}}, {"code": 0, "msg": "ok"}, {"message": "hello"},
        {"code": 200, "message": "OK"}, {"success": True, "msg": "fine"}, {"status": "in_progress", "message": "third"},
        {"choices": [{"index": 0}], "detail": "low"}, {"errors": []}, {"detail": None}, "error", 7, None, [],
    ],
)  # fmt: skip
def test_a23_a_value_without_an_error_is_not_an_error(value: Any) -> None:
    assert not is_error(value)


def test_a_message_is_one_line_and_capped() -> None:
    message = read(json.dumps({"error": {"message": "first\n  second " + "x" * 10_000}})).message
    assert message.startswith("first second xxx")
    assert len(message) == MESSAGE_LIMIT


def test_a20_an_error_in_a_stream_names_its_status_where_it_has_one() -> None:
    assert error_in_stream({"error": {"code": 429, "message": "slow down"}}) == ApiError(429, "slow down", "429")
    assert error_in_stream({"error": {"code": "429", "message": "slow down"}}).code == 429
    assert error_in_stream({"error": {"code": "oops", "message": "slow down"}}) == ApiError(0, "slow down", "oops")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 09 Oct 2025 08:53:21 GMT"}, 1.0),
        ({"retry-after": "Thu, 09 Oct 2025 08:00:00 GMT"}, 0.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "500ms", "x-ratelimit-reset-tokens": "6m0s"}, 0.5),
        (
            {
                "x-ratelimit-reset-requests": "500ms",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "0",
            },
            360.0,
        ),
        ({"x-ratelimit-reset": "1760000003"}, 3.0),
        ({"X-RateLimit-Reset": "1760000003000"}, 3.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "later"}, None),
    ],
)
def test_a22_the_wait_is_read_in_every_spelling(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers, NOW) == wait_s
    assert api_error(429, b"", wait_s).retry_after_s == wait_s


ANSWER = {"content": "Hi", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
NO_CREDIT = {"error": {"message": "no credit"}}
BASE_RESP = {"base_resp": {"status_code": 1008.0, "status_msg": "no credit"}}


@pytest.mark.parametrize("chunk", [{"choices": [{"delta": ANSWER}]}, {"choices": [{"message": ANSWER}]}])
@pytest.mark.parametrize("beside", [NO_CREDIT, BASE_RESP])
@pytest.mark.parametrize("streamed", [True, False])
def test_a20_an_error_beside_an_answer_fails_it_and_keeps_its_text(
    chunk: dict[str, Any], beside: dict[str, Any], streamed: bool
) -> None:
    whole = json.dumps(chunk | beside)
    check_failed(events(whole, "[DONE]") if streamed else whole.encode())


def test_a20_an_error_in_the_choice_of_a_document_keeps_its_text() -> None:
    check_failed(json.dumps({"choices": [{"message": ANSWER, **NO_CREDIT}]}).encode())


def check_failed(body: bytes) -> None:
    reader = ChatReader(ids())
    answer = answer_of(reader.feed(body) + reader.end())
    assert isinstance(answer.fault, ApiError)
    assert (answer.content, answer.fault.message, answer.done) == ("Hi", "no credit", [])


@pytest.mark.parametrize(
    "error",
    [
        {"type": "response.error", "message": "no credit"},
        {"type": "response.error", "error": {"message": "no credit"}},
        {"type": "response.failed", "error": {"message": "no credit"}},
        {"type": "invalid_request_error", "message": "no credit"},
    ],
)
def test_d2_the_words_of_an_error_are_found_in_every_event_that_means_one(error: dict[str, Any]) -> None:
    reader = ResponsesReader(ids())
    answer = answer_of(reader.feed(events(json.dumps(error))) + reader.end())
    assert isinstance(answer.fault, ApiError)
    assert answer.fault.message == "no credit"


@pytest.mark.parametrize("text", ["Internal Server Error", "Error: no credit\n", '"no credit"', "no\n\ncredit\n\n"])
@pytest.mark.parametrize("size", [1, 1000])
def test_a17_words_instead_of_an_answer_are_the_fault(text: str, size: int) -> None:
    for end in (ChatReader.end, lambda reader: reader.break_off(ConnectionClosed())):
        reader = ChatReader(ids())
        for at in range(0, len(text), size):
            assert reader.feed(text[at : at + size].encode()) == []
        assert not reader.silent
        fault = answer_of(end(reader)).fault
        assert isinstance(fault, ParseError)
        assert " ".join(text.split()) in fault.message


def test_a17_a_whole_document_counts_though_its_connection_broke() -> None:
    reader = ChatReader(ids())
    reader.feed(b'{"error":{"message":"no credit"}}')
    assert answer_of(reader.break_off(ConnectionClosed())).fault == ApiError(0, "no credit")


@pytest.mark.parametrize("remark", [{"title": "no credit", "status": 503}, {"exception": "no credit"}])
@pytest.mark.parametrize("kind", [ChatReader, ResponsesReader])
def test_a17_an_event_with_words_is_the_fault_of_an_answer_without_an_end(
    remark: dict[str, Any], kind: type[ChatReader | ResponsesReader]
) -> None:
    reader = kind(ids())
    fault = answer_of(reader.feed(events(json.dumps(remark))) + reader.end()).fault
    assert isinstance(fault, ApiError)
    assert fault.message == "no credit"


def test_a17_an_event_with_words_is_ignored_in_an_answer_with_an_end() -> None:
    chunk = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    reader = ChatReader(ids())
    answer = answer_of(reader.feed(events('{"message": "queued"}', json.dumps(chunk), "[DONE]")) + reader.end())
    assert (answer.content, answer.fault) == ("Hi", None)


def test_a17_lines_of_words_after_events_are_the_fault_of_an_answer_without_an_end() -> None:
    chunk = json.dumps({"choices": [{"delta": {"content": "Hi"}}]})
    reader = ChatReader(ids())
    answer = answer_of(reader.feed(events(chunk) + b"out of memory\n") + reader.end())
    assert answer.content == "Hi"
    assert "out of memory" in str(answer.fault)
