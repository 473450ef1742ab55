"""The protocols of front ends: AG-UI, and the UI message stream of the AI SDK."""

from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agents.gateway.contract import check_data, document
from tests.agents.gateway.models import FORECAST, VIEWER, OpenAiSite, openai_site
from tests.agents.gateway.users import ANN, BOB

TOOLS = [{"name": "forecast", "description": "Rain?", "parameters": FORECAST}]
PROTOCOLS = ["ag-ui", "ui-messages"]
DELTAS = {"TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS", "text-delta", "tool-input-delta"}
Frame = tuple[int | None, dict[str, Any]]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[OpenAiSite]:
    async with openai_site(tmp_path / "sessions.db") as site:
        yield site


def run_input(run: str, *messages: dict[str, Any], thread: str = "t", **more: Any) -> dict[str, Any]:
    numbered = [{"id": str(place), **message} for place, message in enumerate(messages)]
    return {"threadId": thread, "runId": run, "state": {}, "messages": numbered, "forwardedProps": {}, **more}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(text: str, id_: str = "t", **more: Any) -> dict[str, Any]:
    return {"id": id_, "messages": [{"id": "1", "role": "user", "parts": [{"type": "text", "text": text}]}], **more}


def body_of(protocol: str, run: str, text: str) -> dict[str, Any]:
    return run_input(run, user(text)) if protocol == "ag-ui" else chat(text)


async def frames(served: OpenAiSite, method: str, path: str, body: Any = None) -> tuple[list[Frame], str]:
    """Return the frames of a stream, each with its id, and the stream's id. The document describes each frame."""
    protocol = next(each for each in PROTOCOLS if each in path)
    operation = document()["paths"][f"/{protocol}/{{model}}"]["post"]
    schema = operation["responses"]["200"]["content"]["text/event-stream"]["x-itemSchema"]
    found: list[Frame] = []
    async with served.site.http.request(method, served.site.url + path, json=body) as response:
        assert response.status == 200
        *blocks, end = (await response.read()).split(b"\n\n")
        assert end == b""
        if protocol == "ui-messages":
            assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
            assert blocks.pop() == b"data: [DONE]"
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
            data = msgspec.json.decode(fields[b"data"])
            check_data(schema, data)
            found.append((int(fields[b"id"]) if b"id" in fields else None, data))
        return found, response.headers["x-stream-id"]


def joined(found: list[Frame]) -> list[Any]:
    """Return the data with the pieces of each part joined."""
    parts: list[Any] = []
    for key, group in groupby([data for _, data in found], _key):
        pieces = [*group]
        texts = [str(piece.get("delta", piece.get("inputTextDelta"))) for piece in pieces]
        parts += [(key, "".join(texts))] if pieces[0]["type"] in DELTAS else pieces
    return parts


def _key(data: dict[str, Any]) -> str:
    return f"{data['type']} {data.get('messageId')} {data.get('id')} {data.get('toolCallId')}"


def until(found: list[Frame], seq: int) -> list[Frame]:
    """Return the frames that a client with this last id has."""
    last = max((place for place, (id_, _) in enumerate(found) if id_ is not None and id_ <= seq), default=-1)
    return found[: last + 1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_that_resumes_anywhere_misses_and_repeats_nothing(served: OpenAiSite, protocol: str) -> None:
    whole, stream_id = await frames(served, "POST", f"/{protocol}/weather", body_of(protocol, "r", "own"))
    *places, last = [id_ for id_, _ in whole if id_ is not None]
    for place in (0, *places):
        rest, _ = await frames(served, "GET", f"/streams/{stream_id}/{protocol}?after={place}")
        assert joined([*until(whole, place), *rest]) == joined(whole)
    async with served.site.http.get(
        f"{served.site.url}/streams/{stream_id}/{protocol}", headers={"last-event-id": str(last)}
    ) as response:
        assert response.status == 204


async def test_an_ag_ui_thread_is_a_session_that_a_later_run_continues(served: OpenAiSite) -> None:
    context = [{"description": "page", "value": "home"}]
    found, stream_id = await frames(served, "POST", "/ag-ui/echo", run_input("r1", user("One."), context=context))
    assert stream_id == "r1"
    types = [data["type"] for _, data in found]
    assert types == [*("RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED")]
    assert found[-1][1]["outcome"] == {"type": "success"}
    assert [each["content"] for each in served.provider.requests[-1]["messages"]] == ["page: home", "One."]
    messages = [user("One."), {"role": "assistant", "content": "One."}, user("Two.")]
    again, _ = await frames(served, "POST", "/ag-ui/echo", run_input("r2", *messages))
    assert [each["content"] for each in served.provider.requests[-1]["messages"]] == ["One.", "One.", "Two."]
    repeated, _ = await frames(served, "POST", "/ag-ui/echo", run_input("r2", *messages))
    assert joined(repeated) == joined(again)


async def test_a_call_of_a_front_ends_tool_is_pending_and_its_result_continues_the_thread(served: OpenAiSite) -> None:
    found, _ = await frames(served, "POST", "/ag-ui/weather", run_input("r1", user("both"), tools=TOOLS))
    (call_id,) = found[-1][1]["outcome"]["pendingToolCallIds"]
    results = [data["content"] for _, data in found if data["type"] == "TOOL_CALL_RESULT"]
    assert results == ["42"]
    calls = [{"id": call_id, "type": "function", "function": {"name": "forecast", "arguments": "{}"}}]
    messages = [
        *(user("both"), {"role": "assistant", "content": "I look.", "toolCalls": calls}),
        {"role": "tool", "toolCallId": call_id, "content": "Rain"},
    ]
    again, _ = await frames(served, "POST", "/ag-ui/weather", run_input("r2", *messages, tools=TOOLS))
    text = "".join(data["delta"] for _, data in again if data["type"] == "TEXT_MESSAGE_CONTENT")
    assert text == "Rain, 42"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_reasoning_is_a_part_of_its_own(served: OpenAiSite, protocol: str) -> None:
    found, _ = await frames(served, "POST", f"/{protocol}/thinks", body_of(protocol, "r", "Hi"))
    thoughts = [data["delta"] for _, data in found if data["type"] in ("REASONING_MESSAGE_CONTENT", "reasoning-delta")]
    assert "".join(thoughts) == "A thought."


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_that_fails_or_becomes_void_ends_with_an_error(served: OpenAiSite, protocol: str) -> None:
    for model in ("fails", "again"):
        body = run_input(model, user("x"), thread=model) if protocol == "ag-ui" else chat("x", model)
        found, _ = await frames(served, "POST", f"/{protocol}/{model}", body)
        assert found[-1][1]["type"] in ("RUN_ERROR", "error")
        assert found[-2][1]["type"] in ("TEXT_MESSAGE_END", "text-end")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_cancelled_turn_is_no_error(served: OpenAiSite, protocol: str) -> None:
    url, body = f"{served.site.url}/{protocol}/slow", body_of(protocol, "r", "x")
    async with served.site.http.post(url, json=body) as response:
        stream_id = response.headers["x-stream-id"]
        await response.content.readuntil(b"One")
        again = await served.site.http.get(f"{url}/t/stream") if protocol == "ui-messages" else None
        await served.site.json("POST", f"/streams/{stream_id}/cancel")
        text = (await response.read()).decode()
        assert '"outcome":{"type":"cancelled"}' in text or '{"type":"abort","reason":"cancelled"}' in text
    if again is not None:
        assert '"delta":"One' in (await again.read()).decode()
        async with served.site.http.get(f"{url}/t/stream") as nothing:
            assert nothing.status == 204


async def test_a_request_that_has_no_message_or_no_agent_is_refused(served: OpenAiSite) -> None:
    site = served.site
    assistant = {"role": "assistant", "content": "One."}
    refused: list[tuple[str, Any, int]] = [
        ("/ag-ui/nothing", run_input("r", user("x")), 404),
        ("/ag-ui/echo", run_input("r", user("x"), assistant), 422),
        ("/ag-ui/echo", run_input("r", {"role": "tool", "toolCallId": "x", "content": "y"}), 422),
        ("/ag-ui/weather", run_input("r", user("x"), tools=[{"name": "calculator", "description": "d"}]), 422),
        ("/ui-messages/nothing", chat("x"), 404),
        ("/ui-messages/echo", chat(""), 422),
        ("/ui-messages/echo", chat("x", trigger="regenerate-message"), 422),
    ]
    for path, body, status in refused:
        assert (await site.json("POST", path, body))[0] == status, (path, body)
    assert not served.provider.requests


async def test_a_thread_belongs_to_its_user(served: OpenAiSite) -> None:
    url = f"{served.site.url}/ag-ui/echo"
    for of, status in ((ANN, 200), (BOB, 409), (VIEWER, 403)):
        headers = {"authorization": f"Bearer {of.token.get_secret_value()}"}
        async with served.site.http.post(url, json=run_input(of.name, user("x")), headers=headers) as response:
            assert response.status == status
            await response.read()
