"""Chat completions by OpenAI's own client: a configured agent is a model."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from actors import Pid, ended
from agents import agent
from agents.agent_registry import find_agent
from agents.gateway import LiveSessions
from agents.settings import TokenSettings
from tests.agents.gateway.contract import check_data, document
from tests.agents.gateway.models import AGENTS, FORECAST, VIEWER, OpenAiSite, openai_site
from tests.agents.gateway.users import ANN, BOB
from tests.agents.sample_tools import Gate

TOOLS: Any = [{"type": "function", "function": {"name": "forecast", "description": "Rain?", "parameters": FORECAST}}]


@pytest.fixture
async def served() -> AsyncIterator[OpenAiSite]:
    async with openai_site() as site:
        yield site


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def chunks(served: OpenAiSite, **body: Any) -> list[ChatCompletionChunk]:
    stream = await served.client().chat.completions.create(stream=True, **body)
    return [chunk async for chunk in stream]


def text_of(found: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in found for choice in chunk.choices)


async def raw(served: OpenAiSite, body: dict[str, Any]) -> list[bytes]:
    """Return the data of the lines of a stream."""
    async with served.site.http.post(f"{served.site.url}/v1/chat/completions", json={"stream": True, **body}) as answer:
        lines = (await answer.read()).split(b"\n\n")
    return [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]


@pytest.mark.parametrize(
    ("of", "models"),
    [(None, {each.id for each in AGENTS}), (ANN, {"anns", "echo"}), (BOB, {"echo"})],
    ids=["admin", "ann", "bob"],
)
async def test_the_models_of_a_user_are_its_own_agents_and_the_default_one(
    served: OpenAiSite, of: TokenSettings | None, models: set[str]
) -> None:
    client = served.client(of)
    assert {model.id async for model in client.models.list()} == models
    assert (await client.models.retrieve("echo")).owned_by == "understudy"
    if of is not None:
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("weather")
        with pytest.raises(openai.NotFoundError) as refused:
            await client.chat.completions.create(model="weather", messages=user("Hi"))
        assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


async def test_the_answer_is_the_same_whole_and_as_a_stream(served: OpenAiSite) -> None:
    asked: Any = {"model": "weather", "messages": user("own")}
    whole = await served.client().chat.completions.create(**asked)
    assert whole.choices[0].message.content == "I count. It is 42."
    assert (whole.choices[0].finish_reason, whole.choices[0].message.tool_calls) == ("stop", None)
    streamed = await chunks(served, **asked, stream_options={"include_usage": True})
    assert text_of(streamed) == "I count. It is 42."
    assert [each.choices[0].finish_reason for each in streamed[-2:-1]] == ["stop"]
    assert streamed[-1].choices == []
    assert streamed[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.total_tokens > 0
    assert all(chunk.usage is None for chunk in streamed[:-1])


async def test_a_call_of_a_clients_tool_is_handed_back_and_the_conversation_goes_on(served: OpenAiSite) -> None:
    client, messages = served.client(), user("both")
    whole = await client.chat.completions.create(model="weather", messages=messages, tools=TOOLS)
    (choice,) = whole.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("forecast", '{"city":"Oslo"}')
    streamed = await chunks(served, model="weather", messages=messages, tools=TOOLS)
    pieces = [piece for chunk in streamed for piece in chunk.choices[0].delta.tool_calls or ()]
    assert [piece.function and piece.function.name for piece in pieces] == ["forecast", None, None]
    assert "".join((piece.function and piece.function.arguments) or "" for piece in pieces) == '{"city":"Oslo"}'
    assert streamed[-1].choices[0].finish_reason == "tool_calls"
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "Rain."}]
    answer = await client.chat.completions.create(model="weather", messages=messages, tools=TOOLS)
    assert answer.choices[0].message.content == "Rain., {result:1}"
    assert [each["role"] for each in served.provider.requests[-1]["messages"]] == [
        *("system", "user", "assistant", "tool")
    ]


async def test_the_agents_prompt_comes_first_and_the_options_reach_its_model(served: OpenAiSite) -> None:
    messages = [{"role": "developer", "content": [{"type": "text", "text": "Be kind."}]}, *user("own")]
    asked: Any = {"messages": messages, "temperature": 0.5, "max_completion_tokens": 9, "seed": 1, "tools": TOOLS}
    choice: Any = {"type": "function", "function": {"name": "forecast"}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    await served.client().chat.completions.create(model="weather", tool_choice=choice, response_format=form, **asked)
    first = served.provider.requests[0]
    assert [each["content"] for each in first["messages"]] == ["Be brief.", "Be kind.", "own"]
    assert (first["temperature"], first["max_completion_tokens"], first["seed"]) == (0.5, 9, 1)
    assert (first["tool_choice"], first["response_format"]) == (choice, form)
    await served.client().chat.completions.create(model="responds", tool_choice=choice, response_format=form, **asked)
    last = served.provider.requests[2]
    assert (last["temperature"], last["max_output_tokens"], "seed" in last) == (0.5, 9, False)
    assert last["tool_choice"] == {"type": "function", "name": "forecast"}
    assert last["text"]["format"] == {"type": "json_schema", "name": "a", "schema": {"type": "object"}}


async def test_a_choice_of_none_offers_no_tool_of_the_client(served: OpenAiSite) -> None:
    await served.client().chat.completions.create(
        model="echo", messages=user("Hi"), tools=TOOLS, tool_choice="none", user="u", n=1, store=True
    )
    assert "tools" not in served.provider.requests[-1]


async def test_reasoning_is_a_field_of_its_own(served: OpenAiSite) -> None:
    whole = await served.client().chat.completions.create(model="thinks", messages=user("Hi"))
    assert whole.choices[0].message.model_extra == {"reasoning_content": "A thought."}
    streamed = await chunks(served, model="thinks", messages=user("Hi"))
    thoughts = [(chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "") for chunk in streamed]
    assert "".join(thoughts) == "A thought."


async def test_a_stream_is_as_the_document_says_and_ends_with_done(served: OpenAiSite) -> None:
    answers = document()["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    for body in (
        {"model": "weather", "messages": user("both"), "tools": TOOLS},
        {"model": "fails", "messages": user("x")},
    ):
        *lines, last = await raw(served, body)
        assert last == b"[DONE]"
        for line in lines:
            check_data(answers["text/event-stream"]["x-itemSchema"], msgspec.json.decode(line))
    whole = await served.site.json("POST", "/v1/chat/completions", {"model": "thinks", "messages": user("Hi")})
    check_data(answers["application/json"]["schema"], whole[1])


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"n": 2}, "n"),
    ({"extra_body": {"bogus": 1}}, "bogus"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "messages[0].tool_call_id"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
    ({"tools": [{"type": "function", "function": {"name": "calculator"}}]}, "tools[0]"),
    ({"tools": TOOLS * 2}, "tools[1]"),
]


async def test_an_invalid_request_names_its_field(served: OpenAiSite) -> None:
    for body, param in INVALID:
        with pytest.raises(openai.BadRequestError) as refused:
            await served.client().chat.completions.create(**{"model": "weather", "messages": user("Hi"), **body})
        assert (refused.value.type, refused.value.param) == ("invalid_request_error", param)
    assert not served.provider.requests


async def test_every_refusal_below_v1_has_openais_form(served: OpenAiSite) -> None:
    url, http = f"{served.site.url}/v1", served.site.http
    with pytest.raises(openai.AuthenticationError) as unknown:
        await served.client_of("wrong").models.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError):
        await served.client(VIEWER).chat.completions.create(model="anns", messages=user("Hi"))
    with pytest.raises(openai.APIStatusError) as large:
        await served.client().chat.completions.create(model="echo", messages=user("x" * 100_000))
    assert large.value.status_code == 413
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/models", 405),
        ("POST", "/chat/completions", 400),
    ):
        async with http.request(method, url + path, json={} if method == "POST" else None) as answer:
            assert answer.status == status
            assert set((await answer.json())["error"]) == {"message", "type", "param", "code"}


async def test_a_user_may_set_only_the_options_that_the_host_allows(served: OpenAiSite) -> None:
    settings = served.site.settings
    clients = settings.gateway.clients.model_copy(update={"model_options": ("temperature",)})
    gateway = settings.gateway.model_copy(update={"clients": clients})
    served.app.take(settings.model_copy(update={"gateway": gateway}))
    client = served.client(ANN)
    answer = await client.chat.completions.create(model="anns", messages=user("Hi"), temperature=0)
    assert answer.choices[0].message.content == "Hi"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="anns", messages=user("Hi"), seed=1)
    assert refused.value.param == "seed"


async def test_a_failed_turn_is_an_error_whole_and_in_a_stream(served: OpenAiSite) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        await served.client().chat.completions.create(model="fails", messages=user("Hi"))
    assert (failed.value.status_code, failed.value.code) == (502, "api_error")
    with pytest.raises(openai.APIError) as broken:
        await chunks(served, model="fails", messages=user("Hi"))
    assert (broken.value.type, broken.value.code) == ("server_error", "api_error")


async def test_a_stream_whose_text_becomes_void_ends_with_an_error(served: OpenAiSite) -> None:
    whole = await served.client().chat.completions.create(model="again", messages=user("Hi"))
    assert whole.choices[0].message.content == "One two."
    with pytest.raises(openai.APIError) as broken:
        await chunks(served, model="again", messages=user("Hi"))
    assert broken.value.code == "stream_reset"


async def test_a_client_that_disconnects_from_a_stream_cancels_its_turn(served: OpenAiSite) -> None:
    body = {"model": "slow", "messages": user("Hi"), "stream": True}
    async with served.site.http.post(f"{served.site.url}/v1/chat/completions", json=body) as answer:
        pid = find_agent(answer.headers["x-stream-id"])
        await answer.content.readuntil(b"One")
    assert isinstance(pid, Pid)
    await ended(pid)


async def test_a_client_that_does_not_wait_for_the_whole_answer_cancels_its_turn(served: OpenAiSite) -> None:
    Gate.close()
    body = {"model": "waits", "messages": user("Hi")}
    waits = asyncio.create_task(served.site.json("POST", "/v1/chat/completions", body))
    await Gate.reached.wait()
    pid = find_agent((await LiveSessions().sessions("chatcmpl", 1))[0].id)
    assert isinstance(pid, Pid)
    waits.cancel()
    await ended(pid)


async def test_a_turn_that_somebody_else_follows_goes_on_without_its_client(served: OpenAiSite) -> None:
    body = {"model": "slow", "messages": user("Hi"), "stream": True}
    url, http = served.site.url, served.site.http
    async with http.post(f"{url}/v1/chat/completions", json=body) as answer:
        id_ = answer.headers["x-stream-id"]
        follower = await http.get(f"{url}/streams/{id_}/events")
        await follower.content.readuntil(b"One")
    pid = find_agent(id_)
    assert isinstance(pid, Pid)
    assert not await agent.cancel(pid, id_, unfollowed=True)
    assert await agent.cancel(pid, id_)
    follower.close()
