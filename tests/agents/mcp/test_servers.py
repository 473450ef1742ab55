"""A server by the official library: its tools, over stdio and over HTTP, run as any other tool."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from agents import (
    StreamComplete,
    StreamError,
    StreamToolProgress,
    StreamToolResult,
    StreamToolStart,
    agent,
    application,
    mcp,
)
from agents.mcp import ServerSpec
from agents.mcp.keeper import connect
from agents.mcp.tools import BoundTools
from agents.mcp.view import view_of
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings
from agents.tools.run import run_call
from tests.agents.mcp.conftest import OFFICIAL, Logged, events, models, official, result
from tests.agents.parts.samples import PDF, PNG, WAV, seen
from tests.agents.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = f"""
{models("echo", "fails", "counts", "asks", "samples", "floods", "environment", "hangs", "headers")}
{models("adds_tool", "parrot")}

[models."calls shows"]
[[models."calls shows".turns]]
steps = [{{ tool_calls = [{{ name = "shows", arguments = "{{user}}" }}] }}, {{ text = "{{parts}}" }}]

[models.rebinds]
[[models.rebinds.turns]]
steps = [
    {{ tool_calls = [{{ name = "adds_tool", arguments = "{{user}}" }}] }},
    {{ tool_calls = [
        {{ name = "echo", arguments = {{ text = "old" }} }}, {{ name = "parrot", arguments = {{ text = "new" }} }}
    ] }},
    {{ text = "done" }},
]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """One application, whose agents share the servers."""
    async with RehearsalServer(builtin() | parse(SCRIPT, __name__)) as model:
        settings = Settings(base_url=model.base_url, api_key=SecretStr("x"))
        async with application.running(settings):
            yield Stage(model)


@contextmanager
def serving(*options: str, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server over HTTP. Its socket listens before it runs, so that no client comes too early."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        command = [sys.executable, str(OFFICIAL), str(listening.fileno()), *options]
        process = subprocess.Popen(command, pass_fds=[listening.fileno()])
    try:
        yield address, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as (url, _):
        yield url


@pytest.fixture(params=["stdio", "http"])
def spec(request: pytest.FixtureRequest, address: str) -> ServerSpec:
    return official() if request.param == "stdio" else mcp.server("files", url=address)


async def test_a_call_has_the_servers_answer(stage: Stage, spec: ServerSpec) -> None:
    pid = await stage.agent("calls echo", tools=[spec])
    assert (await result(pid, '{"text": "hello"}')).content == "hello"


async def test_an_error_of_the_server_is_the_result_in_its_words(stage: Stage, spec: ServerSpec) -> None:
    failed = await result(await stage.agent("calls fails", tools=[spec]), '{"why": "no such note"}')
    assert (failed.error, failed.content) == ("raised", "error: Error executing tool fails")
    invalid = await result(await stage.agent("calls echo", tools=[spec]), '{"text": 5}')
    assert invalid.error == "raised"
    assert "Input should be a valid string" in invalid.content


async def test_progress_of_the_server_is_progress_of_the_call(stage: Stage, spec: ServerSpec) -> None:
    pid = await stage.agent("calls counts", tools=[spec])
    seen = await events(pid, '{"to": 3}')
    assert [event.data for event in seen if isinstance(event, StreamToolProgress)] == [
        {"progress": number, "total": 3, "message": f"step {number}"} for number in (1, 2, 3)
    ]


async def test_images_sounds_and_files_of_a_server_are_parts_that_the_model_sees(
    stage: Stage, spec: ServerSpec, tmp_path: Path
) -> None:
    files = {"image-a": PNG, "audio-a": WAV, "paper.pdf": PDF, "image-b": b"BM of another format"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data + b"\0" * (name == "image-b"))
    pid = await stage.agent("calls shows", tools=[spec])
    seen_events = await events(pid, json.dumps({"files": [str(tmp_path / name) for name in files]}))
    (found,) = [event.result for event in seen_events if isinstance(event, StreamToolResult)]
    note = "[x/claimed, 28 characters of base64, not shown]"
    assert found.value == ["Look:", "[image 1: image/png]", "[audio 2: audio/wav]", "[file 3: paper.pdf]", note]
    assert [part.media_type for part in found.parts] == ["image/png", "audio/wav", "application/pdf"]
    assert isinstance(seen_events[-1], StreamComplete)
    wanted = [seen("image/png", PNG), seen("audio/wav", WAV), seen("application/pdf", PDF)]
    assert seen_events[-1].response.content == "\n".join(wanted)


async def test_a_part_of_a_server_beyond_the_limits_is_an_error_of_its_call(
    stage: Stage, spec: ServerSpec, tmp_path: Path
) -> None:
    (tmp_path / "image-large").write_bytes(PNG + b"\0" * 5 * 1024 * 1024)
    pid = await stage.agent("calls shows", tools=[spec])
    failed = await result(pid, json.dumps({"files": [str(tmp_path / "image-large")]}))
    assert failed.error == "raised"
    assert "expected a part of at most 5242880 bytes" in failed.content


@pytest.mark.parametrize(("tool_name", "words"), [("asks", "Elicitation"), ("samples", "Sampling")])
async def test_a_question_of_the_server_is_refused_in_words(
    stage: Stage, spec: ServerSpec, tool_name: str, words: str
) -> None:
    refused = await result(await stage.agent(f"calls {tool_name}", tools=[spec]))
    assert (refused.error, refused.content) == ("raised", f"error: {words} not supported")


async def test_a_cancelled_call_is_cancelled_at_the_server_which_goes_on(
    stage: Stage, spec: ServerSpec, tmp_path: Path, logged: Logged
) -> None:
    begun, cancelled = tmp_path / "begun", tmp_path / "cancelled"
    for each in (begun, cancelled):
        os.mkfifo(each)
    pid = await stage.agent("calls hangs", tools=[spec])
    turn = asyncio.create_task(events(pid, f'{{"begun": "{begun}", "cancelled": "{cancelled}"}}'))
    await asyncio.to_thread(begun.read_text)  # the read of a pipe ends when the server has written to it
    assert await agent.cancel(pid)
    assert isinstance((await turn)[-1], StreamError)
    assert await asyncio.to_thread(cancelled.read_text) == "cancelled"
    pid = await stage.agent("calls echo", tools=[spec])
    assert (await result(pid, '{"text": "hello"}')).content == "hello"
    assert not logged("mcp_server_down")


async def test_calls_of_one_server_do_not_wait_for_each_other(stage: Stage, spec: ServerSpec) -> None:
    """The tool answers when 100 calls run: if one waited for another, none would end."""
    await connect([spec])
    tool = BoundTools({}, [view_of(spec)], default_s=60)["meets"]
    answers = await asyncio.gather(*(run_call(tool, '{"count": 100}', None) for _ in range(100)))
    assert answers == ["met"] * 100


async def test_a_result_above_the_limit_is_cut_and_marked(stage: Stage) -> None:
    pid = await stage.agent("calls floods", tools=[official(max_output_bytes=100)])
    cut = await result(pid, '{"size": 1000}')
    assert cut.content == "x" * 100 + "\n[cut: the first 100 of 1000 bytes]"


async def test_a_server_gets_no_variable_of_ours_that_it_was_not_given(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    spec = official(env={"DEBUG": "1"}, secret_env={"NOTES_TOKEN": "abc"})
    pid = await stage.agent("calls environment", tools=[spec])
    names = (await result(pid)).content.split()
    assert {"DEBUG", "NOTES_TOKEN", "PATH"} <= set(names)
    assert "OPENAI_API_KEY" not in names
    assert "abc" not in repr(spec)


async def test_a_token_and_headers_are_sent(stage: Stage, address: str) -> None:
    spec = mcp.server("files", url=address, token="abc", headers={"X-Team": "blue"})
    pid = await stage.agent("calls headers", tools=[spec])
    assert (await result(pid)).content == "Bearer abc blue"


async def test_changed_tools_are_those_of_the_next_model_call(stage: Stage) -> None:
    pid = await stage.agent("rebinds", tools=[official(name="changing")])
    before = len(stage.server.requests)
    seen = await events(pid, '{"name": "parrot"}')
    results = [event.result.content for event in seen if isinstance(event, StreamToolResult)]
    assert results[0] == "added"
    assert min(results[1:]).startswith("error: there is no tool 'echo'; the tools are: ")
    assert max(results[1:]) == "new"
    first, second, _ = [
        {each["function"]["name"] for each in request["tools"]} for request in stage.server.requests[before:]
    ]
    assert (second - first, first - second) == ({"parrot"}, {"echo"})


async def test_a_server_that_knows_only_the_later_versions_of_the_protocol_is_used_too(
    stage: Stage, logged: Logged
) -> None:
    with serving("only_later") as (url, _):
        spec = mcp.server("later", url=url)
        running = await stage.agent("calls parrot", tools=[spec])
        changes = await stage.agent("calls adds_tool", tools=[spec])
        assert (await result(changes, '{"name": "parrot"}')).content == "added"
        await logged.until("mcp_server_tools_changed", 1)
        assert (await result(running, '{"text": "hello"}')).content == "hello"
        asks = await stage.agent("calls asks", tools=[spec])
        assert (await result(asks)).error == "raised"


async def test_a_call_over_http_crashes_when_its_server_dies_and_the_next_server_is_found(
    stage: Stage, logged: Logged
) -> None:
    with serving() as (url, process):
        spec = mcp.server("files", url=url)
        pid = await stage.agent("calls hangs", tools=[spec])
        async for event in agent.stream(pid, '{"begun": "/dev/null", "cancelled": "/dev/null"}'):
            if isinstance(event, StreamToolStart):
                process.kill()
            if isinstance(event, StreamToolResult):
                assert event.result.error == "crashed"
        await logged.until("mcp_server_down", 1)
    with serving(port=int(url.split(":")[2].split("/")[0])):
        await connect([spec])
        pid = await stage.agent("calls echo", tools=[spec])
        assert (await result(pid, '{"text": "hello"}')).content == "hello"
