"""LiteLLM's proxy as a provider, in front of a rehearsal server. `make test-litellm` installs it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import StreamComplete, StreamError, StreamToken, agent, application
from agents.rehearsal import RehearsalServer, parse
from agents.rehearsal.record.proxy import RecordingProxy
from agents.settings import Settings
from agents.testing.comparable import snapshot
from agents.testing.recording import record
from agents.tools.builtin.calculator import calculator
from supervisors.agent_supervisor import start_agent
from tests.waiting import wait_for_answer

pytestmark = [pytest.mark.litellm, pytest.mark.timeout(600)]

PROGRAM = Path(__file__).parents[3] / ".venv-litellm" / "bin" / "litellm"
KEY = "sk-of-the-proxy"
START_S = 240.0  # it imports for a minute
PLAY = parse("""
[[models.m.turns]]
match = "sum"
[[models.m.turns.steps]]
reasoning = "A sum."
text = "Let me see."
tool_calls = [{ name = "calculator", arguments = { expression = "2 + 3" } }]
[[models.m.turns.steps]]
text = " It is {result:0}."
usage = { input_tokens = 40, output_tokens = 5, cached_tokens = 30 }
[[models.m.turns]]
match = "busy"
steps = [{ fault = { name = "rate_limit", retry_after_s = 0.01 } }]
[[models.m.turns]]
match = "drop"
steps = [{ text = "one two three", fault = { name = "drop", after_tokens = 2 } }]
[[models.m.turns]]
steps = [{ text = "one two three four" }]
""")
CONFIG = """
model_list:
  - model_name: m
    litellm_params: {model: openai/m, api_base: "%s", api_key: "upstream"}
general_settings: {master_key: "%s"}
"""


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("litellm")
    with RehearsalServer(PLAY) as server, (folder / "log").open("wb") as log:
        (folder / "config.yaml").write_text(CONFIG % (server.base_url, KEY))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [str(PROGRAM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        own = {"LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "log", START_S)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait()


def config(base_url: str, **more: Any) -> dict[str, Any]:
    retries = {"streaming_config": {"max_retries": 1}}
    return {"model": "m", "base_url": base_url, "api_key": KEY, "tools": [calculator], **retries, **more}


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_turn_with_a_tool_works_over_both_apis(base_url: str, api: str, stream: bool) -> None:
    async with application.running(Settings()):
        response = await agent.chat(
            await start_agent(config(base_url, api_preference=api, stream=stream, headers={"x-team": "a"})), "the sum"
        )
    assert response.content == "Let me see. It is 5."
    assert response.usage.cached_tokens == 30


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_refusal_and_a_break_are_the_providers_errors(base_url: str, api: str) -> None:
    async with application.running(Settings()):
        for message, content in (("busy", ""), ("drop", "one two")):
            last = (await record(await start_agent(config(base_url, api_preference=api)), message))[-1]
            assert isinstance(last, StreamError)
            assert "api error" in str(last.reason)
            assert last.content == content


async def test_an_own_authorization_is_accepted(base_url: str) -> None:
    async with application.running(Settings()):
        pid = await start_agent(config(base_url, api_key=None, headers={"Authorization": f"Bearer {KEY}"}))
        assert isinstance((await record(pid, "hello"))[-1], StreamComplete)


async def test_a_cancelled_turn_ends_at_once(base_url: str) -> None:
    async with application.running(Settings()):
        pid = await start_agent(config(base_url))
        async for event in agent.stream(pid, "hello"):
            if isinstance(event, StreamToken):
                await agent.cancel(pid)
        assert isinstance(event, StreamComplete | StreamError)
        assert (await agent.chat(pid, "hello")).content == "one two three four"


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_recorded_run_rehearses_to_the_same_events(base_url: str, api: str) -> None:
    async def played(address: str) -> list[Any]:
        async with application.running(Settings()):
            starts = [await start_agent(config(address, api_preference=api)) for _ in range(4)]
            messages = ("the sum", "hello", "busy", "drop")
            return [snapshot(await record(pid, message)) for pid, message in zip(starts, messages, strict=True)]

    async with RecordingProxy(base_url, lambda: None, paced=False) as proxy:
        real = await played(proxy.base_url)
        script = proxy.record.script() or ""
    async with RehearsalServer(parse(script)) as server:
        assert await played(server.base_url) == real
