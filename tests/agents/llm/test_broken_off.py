"""Answers that a provider broke off: each such finish reason fails the answer, keeps its text, and runs no call."""

import json
from typing import Any

import pytest

from agents.core.deltas import FinishReason
from agents.core.errors import ApiError
from agents.core.retry import FaultScope, scope
from agents.llm.breaker import Outcome, outcome_of
from agents.llm.chat import ChatReader
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

BROKEN = [
    "error", "abort", "aborted", "cancelled", "canceled", "CANCELLED", "network_error", "insufficient_system_resource",
    "timeout", "time_out", "server_error", "internal_error", "incomplete", "failed", "interrupted", "overloaded",
    "time_limit", "deadline_exceeded", "rate_limit", "rate_limit_exceeded", "MALFORMED_FUNCTION_CALL", "unavailable",
    "Network-Error", "INTERNAL", "out_of_memory", "shutdown", "connection_closed", "bad_gateway", "throttled",
    "dropped", "unfinished", "partial", "networkError",
]  # fmt: skip
CUT = {
    "length": FinishReason.LENGTH, "max_tokens": FinishReason.LENGTH, "MAX_TOKENS": FinishReason.LENGTH,
    "max_output_tokens": FinishReason.LENGTH, "token_limit": FinishReason.LENGTH, "model_length": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER, "sensitive": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER, "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER, "prohibited_content": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER, "refusal": FinishReason.CONTENT_FILTER,
    "rejected": FinishReason.CONTENT_FILTER, "limit": FinishReason.LENGTH, "truncated": FinishReason.LENGTH,
    "context_length_exceeded": FinishReason.LENGTH, "repetition": FinishReason.LENGTH,
}  # fmt: skip
CALL = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}
ITEM = {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": '{"x":1}'}


def chat(word: str, *, streamed: bool) -> Answer:
    """Read an answer with a text, a call and this finish reason."""
    if not streamed:
        message = {"content": "Hel", "tool_calls": [CALL]}
        return _read(ChatReader(ids()), _json({"choices": [{"index": 0, "message": message, "finish_reason": word}]}))
    said = {"choices": [{"index": 0, "delta": {"content": "Hel", "tool_calls": [CALL]}, "finish_reason": None}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": word}]}
    return _read(ChatReader(ids()), events(json.dumps(said), json.dumps(end), "[DONE]"))


def responses(response: dict[str, Any], *, streamed: bool, kind: str = "response.completed") -> Answer:
    """Read an answer with a text, a call and this response."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hel"}]}
    whole = {"id": "r1", "object": "response", "output": [message, ITEM]} | response
    body = events(json.dumps({"type": kind, "response": whole})) if streamed else _json(whole)
    return _read(ResponsesReader(ids()), body)


def _read(reader: StreamReader, body: bytes) -> Answer:
    return answer_of(reader.feed(body) + reader.end())


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("word", BROKEN)
def test_b23_a_word_for_a_broken_answer_fails_it_and_keeps_its_text(word: str, streamed: bool) -> None:
    answer = chat(word, streamed=streamed)
    assert answer.content == "Hel"
    assert isinstance(answer.fault, ApiError)
    assert word in answer.fault.message
    assert answer.done == []


@pytest.mark.parametrize("word", BROKEN)
def test_b23_a_broken_answer_may_be_tried_again_and_is_the_providers_failure(word: str) -> None:
    fault = chat(word, streamed=True).fault
    assert fault is not None
    assert scope(fault) is FaultScope.TRANSIENT
    assert outcome_of(fault) is Outcome.FAILED


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(("word", "reason"), CUT.items())
def test_b23_a_word_for_a_cut_answer_runs_no_call(word: str, reason: FinishReason, streamed: bool) -> None:
    answer = chat(word, streamed=streamed)
    assert answer.finished is not None
    assert (answer.finished.reason, answer.finished.raw_reason, answer.finished.complete) == (reason, word, False)


def test_b23_no_later_word_mends_a_broken_answer() -> None:
    ends = [json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]}) for word in ("error", "stop")]
    assert isinstance(_read(ChatReader(ids()), events(*ends, "[DONE]")).fault, ApiError)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("status", ["failed", "cancelled", "canceled", "error", "aborted", "timeout", "expired"])
def test_d20_a_response_whose_status_means_broken_fails(status: str, streamed: bool) -> None:
    answer = responses({"status": status}, streamed=streamed)
    assert (answer.content, answer.done) == ("Hel", [])
    assert isinstance(answer.fault, ApiError)
    assert scope(answer.fault) is FaultScope.TRANSIENT


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("word", ["error", "abort", "timeout", "server_error", "network_error"])
def test_d20_an_incomplete_response_that_was_broken_off_fails(word: str, streamed: bool) -> None:
    answer = responses({"status": "incomplete", "incomplete_details": {"reason": word}}, streamed=streamed)
    assert isinstance(answer.fault, ApiError)
    assert word in answer.fault.message


@pytest.mark.parametrize(("word", "reason"), CUT.items())
def test_d20_an_incomplete_response_has_the_same_words_as_a_chat(word: str, reason: FinishReason) -> None:
    answer = responses({"status": "incomplete", "incomplete_details": {"reason": word}}, streamed=True)
    assert answer.finished is not None
    assert (answer.finished.reason, answer.finished.complete) == (reason, False)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("status", ["incomplete", "failed", "cancelled"])
def test_d21_a_call_that_is_not_finished_runs_in_no_completed_response(status: str, streamed: bool) -> None:
    answer = responses({"status": "completed", "output": [ITEM | {"status": status}]}, streamed=streamed)
    assert answer.finished is not None
    assert (answer.finished.complete, answer.finished.raw_reason) == (False, status)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("error", [{"code": "server_error", "message": "gone"}, {"message": "gone"}, "gone"])
def test_d21_an_error_in_a_completed_response_fails_it(error: Any, streamed: bool) -> None:
    answer = responses({"status": "completed", "error": error}, streamed=streamed)
    assert (answer.content, answer.done) == ("Hel", [])
    assert isinstance(answer.fault, ApiError)
    assert answer.fault.message == "gone"


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": None}, {"code": 0, "message": ""}, ""])
def test_an_error_object_that_says_nothing_is_not_an_error(error: Any) -> None:
    assert responses({"status": "completed", "error": error}, streamed=True).fault is None
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}], "error": error}
    assert _read(ChatReader(ids()), events(json.dumps(chunk), "[DONE]")).content == "a"


@pytest.mark.parametrize("reason", [["error"], {"reason": "abort"}])
def test_b23_a_finish_reason_of_another_type_is_judged_by_its_words(reason: Any) -> None:
    answer = _read(ChatReader(ids()), events(json.dumps({"choices": [{"delta": {}, "finish_reason": reason}]})))
    assert isinstance(answer.fault, ApiError)


@pytest.mark.parametrize("word", ["length", "content_filter", "abort"])
def test_b23_no_later_word_makes_an_answer_whole(word: str) -> None:
    said = {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": word}]}
    end = {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}
    answer = _read(ChatReader(ids()), events(json.dumps(said), json.dumps(end), "[DONE]"))
    assert answer.finished is None or not answer.finished.complete


@pytest.mark.parametrize("word", ["", "null", "None"])
def test_b8_a_word_for_null_does_not_finish_the_answer(word: str) -> None:
    reader = ChatReader(ids())
    reader.feed(events(json.dumps({"choices": [{"delta": {"content": "Hel"}, "finish_reason": word}]})))
    assert not reader.settled
