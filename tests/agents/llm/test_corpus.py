"""Every recorded stream gives its expected answer, however its bytes arrive."""

import random
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from agents.core.deltas import Usage
from agents.core.errors import ApiError, ConnectionClosed
from agents.llm.chat import ChatReader
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, ids
from tests.agents.llm.corpus import Recording, recordings

KINDS = ("chat", "responses")
READERS: dict[str, Callable[[Callable[[], str]], StreamReader]] = {"chat": ChatReader, "responses": ResponsesReader}

BYTES_READ_SINGLY = 8 * 1024

# The text is only in reasoning_details, which the recording's summary does not read.
REASONING_ONLY_IN_DETAILS = "chat/snowflake-pydanticai-test-snowflake-test-snowflake-thinking-streaming.sse"
# The final text contradicts the deltas (the publisher shortened the recording). The streamed text stays.
TEXT_CONTRADICTED = "responses/openai-vercelai-openai-responses-openai-shell-container-1.sse"


def read(kind: str, chunks: Iterator[bytes] | list[bytes]) -> Answer:
    reader = READERS[kind](ids())
    deltas = [delta for chunk in chunks for delta in reader.feed(chunk)]
    return answer_of(deltas + reader.end())


def expected_calls(recording: Recording) -> list[dict[str, str]]:
    calls = recording.expected.get("tool_calls", recording.expected.get("function_calls", []))
    return [
        {"id": call.get("id") or call.get("call_id"), "name": call["name"], "arguments": call["arguments"]}
        for call in calls
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_refusal_and_calls_of_every_recording_are_read(kind: str) -> None:
    for recording in recordings(kind):
        answer, expected = read(kind, [recording.body]), recording.expected
        content = expected.get("content", expected.get("output_text"))
        if recording.name != TEXT_CONTRADICTED:
            assert answer.content == content, recording.name
        assert answer.refusal == (expected["refusal"] or ""), recording.name
        assert answer.calls == expected_calls(recording), recording.name


def test_the_reasoning_of_every_chat_recording_is_read_once() -> None:
    for recording in recordings("chat"):
        if recording.name != REASONING_ONLY_IN_DETAILS:
            assert read("chat", [recording.body]).reasoning == recording.expected["reasoning"], recording.name


def test_every_chat_recording_ends_as_it_is_known_to_end() -> None:
    for recording in recordings("chat"):
        answer, expected = read("chat", [recording.body]), recording.expected
        cut = expected["finish_reason"] is None and not expected["done_marker"]
        if cut or "error" in expected:
            assert answer.fault is not None, recording.name
            continue
        assert answer.finished is not None, recording.name
        assert answer.finished.raw_reason == expected["finish_reason"], recording.name
        assert answer.finished.usage == recording.usage, recording.name
        assert answer.finished.complete is (expected["finish_reason"] != "length"), recording.name


def test_every_responses_recording_ends_as_it_is_known_to_end() -> None:
    for recording in recordings("responses"):
        answer, status = read("responses", [recording.body]), recording.expected["status"]
        if status in ("completed", "incomplete"):
            assert answer.finished is not None, recording.name
            assert answer.finished.complete is (status == "completed"), recording.name
            assert answer.finished.usage == recording.usage, recording.name
        else:
            assert isinstance(answer.fault, ConnectionClosed if status is None else ApiError), recording.name


def test_the_items_that_go_back_are_all_the_items_in_order() -> None:
    for recording in recordings("responses"):
        finished = read("responses", [recording.body]).finished
        kinds = [item["type"] for item in finished.items] if finished else []
        opaque = set(recording.expected["item_types"]) - {"message", "function_call"}
        assert kinds == recording.expected["item_types"] or not (kinds or (opaque and finished)), recording.name
        custom = [item for item in finished.items if item["type"] == "custom_tool_call"] if finished else []
        told = [{"call_id": item["call_id"], "name": item["name"], "input": item["input"]} for item in custom]
        assert told == recording.expected.get("custom_tool_calls", []), recording.name


def test_recorded_errors_keep_the_providers_words() -> None:
    faults = {recording.name: read("chat", [recording.body]).fault for recording in recordings("chat")}
    groq = "chat/groq-pydanticai-test-groq-test-tool-use-failed-error-streaming-with-text-1.sse"
    message = "Tool choice is required, but model did not call a tool"
    assert faults[groq] == ApiError(400, message, "tool_use_failed")
    assert faults["chat/openai-compat-issue-error-envelope-then-done.sse"] == ApiError(0, "quota exceeded")


def byte_by_byte(body: bytes) -> Iterator[bytes]:
    """Yield the body byte by byte. A long body is split only near its end, where most cases are."""
    head, body = body[:-BYTES_READ_SINGLY], body[-BYTES_READ_SINGLY:]
    yield head
    yield from (body[at : at + 1] for at in range(len(body)))


def cut_at_random(body: bytes) -> Iterator[bytes]:
    cuts = random.Random(len(body)).choices(range(len(body) + 1), k=40)
    places = [0, *sorted(cuts), len(body)]
    return (body[start:end] for start, end in pairwise(places))


def lf_only(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


WAYS: dict[str, Callable[[bytes], Iterator[bytes] | list[bytes]]] = {
    "byte by byte": byte_by_byte,
    "cut at random": cut_at_random,
    "CRLF": lambda body: cut_at_random(lf_only(body).replace(b"\n", b"\r\n")),
    "CR": lambda body: cut_at_random(lf_only(body).replace(b"\n", b"\r")),
    "byte order mark": lambda body: [b"\xef", b"\xbb", b"\xbf" + body],
    "comments": lambda body: [re.sub(rb"\n(?=(data|event):)", b"\n: ping\n", lf_only(body))],
    "no space": lambda body: [re.sub(rb"^data: ", b"data:", lf_only(body), flags=re.MULTILINE)],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_recording_says_the_same_however_it_is_framed(kind: str, way: str) -> None:
    for recording in recordings(kind):
        assert read(kind, WAYS[way](recording.body)) == read(kind, [recording.body]), recording.name


def cuts(body: bytes) -> Iterator[bytes]:
    """Yield the body up to the ends of some events, among them the first and the last events."""
    ends = [found.end() for found in re.finditer(rb"\n\n", lf_only(body))]
    chosen = {*ends[:3], *ends[-4:], *ends[:: max(1, len(ends) // 12)]}
    return (lf_only(body)[:end] for end in sorted(chosen))


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_cut_after_an_event_fails_and_keeps_what_came(kind: str) -> None:
    for recording in recordings(kind):
        whole = read(kind, [recording.body])
        for body in cuts(recording.body):
            reader = READERS[kind](ids())
            deltas = reader.feed(body)
            settled = reader.settled
            answer = answer_of(deltas + reader.end())
            assert settled or isinstance(answer.fault, (ConnectionClosed, ApiError)), recording.name
            assert settled or whole.content.startswith(answer.content), recording.name


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_put_into_a_recording_fails_it_with_that_error(kind: str) -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
    for recording in recordings(kind):
        parts = [part + b"\n\n" for part in lf_only(recording.body).split(b"\n\n")]
        head = b"".join(parts[: len(parts) // 3])
        before = READERS[kind](ids())
        partial = answer_of(before.feed(head))
        if partial.ended:
            continue
        answer = read(kind, [head, error, *parts[len(parts) // 3 :]])
        assert answer.fault == ApiError(503, "overloaded", "server_error"), recording.name
        assert answer.content == partial.content, recording.name


def test_usage_that_the_provider_did_not_give_is_unknown() -> None:
    without = [recording for recording in recordings("responses") if "final_usage_missing" in recording.flags]
    finished = [read("responses", [recording.body]).finished for recording in without]
    assert all(end is None or end.usage is None for end in finished)
    assert Usage() != Usage(input_tokens=0)
