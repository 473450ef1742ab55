"""Responses by OpenAI's own client: a response with `store` has a session, which the next one continues."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from openai.types.responses import Response

from actors import Pid, ended
from agents.agent_registry import find_agent
from agents.gateway.sessions import LiveSessions
from agents.sessions import StreamRecord
from tests.agents.gateway.contract import check_data, document
from tests.agents.gateway.models import FORECAST, OpenAiSite, openai_site
from tests.agents.gateway.users import ANN, BOB

TOOLS: Any = [{"type": "function", "name": "forecast", "description": "Rain?", "parameters": FORECAST, "strict": None}]


@pytest.fixture
async def served() -> AsyncIterator[OpenAiSite]:
    async with openai_site() as site:
        yield site


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[OpenAiSite]:
    async with openai_site(tmp_path / "sessions.db") as site:
        yield site


async def events(served: OpenAiSite, **body: Any) -> list[Any]:
    stream: Any = await served.client().responses.create(stream=True, **body)
    return [event async for event in stream]


def contents(served: OpenAiSite) -> list[str]:
    """Return the texts of the messages of the last request to the provider."""
    return [each["content"] for each in served.provider.requests[-1]["messages"]]


async def sessions(served: OpenAiSite) -> list[dict[str, Any]]:
    _, page = await served.site.json("GET", "/sessions")
    return [each for each in page["sessions"] if each["message_count"]]


async def test_the_response_is_the_same_whole_and_as_a_stream(served: OpenAiSite) -> None:
    asked: Any = {"model": "weather", "input": "own", "instructions": "Be kind.", "metadata": {"a": "b"}}
    whole: Any = await served.client().responses.create(**asked)
    assert (whole.output_text, whole.status, whole.store) == ("I count. It is 42.", "completed", False)
    assert contents(served)[:3] == ["Be brief.", "Be kind.", "own"]
    found = await events(served, **asked)
    assert [event.sequence_number for event in found] == [*range(len(found))]
    assert found[0].type == "response.created"
    assert "".join(event.delta for event in found if event.type == "response.output_text.delta") == whole.output_text
    last: Response = found[-1].response
    assert found[-1].type == "response.completed"
    assert (last.output_text, last.usage, last.metadata) == (whole.output_text, whole.usage, {"a": "b"})
    assert last.usage is not None
    assert last.usage.total_tokens > 0


async def test_a_stream_is_as_the_document_says(served: OpenAiSite) -> None:
    content = document()["paths"]["/v1/responses"]["post"]["responses"]["200"]["content"]
    for body in ({"model": "weather", "input": "both", "tools": TOOLS}, {"model": "fails", "input": "x"}):
        async with served.site.http.post(f"{served.site.url}/v1/responses", json={"stream": True, **body}) as answer:
            blocks = (await answer.read()).split(b"\n\n")[:-1]
        for block in blocks:
            name, data = block.split(b"\n")
            event = msgspec.json.decode(data.removeprefix(b"data: "))
            assert name == b"event: " + event["type"].encode()
            check_data(content["text/event-stream"]["x-itemSchema"], event)
    _, whole = await served.site.json("POST", "/v1/responses", {"model": "weather", "input": "both", "tools": TOOLS})
    check_data(content["application/json"]["schema"], whole)


async def test_a_call_of_a_clients_tool_is_an_item_of_the_output(served: OpenAiSite) -> None:
    client: Any = served.client()
    whole: Any = await client.responses.create(model="weather", input="both", tools=TOOLS)
    message, call = whole.output
    assert (message.type, call.type, whole.output_text) == ("message", "function_call", "I look.")
    assert (call.name, call.arguments) == ("forecast", '{"city":"Oslo"}')
    found = await events(served, model="weather", input="both", tools=TOOLS)
    pieces = [event.delta for event in found if event.type == "response.function_call_arguments.delta"]
    assert "".join(pieces) == call.arguments
    assert [item.type for item in found[-1].response.output] == ["message", "function_call"]
    echoed = [{"role": "user", "content": "both"}, *(item.to_dict() for item in whole.output)]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    answer = await client.responses.create(model="weather", input=[*echoed, result], tools=TOOLS)
    assert answer.output_text == "Rain., {result:1}"
    assert [each["role"] for each in served.provider.requests[-1]["messages"]] == [
        *("system", "user", "assistant", "tool")
    ]


async def test_a_stored_response_has_a_session_that_the_next_one_continues(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    first: Any = await client.responses.create(model="echo", input="One.", instructions="Only now.")
    assert first.store is True
    second = await client.responses.create(model="echo", input="Two.", previous_response_id=first.id)
    assert contents(kept) == ["One.", "One.", "Two."]
    assert second.previous_response_id == first.id
    (session,) = await sessions(kept)
    assert session["message_count"] == 4
    _, shown = await kept.site.json("GET", f"/sessions/{session['id']}")
    assert [stream["id"] for stream in shown["streams"]] == [first.id, second.id]
    assert (await kept.site.json("GET", f"/streams/{first.id}/timeline"))[0] == 200


async def test_two_responses_after_one_do_not_see_each_other(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    first: Any = await client.responses.create(model="echo", input="One.")
    asked = [client.responses.create(model="echo", input=text, previous_response_id=first.id) for text in ("A", "B")]
    after = await asyncio.gather(*asked)
    assert [each.output_text for each in after] == ["A", "B"]
    third = await client.responses.create(model="echo", input="C", previous_response_id=after[0].id)
    assert contents(kept) == ["One.", "One.", "A", "A", "C"]
    await client.responses.create(model="echo", input="D", previous_response_id=first.id)
    assert contents(kept) == ["One.", "One.", "D"]
    assert third.output_text == "C"


async def test_the_result_of_a_clients_tool_continues_its_session(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    first: Any = await client.responses.create(model="weather", input="both", tools=TOOLS)
    call = first.output[1]
    assert call.type == "function_call"
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Rain"}]
    second = await client.responses.create(model="weather", input=result, previous_response_id=first.id, tools=TOOLS)
    assert second.output_text == "Rain, 42"
    wrong: Any = [{"type": "function_call_output", "call_id": "other", "output": "Rain"}]
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(model="weather", input=wrong, previous_response_id=second.id)
    assert refused.value.param == "input[0].call_id"


async def test_the_agent_of_a_stored_response_ends_after_the_turn(kept: OpenAiSite) -> None:
    before = {each["id"] for each in (await kept.site.json("GET", "/agents"))[1]["agents"]}
    await kept.client().responses.create(model="echo", input="One.")
    after = {each["id"] for each in (await kept.site.json("GET", "/agents"))[1]["agents"]}
    assert after == before


async def test_an_agent_that_ran_before_goes_on_after_a_response_of_its_session(kept: OpenAiSite) -> None:
    body = {"message": "One.", "stream_id": "own"}
    await kept.site.json("POST", "/agents/echo/chat", body)
    pid = find_agent("echo")
    answer = await kept.client().responses.create(model="echo", input="Two.", previous_response_id="own")
    assert (answer.output_text, contents(kept)) == ("Two.", ["One.", "One.", "Two."])
    assert find_agent("echo") is pid


async def test_another_users_response_can_not_be_continued(kept: OpenAiSite) -> None:
    first: Any = await kept.client(ANN).responses.create(model="echo", input="One.")
    for previous in (first.id, "resp_unknown"):
        with pytest.raises(openai.BadRequestError) as refused:
            await kept.client(BOB).responses.create(model="echo", input="Two.", previous_response_id=previous)
        assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
    with pytest.raises(openai.BadRequestError) as other:
        await kept.client(ANN).responses.create(model="anns", input="Two.", previous_response_id=first.id)
    assert other.value.param == "model"


async def test_a_refused_request_begins_no_session(kept: OpenAiSite) -> None:
    before = await kept.site.json("GET", "/sessions")
    tools: Any = [{**TOOLS[0], "name": "calculator"}]
    with pytest.raises(openai.BadRequestError):
        await kept.client().responses.create(model="weather", input="Hi", tools=tools)
    assert await kept.site.json("GET", "/sessions") == before


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"input": []}, "input"),
    ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
    ({"input": [{"content": "x"}]}, "input[0].role"),
    ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input[0].call_id"),
    ({"previous_response_id": "resp_x"}, "previous_response_id"),
    ({"background": True}, "background"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [{"type": "web_search", "name": "x"}]}, "tools[0].type"),
]


async def test_an_invalid_request_names_its_field(served: OpenAiSite) -> None:
    for body, param in INVALID:
        with pytest.raises(openai.BadRequestError) as refused:
            await served.client().responses.create(**{"model": "weather", "input": "Hi", **body})
        assert refused.value.param == param


async def test_a_failed_turn_is_a_failed_response_in_a_stream_and_an_error_whole(served: OpenAiSite) -> None:
    for model, code in (("fails", "api_error"), ("again", "stream_reset")):
        last = (await events(served, model=model, input="Hi"))[-1]
        assert (last.type, last.response.status, last.response.error.code) == ("response.failed", "failed", code)
    with pytest.raises(openai.InternalServerError):
        await served.client().responses.create(model="fails", input="Hi")


async def test_a_client_that_disconnects_cancels_the_turn_of_a_session(kept: OpenAiSite) -> None:
    body = {"model": "slow", "input": "Hi", "stream": True}
    async with kept.site.http.post(f"{kept.site.url}/v1/responses", json=body) as answer:
        id_ = answer.headers["x-stream-id"]
        await answer.content.readuntil(b"One")
        agent_id = (await kept.site.json("GET", f"/streams/{id_}"))[1]["agent_id"]
        pid = find_agent(agent_id)
    assert isinstance(pid, Pid)
    await ended(pid)
    assert (await kept.site.json("GET", f"/streams/{id_}"))[1]["status"] == "cancelled"


async def test_a_stored_response_can_be_retrieved(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    for model, asked in (("weather", "own"), ("weather", "both"), ("echo", "Hi")):
        made = await client.responses.create(model=model, input=asked, tools=TOOLS)
        found = await client.responses.retrieve(made.id)
        assert (found.id, found.model, found.status, found.store) == (made.id, model, "completed", True)
        assert (found.output, found.usage) == (made.output, made.usage)
        assert abs(found.created_at - made.created_at) <= 60
    _, shown = await kept.site.json("GET", f"/v1/responses/{made.id}")
    answered = document()["paths"]["/v1/responses/{response_id}"]["get"]["responses"]["200"]["content"]
    check_data(answered["application/json"]["schema"], shown)


async def test_a_response_that_failed_is_retrieved_as_failed_and_one_that_runs_as_in_progress(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    last = (await events(kept, model="fails", input="Hi"))[-1].response
    found = await client.responses.retrieve(last.id)
    assert (found.status, found.error.code, found.output_text) == ("failed", "api_error", last.output_text)
    stream = await client.responses.create(model="slow", input="Hi", stream=True)
    created = await anext(aiter(stream))
    assert (await client.responses.retrieve(created.response.id)).status == "in_progress"
    await stream.close()


async def test_another_users_response_and_one_that_is_not_stored_do_not_exist(kept: OpenAiSite) -> None:
    made: Any = await kept.client().responses.create(model="echo", input="Hi")
    passing: Any = await kept.client().responses.create(model="echo", input="Hi", store=False)
    for client, id_ in ((kept.client(BOB), made.id), (kept.client(), passing.id), (kept.client(), "resp_nothing")):
        with pytest.raises(openai.NotFoundError) as missing:
            await client.responses.retrieve(id_)
        assert missing.value.param == "response_id"
    with pytest.raises(openai.BadRequestError):
        await kept.client().responses.retrieve(made.id, stream=True)


class BrokenSessions(LiveSessions):
    keeps = True

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        return True

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        raise RuntimeError("sk-secret")


async def test_a_bug_of_the_gateway_has_openais_form() -> None:
    async with openai_site(sessions=BrokenSessions()) as site:
        with pytest.raises(openai.InternalServerError) as failed:
            await site.client().responses.create(model="echo", input="Hi", previous_response_id="resp_x")
    assert (failed.value.status_code, failed.value.type) == (500, "server_error")


async def test_a_long_chain_of_responses_fits_into_the_context_window_of_its_model(kept: OpenAiSite) -> None:
    client: Any = kept.client()
    previous, ids = openai.NOT_GIVEN, list[str]()
    for number in range(12):
        asked = f"Number {number}. " + "word " * 40
        answer = await client.responses.create(model="short", input=asked, previous_response_id=previous)
        previous = answer.id
        ids.append(answer.id)
    assert not any("Number 0." in text for text in contents(kept))
    assert sum(len(text) for text in contents(kept)) < 400 * 8
    (session,) = await sessions(kept)
    assert session["message_count"] == 24
    await client.responses.create(model="short", input="Again.", previous_response_id=ids[1])
    assert any("Number 0." in text for text in contents(kept))


async def test_a_long_history_that_the_client_sends_fits_into_the_context_window(served: OpenAiSite) -> None:
    history: Any = [{"role": role, "content": "word " * 40} for _ in range(12) for role in ("user", "assistant")]
    asked: Any = [*history, {"role": "user", "content": "The question."}]
    client: Any = served.client()
    await client.chat.completions.create(model="short", messages=asked)
    by_chat = contents(served)
    await client.responses.create(model="short", input=asked)
    for sent in (by_chat, contents(served)):
        assert sent[-1] == "The question."
        assert len(sent) < 12
