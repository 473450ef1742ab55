"""Faults by name, on real connections, in both APIs."""

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest

from agents.rehearsal import builtin

if TYPE_CHECKING:
    from tests.agents.rehearsal.conftest import Perform, Stage

APIS = ("chat", "respond")


@pytest.fixture
async def stage(perform: "Perform") -> "Stage":
    return await perform(builtin())


async def start(stage: "Stage", api: str, model: str, *, stream: bool = True) -> aiohttp.ClientResponse:
    response: aiohttp.ClientResponse = await getattr(stage, api)(model, stream=stream)
    return response


async def collect(response: aiohttp.ClientResponse, seen: list[str]) -> None:
    """Add the text deltas to seen, so that an error does not lose them."""
    async for token in tokens(response):
        seen.append(token)  # noqa: PERF401 (a comprehension loses what came before an error)


async def tokens(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yield the text deltas in order."""
    async for line in response.content:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        choices = event.get("choices") or [{}]
        if text := event.get("delta") or choices[0].get("delta", {}).get("content"):
            yield text


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", ["drop", "close"])
async def test_a_cut_stream_gives_its_tokens_and_then_an_error(stage: "Stage", api: str, fault: str) -> None:
    seen: list[str] = []
    response = await start(stage, api, f"fault-{fault}")
    with pytest.raises(aiohttp.ClientPayloadError):
        await collect(response, seen)
    assert seen == ["This", " answer", " is" if fault == "drop" else " ends"]


@pytest.mark.parametrize("api", APIS)
async def test_a_dropped_connection_is_reset_and_a_closed_one_is_not(stage: "Stage", api: str) -> None:
    for fault, cause in (("drop", ConnectionResetError), ("close", type(None))):
        with pytest.raises(aiohttp.ClientPayloadError) as cut:
            await (await start(stage, api, f"fault-{fault}")).read()
        assert ("reset" in str(cut.value).lower()) == (cause is ConnectionResetError)


@pytest.mark.parametrize("api", APIS)
async def test_a_truncated_stream_ends_cleanly_without_an_end(stage: "Stage", api: str) -> None:
    text = await (await start(stage, api, "fault-truncate")).text()
    assert text.endswith("\n\n")
    assert '"finish_reason":"' not in text
    assert "[DONE]" not in text
    assert "completed" not in text


@pytest.mark.parametrize("api", APIS)
async def test_a_stalled_stream_is_silent_until_the_server_stops(stage: "Stage", api: str) -> None:
    response = await start(stage, api, "fault-stall")
    stream = tokens(response)
    assert [await anext(stream) for _ in range(3)] == ["This", " answer", " falls"]
    await stage.server.__aexit__(None, None, None)
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.content.read()


@pytest.mark.parametrize("api", APIS)
async def test_bad_json_is_one_event_and_the_stream_goes_on(stage: "Stage", api: str) -> None:
    text = await (await start(stage, api, "fault-bad_json")).text()
    broken = 0
    for line in text.splitlines():
        if line.startswith("data: {"):
            try:
                json.loads(line[6:])
            except ValueError:
                broken += 1
    assert broken == 1
    assert "garbage." in text


async def test_an_error_event_ends_a_chat_stream(stage: "Stage") -> None:
    text = await (await start(stage, "chat", "fault-error_event")).text()
    last = json.loads(text.strip().rpartition("data: ")[2])
    assert last["error"]["type"] == "server_error"
    stream = await stage.openai.chat.completions.create(
        model="fault-error_event", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    with pytest.raises(openai.APIError, match="The server had an error"):
        async for _chunk in stream:
            pass


async def test_an_error_event_fails_a_response(stage: "Stage") -> None:
    *_, error, failed = await stage.response_events("fault-error_event")
    assert (error["type"], error["code"]) == ("error", "server_error")
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["sequence_number"] == error["sequence_number"] + 1


async def test_an_answer_that_is_too_long_says_so(stage: "Stage") -> None:
    *tokens_, last = await stage.chat_events("fault-length")
    assert last["choices"][0]["finish_reason"] == "length"
    assert len(tokens_) == 1 + 3
    assert (await (await stage.chat("fault-length")).json())["choices"][0]["message"]["content"] == "This answer was"
    assert (await (await stage.respond("fault-length")).json())["status"] == "incomplete"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("rate_limit", 429, "rate_limit_exceeded"),
        ("server_error", 500, "server_error"),
        ("overloaded", 503, "overloaded"),
    ],
)
async def test_a_refusal_has_its_status_and_openais_shape(
    stage: "Stage", api: str, fault: str, status: int, code: str, stream: bool
) -> None:
    response = await start(stage, api, f"fault-{fault}", stream=stream)
    error = (await response.json())["error"]
    assert (response.status, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}


async def test_a_refusal_says_when_to_retry(perform: "Perform") -> None:
    fault = '{ name = "rate_limit", retry_after_s = 1.5 }'
    stage = await perform(f"[models.busy]\nturns = [{{ steps = [{{ fault = {fault} }}] }}]")
    headers = (await stage.chat("busy")).headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1500")


@pytest.mark.parametrize("api", APIS)
async def test_a_rate_limited_model_answers_after_its_failures_and_begins_again(stage: "Stage", api: str) -> None:
    assert [(await start(stage, api, "recovers")).status for _ in range(6)] == [429, 429, 200, 429, 429, 200]


async def test_failures_are_counted_for_each_key(stage: "Stage") -> None:
    other: dict[str, Any] = {"headers": {"authorization": "Bearer other"}}
    url, body = f"{stage.server.base_url}/responses", {"model": "recovers", "input": "hi"}
    keys: list[dict[str, Any]] = [{}, other, {}, other, {}, other]
    assert [(await stage.http.post(url, json=body, **key)).status for key in keys] == [429] * 4 + [200] * 2


async def test_a_client_that_retries_gets_the_answer(stage: "Stage") -> None:
    client = stage.openai.with_options(max_retries=2)
    assert (await client.responses.create(model="recovers", input="hi")).output_text == "Third time lucky."


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", APIS)
async def test_a_page_comes_with_status_200(stage: "Stage", api: str, stream: bool) -> None:
    response = await start(stage, api, "fault-html", stream=stream)
    assert (response.status, response.content_type) == (200, "text/html")
    assert (await response.text()).startswith("<!doctype html>")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", ["truncate", "bad_json"])
async def test_a_broken_whole_answer_is_invalid_json(stage: "Stage", api: str, fault: str) -> None:
    text = await (await start(stage, api, f"fault-{fault}", stream=False)).text()
    with pytest.raises(ValueError, match=r".+"):
        json.loads(text)


@pytest.mark.parametrize("api", APIS)
async def test_a_whole_answer_can_be_cut_too(stage: "Stage", api: str) -> None:
    with pytest.raises(aiohttp.ClientOSError):
        await start(stage, api, "fault-drop", stream=False)
    with pytest.raises(aiohttp.ClientPayloadError):
        await (await start(stage, api, "fault-close", stream=False)).read()


async def test_a_fault_in_the_middle_of_arguments_leaves_the_call_unfinished(perform: "Perform") -> None:
    fault = '{ name = "length", after_tokens = 2 }'
    calls = '[{ name = "add", arguments = { number = 12345 } }]'
    stage = await perform(
        f"[models.cut]\nturns = [{{ steps = [{{ split_chars = 3, fault = {fault}, tool_calls = {calls} }}] }}]"
    )
    (call,) = (await (await stage.chat("cut")).json())["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"numb'
