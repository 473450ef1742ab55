"""Servers of the settings: named in a configuration, kept with a session, and found again after a crash."""

import asyncio
import json
import os
import select
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from actors import Mailbox
from agents import StreamComplete, StreamToolResult, agent, application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_registry import find_agent
from agents.configuration import InvalidConfiguration, load
from agents.configuration.showing import rows
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, McpServer, SessionSettings, Settings
from supervisors.agent_supervisor import start_agent, stop_agent
from tests.agents.mcp.conftest import RUDE, models, result

SCRIPT = models("echo", "hangs")


def written(folder: Path, server: str, tools: str = '[calculator, {mcp, "files"}]') -> Path:
    file = folder / "sys.config"
    file.write_text(
        f"""[{{agents, [{{model, "calls echo"}}, {{mcp, [{{"files", [{server}]}}]}}]}},
             {{understudy, [{{sessions, [{{durability, off}}]}},
                           {{agents, [[{{id, "ada"}}, {{tools, {tools}}}]]}}]}}]."""
    )
    return file


COMMAND = f'{{command, ["{sys.executable}", "-S", "{RUDE}", "echo"]}}'


async def test_an_agent_of_a_configuration_has_the_tools_of_its_servers(tmp_path: Path) -> None:
    settings = load(written(tmp_path, COMMAND), {}).settings
    async with RehearsalServer(builtin() | parse(SCRIPT, "x")) as model:
        reached = settings.model_copy(update={"base_url": model.base_url, "api_key": SecretStr("x")})
        async with application.running(reached):
            pid = find_agent("ada")
            assert pid is not None
            assert (await result(pid, '{"text": "hello"}')).content == "hello"


@pytest.mark.parametrize(
    ("server", "tools", "fault"),
    [
        (
            COMMAND,
            '[{mcp, "fils"}]',
            "agents[0].tools[0]: expected a server of mcp (files), got 'fils'; did you mean 'files'?",
        ),
        (COMMAND, '[{mcp, "files"}, {mcp, "files"}]', "expected every server once, got 'files' again"),
        ('{cwd, "/"}', "[]", "mcp.files: expected a command or a url, got neither"),
        (f'{COMMAND}, {{url, "http://localhost/mcp"}}', "[]", "mcp.files: expected a command or a url, got both"),
        (f'{COMMAND}, {{token, {{env, "T"}}}}', "[]", "mcp.files.token: expected none with a command, got one"),
        (f'{COMMAND}, {{secret_env, [{{"T", "abc"}}]}}', "[]", 'mcp.files.secret_env.T: expected {env, "NAME"} or'),
        ('{url, "ftp://x"}', "[]", "mcp.files.url: expected an address that begins with http:// or https://"),
        ("{comand, []}", "[]", "expected a known key, got comand"),
    ],
)
def test_a_faulty_server_is_reported_where_it_is_written(tmp_path: Path, server: str, tools: str, fault: str) -> None:
    with pytest.raises(InvalidConfiguration) as invalid:
        load(written(tmp_path, server, tools), {"T": "abc"})
    assert fault in str(invalid.value)
    assert "sys.config:" in str(invalid.value)


def test_a_servers_secrets_are_not_shown(tmp_path: Path) -> None:
    server = f'{COMMAND}, {{env, [{{"LOG", "debug"}}]}}, {{secret_env, [{{"TOKEN", {{env, "T"}}}}]}}'
    shown = {row.key: row.value for row in rows(load(written(tmp_path, server), {"T": "abcdef"}))}
    assert shown["mcp.files.env.LOG"] == '"debug"'
    assert "abcdef" not in str(shown)


def test_a_server_of_a_programs_settings_is_checked_where_it_is_written() -> None:
    with pytest.raises(ValidationError, match="expected a command or a url, got neither"):
        McpServer()
    with pytest.raises(InvalidAgentConfig, match="expected a server of mcp \\(none\\), got 'files'"):
        agent_config({"model": "m", "tools": [("mcp", "files")]}, Settings())


@pytest.fixture
async def kept(tmp_path: Path) -> Any:
    async with RehearsalServer(builtin() | parse(SCRIPT, "x")) as model:
        yield Settings(
            base_url=model.base_url,
            api_key=SecretStr("x"),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path / 'sessions.db'}", durability=Durability.SYNC),
            mcp={"files": McpServer(command=(sys.executable, "-S", str(RUDE), "echo", "hangs", "spawns"))},
        )


ADA: Any = {"id": "ada", "model": "calls echo", "tools": [("mcp", "files")]}


async def test_a_session_comes_back_with_the_servers_that_this_program_gave(kept: Settings) -> None:
    async with application.running(kept):
        await stop_agent(await start_agent(ADA))
        woken = await wake("ada")
        assert woken is not None
        assert (await result(woken, '{"text": "hello"}')).content == "hello"
    async with application.running(kept):
        with pytest.raises(InvalidAgentConfig, match="a server that this program gave an agent"):
            await wake("ada")


PROGRAM = """
import asyncio, sys
from agents import agent, application
from agents.settings import Settings
from supervisors.agent_supervisor import start_agent

async def main():
    async with application.running(Settings.model_validate_json(sys.argv[1])):
        pid = await start_agent({"id": "ada", "model": "calls hangs", "tools": [("mcp", "files")]})
        async for event in agent.stream(pid, "{}"):
            pass
asyncio.run(main())
"""


async def test_a_call_in_flight_at_a_kill_of_ours_becomes_unknown_and_its_server_ends(
    kept: Settings, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    message = json.dumps({"begun": str(begun)})
    data = kept.model_dump(mode="json", exclude_unset=True) | {"api_key": "x"}
    source = PROGRAM.replace('"{}"', repr(message))
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", source, json.dumps(data))
    server = os.pidfd_open(int(await asyncio.to_thread(begun.read_text)))
    program.kill()
    await program.wait()
    assert select.select([server], [], [], 10)[0], "the server runs after its owner"
    os.close(server)
    async with application.running(kept):
        pid, mailbox = await start_agent({**ADA, "model": "calls hangs"}), Mailbox()
        (stream,) = (await agent.info(pid)).streams
        assert await agent.follow(pid, stream.id, mailbox.pid)
        while not isinstance(event := await mailbox.receive(), StreamComplete):
            if isinstance(event, StreamToolResult):
                ended = event.result
        assert ended.error == "unknown"
