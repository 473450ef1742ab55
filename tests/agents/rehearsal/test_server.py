"""The server around the script: addresses, keys, models, and requests that are refused."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from agents.rehearsal import RehearsalServer, builtin

if TYPE_CHECKING:
    from tests.agents.rehearsal.conftest import Perform

HELLO = {"role": "user", "content": "hello there"}


async def test_an_unknown_model_does_not_exist(perform: "Perform") -> None:
    stage = await perform(builtin())
    for response in (await stage.chat("nobody"), await stage.respond("nobody", stream=True)):
        assert response.status == 404
        assert await response.json() == {
            "error": {
                "message": "The model `nobody` does not exist",
                "type": "invalid_request_error",
                "param": "model",
                "code": "model_not_found",
            }
        }


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/chat/completions", b"{", None),
        ("/chat/completions", b"[]", None),
        ("/chat/completions", b"\xff", None),
        ("/chat/completions", b'{"messages": []}', "model"),
        ("/chat/completions", b'{"model": "echo"}', "messages"),
        ("/chat/completions", b'{"model": "echo", "messages": []}', "messages"),
        ("/chat/completions", b'{"model": "echo", "messages": [5]}', "messages"),
        ("/responses", b'{"model": "echo"}', "input"),
        ("/responses", b'{"model": "echo", "input": 5}', "input"),
        ("/responses", b'{"model": "echo", "input": "x", "previous_response_id": "r"}', "previous_response_id"),
    ],
)
async def test_a_malformed_request_is_refused_in_openais_shape(
    perform: "Perform", path: str, body: bytes, param: str | None
) -> None:
    stage = await perform(builtin())
    response = await stage.http.post(stage.server.base_url + path, data=body)
    error: dict[str, Any] = (await response.json())["error"]
    assert (response.status, error["type"], error["param"]) == (400, "invalid_request_error", param)


async def test_a_message_that_no_turn_fits_is_refused(perform: "Perform") -> None:
    stage = await perform('[models.picky]\nturns = [{ match = "please", steps = [{ text = "yes" }] }]')
    response = await stage.chat("picky")
    assert (response.status, (await response.json())["error"]["code"]) == (400, "no_turn_fits")


async def test_an_unknown_address_is_refused_in_openais_shape(perform: "Perform") -> None:
    stage = await perform(builtin())
    response = await stage.post("/embeddings", {})
    assert (response.status, (await response.json())["error"]["type"]) == (404, "invalid_request_error")


async def test_only_the_key_is_accepted_where_one_is_set(perform: "Perform") -> None:
    stage = await perform(builtin(), api_key="right")
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer r\u00efght"}):
        response = await stage.http.get(f"{stage.server.base_url}/models", headers=header)
        assert (response.status, (await response.json())["error"]["code"]) == (401, "invalid_api_key")
    client = stage.openai.with_options(api_key="right")
    assert (await client.responses.create(model="echo", input="open up")).output_text == "open up"


async def test_the_models_of_the_script_are_listed(perform: "Perform") -> None:
    stage = await perform(builtin())
    assert [model.id async for model in stage.openai.models.list()] == list(builtin().models)


async def test_a_healthy_server_says_so(perform: "Perform") -> None:
    stage = await perform(builtin())
    response = await stage.http.get(stage.server.base_url.removesuffix("/v1") + "/healthz")
    assert await response.json() == {"status": "ok"}


async def test_requests_are_kept_in_order(perform: "Perform") -> None:
    stage = await perform(builtin())
    await stage.chat("echo", temperature=0)
    await stage.respond("nobody")
    assert [request["model"] for request in stage.server.requests] == ["echo", "nobody"]
    assert stage.server.requests[0] == {"model": "echo", "messages": [HELLO], "temperature": 0}


async def test_streams_at_the_same_time_do_not_mix(perform: "Perform") -> None:
    stage = await perform('[models.echo]\ntoken_delay_s = 0.001\nturns = [{ steps = [{ text = "{user}" }] }]')
    texts = [f"number {number} of the streams" for number in range(50)]

    async def ask(text: str) -> str:
        events = await stage.chat_events("echo", messages=[{"role": "user", "content": text}])
        return "".join(event["choices"][0]["delta"].get("content") or "" for event in events)

    assert await asyncio.gather(*map(ask, texts)) == texts


async def test_a_port_in_use_is_an_os_error_and_nothing_is_left_open() -> None:
    async with RehearsalServer(builtin()) as first:
        with pytest.raises(OSError, match="in use"):
            await RehearsalServer(builtin(), port=first.port).__aenter__()


def test_blocking_code_has_the_server_on_a_thread_until_its_block_ends() -> None:
    with RehearsalServer(builtin()) as server, OpenAI(base_url=server.base_url, api_key="any") as client:
        assert client.responses.create(model="echo", input="hi").output_text == "hi"
    assert "rehearsal server" not in {thread.name for thread in threading.enumerate()}


def test_a_server_that_cannot_listen_leaves_no_thread() -> None:
    with RehearsalServer(builtin()) as server:
        with pytest.raises(OSError, match="in use"), RehearsalServer(builtin(), port=server.port):
            pass
        assert [thread.name for thread in threading.enumerate()].count("rehearsal server") == 1
