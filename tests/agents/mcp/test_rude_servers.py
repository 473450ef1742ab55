"""Servers that die, hang, flood or write garbage. Each costs its own calls, and nothing else."""

import asyncio
import os
import re
import select
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from actors import KILL, StartFailed, ended, whereis
from actors import exit as send_exit
from agents import StreamApprovalRequired, StreamComplete, StreamToolStart, agent, application, mcp
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings
from agents.tools.tool import tool
from supervisors.agent_supervisor import start_agent
from tests.agents.mcp.conftest import Logged, models, result, rude
from tests.agents.stage import Stage

TOOLS = ("echo", "silent", "dies", "leaves_a_child", "garbles", "never_ends_its_line", "floods", "complains", "spawns")
SCRIPT = models(*TOOLS, "rude_echo", "other_echo", "shouts")


async def test_the_tools_of_a_server_are_the_tools_of_the_agent(stage: Stage) -> None:
    pid = await stage.agent("calls echo", tools=[rude("echo")])
    assert (await result(pid, '{"text": "hello"}')).content == "hello"
    (shown,) = stage.server.requests[0]["tools"]
    assert shown["function"]["name"] == "echo"
    assert shown["function"]["parameters"]["type"] == "object"


async def test_arguments_that_are_no_object_never_reach_the_server(stage: Stage) -> None:
    pid = await stage.agent("calls echo", tools=[rude("echo")])
    assert (await result(pid, "[1")).error == "invalid_arguments"


@pytest.mark.parametrize("tool_name", ["dies", "leaves_a_child"])
async def test_a_call_in_flight_crashes_at_once_when_its_server_dies(stage: Stage, tool_name: str) -> None:
    pid = await stage.agent(f"calls {tool_name}", tools=[rude(tool_name, "echo", tool_timeout=60_000)])
    ended = await result(pid)
    assert (ended.error, ended.content) == (
        "crashed",
        "error: the MCP server 'rude' is down: it ended: exit code 3",
    )


async def test_a_server_that_died_is_started_again_for_the_same_agent(stage: Stage, logged: Logged) -> None:
    spec = rude("dies", "echo")
    pid = await stage.agent("calls dies", tools=[spec])
    assert (await result(pid)).error == "crashed"
    await logged.until("mcp_server_up", 2)
    again = await stage.agent("calls echo", tools=[spec])
    assert (await result(again, '{"text": "hello"}')).content == "hello"
    (down,) = logged("mcp_server_down")
    assert (down["server"], down["why"]) == ("rude", "it ended: exit code 3")
    assert down["next_attempt_s"] <= 0.5


async def test_a_server_whose_process_is_killed_serves_the_same_agents_again(stage: Stage) -> None:
    spec = rude("echo")
    pid = await stage.agent("calls echo", tools=[spec])
    keeper = whereis(spec.process_name)
    assert keeper is not None
    send_exit(keeper, KILL)
    await ended(keeper)
    assert (await result(pid, '{"text": "hello"}')).content == "hello"


async def test_a_server_that_hangs_costs_a_call_its_deadline_and_the_call_is_cancelled_there(
    stage: Stage, tmp_path: Path
) -> None:
    cancelled = tmp_path / "cancelled"
    os.mkfifo(cancelled)
    spec = rude("silent", "echo", tool_timeout=200, env={"CANCELLED": str(cancelled)})
    pid = await stage.agent("calls silent", tools=[spec])
    late = await result(pid)
    assert (late.error, late.content) == ("timeout", "error: no result within 0.2 s")
    assert await asyncio.to_thread(cancelled.read_text) == "caller cancelled"  # the end of a pipe's writer
    other = await stage.agent("calls echo", tools=[spec])
    assert (await result(other, '{"text": "hello"}')).content == "hello"


async def test_a_server_that_hangs_at_its_start_fails_the_agents_start_in_one_line(stage: Stage) -> None:
    hanging = mcp.server("hanging", command=["sleep", "60"], start_timeout=200)
    with pytest.raises(StartFailed) as failed:
        await stage.agent("calls echo", tools=[hanging])
    assert str(failed.value) == "agent did not start: the MCP server 'hanging' is down: no answer within 0.2 s"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["false"], "it ended: exit code 1"),
        (["no-such-command"], "the command does not exist: 'no-such-command'"),
        (["sh", "-c", "kill -9 $$"], "it ended: SIGKILL"),
        (["sh", "-c", "exec >&-; exec sleep 60"], "it closed its stdout"),
    ],
)
async def test_a_server_that_does_not_start_fails_the_agents_start_in_one_line(
    stage: Stage, command: list[str], why: str
) -> None:
    with pytest.raises(StartFailed) as failed:
        await stage.agent("calls echo", tools=[mcp.server("x", command=command)])
    assert str(failed.value) == f"agent did not start: the MCP server 'x' is down: {why}"


async def test_lines_that_are_no_messages_are_logged_and_skipped(stage: Stage, logged: Logged) -> None:
    pid = await stage.agent("calls garbles", tools=[rude("garbles")])
    assert (await result(pid)).content == "garbles"
    assert [each["line"] for each in logged("mcp_server_garbage")] == [
        "Loading...",
        '{"jsonrpc":',
        "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\x00",
        "[1, 2]",
        '"text"',
    ]


async def test_a_line_without_an_end_ends_its_server(stage: Stage) -> None:
    pid = await stage.agent("calls never_ends_its_line", tools=[rude("never_ends_its_line")])
    ended = await result(pid)
    assert ended.error == "crashed"
    assert "it sent a line above 16777216 bytes" in ended.content


async def test_an_answer_over_http_that_is_too_long_fails_the_start(stage: Stage) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b" " * (16 * 2**20 + 1), content_type="application/json")

    site = web.Application()
    site.router.add_post("/mcp", answer)
    async with TestServer(site) as server:
        with pytest.raises(StartFailed, match="an answer above 16777216 bytes"):
            await stage.agent("calls echo", tools=[mcp.server("x", url=str(server.make_url("/mcp")))])


async def test_a_server_that_nobody_runs_fails_the_start_in_one_line(stage: Stage) -> None:
    with pytest.raises(StartFailed) as failed:
        await stage.agent("calls echo", tools=[mcp.server("x", url="http://127.0.0.1:1/mcp")])
    assert str(failed.value).startswith("agent did not start: the MCP server 'x' is down: ConnectError: ")
    assert "\n" not in str(failed.value)


async def test_a_flood_of_messages_leaves_room_for_others(stage: Stage) -> None:
    flooding = await stage.agent("calls floods", tools=[rude("floods")])
    other = await stage.agent("calls echo", tools=[rude("echo", name="calm")])
    flood = asyncio.create_task(result(flooding, '{"count": 20000}'))
    assert (await result(other, '{"text": "hello"}')).content == "hello"
    assert not flood.done()
    assert (await flood).content == "floods"


async def test_stderr_is_logged_and_a_flood_of_it_is_cut(stage: Stage, logged: Logged) -> None:
    pid = await stage.agent("calls complains", tools=[rude("complains")])
    assert (await result(pid)).content == "complains"
    assert (await result(pid, '{"count": 5000}')).content == "complains"
    lines = logged("mcp_server_stderr")
    assert lines[0] == {"event": "mcp_server_stderr", "server": "rude", "line": "out of memory"}
    assert len(lines) < 1000


async def test_a_name_that_another_tool_has_gets_the_servers_name(stage: Stage) -> None:
    @tool
    async def shouts(text: str) -> str:
        """Say it louder."""
        return text.upper()

    servers = [rude("echo", "shouts", "dies"), rude("echo", name="other")]
    pid = await stage.agent("calls shouts", tools=[*servers, shouts])
    assert (await result(pid, '{"text": "hello"}')).content == "HELLO"
    names = [each["function"]["name"] for each in stage.server.requests[0]["tools"]]
    assert names == ["shouts", "rude_echo", "rude_shouts", "dies", "other_echo"]
    again = await stage.agent("calls other_echo", tools=servers)
    assert (await result(again, '{"text": "hello"}')).content == "hello"


async def test_a_name_that_no_provider_accepts_is_mended(stage: Stage) -> None:
    pid = await stage.agent("calls echo", tools=[rude("echo", "a.b/c", "a_b_c", "x" * 80, "\N{SNOWMAN}")])
    await result(pid)
    names = [each["function"]["name"] for each in stage.server.requests[0]["tools"]]
    assert names == ["echo", "rude_a_b_c", "rude_a_b_c_2", "x" * 64, "_"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)


async def test_a_servers_tool_may_need_an_approval_as_any_tool(stage: Stage) -> None:
    pid = await stage.agent("calls echo", tools=[rude("echo", "dies", requires_approval=["echo"])])
    seen = []
    async for event in agent.stream(pid, '{"text": "hello"}'):
        seen.append(event)
        if isinstance(event, StreamApprovalRequired):
            assert not any(isinstance(each, StreamToolStart) for each in seen)
            await agent.approve(pid, event.tool_call.id)
    assert any(isinstance(event, StreamApprovalRequired) for event in seen)
    assert isinstance(seen[-1], StreamComplete)
    assert seen[-1].response.content == "hello"


async def test_a_server_ends_with_its_application_and_all_that_it_started() -> None:
    async with (
        RehearsalServer(builtin() | parse(SCRIPT, "x")) as model,
        application.running(Settings(base_url=model.base_url, api_key=SecretStr("x"))),
    ):
        pid = await start_agent({"model": "calls spawns", "tools": [rude("spawns")]})
        processes = [os.pidfd_open(int(each)) for each in (await result(pid)).content.split()]
        assert not any(ends(process, 0) for process in processes)
    assert all(ends(process, 10) for process in processes)
    for process in processes:
        os.close(process)


def ends(process: int, timeout_s: float) -> bool:
    """Return whether a process ends within this time. process: its pidfd."""
    return bool(select.select([process], [], [], timeout_s)[0])


async def test_servers_in_use_are_shared(stage: Stage, logged: Logged) -> None:
    for _ in range(3):
        await stage.agent("calls echo", tools=[rude("echo")])
    assert len(logged("mcp_server_up")) == 1


def test_a_server_is_refused_where_it_is_written() -> None:
    for given, fault in [
        ({}, "expected a command or a url, got neither"),
        ({"command": ["x"], "url": "http://x"}, "expected a command or a url, got both"),
        ({"command": ["x"], "token": "t"}, "token: mcp.server 'x': expected none with a command, got one"),
        ({"url": "http://x", "env": {"A": "b"}}, "env: mcp.server 'x': expected none with a url, got one"),
        ({"comand": ["x"]}, "comand: "),
    ]:
        with pytest.raises(ValueError, match=re.escape(fault)):
            mcp.server("x", **given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a server's name"):
        mcp.server("a b", command=["x"])
