"""A value that the host gives a tool stays in the host: no schema, event, log, crash report or store has it."""

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors import KILL, Mailbox, get_state
from actors import exit as send_exit
from agents import StreamApprovalRequired, StreamComplete, StreamToolResult, agent, application
from agents.agent_config import InvalidAgentConfig
from agents.core.events import Event
from agents.rehearsal import RehearsalServer, parse
from agents.settings import SessionSettings, Settings, ToolSettings
from supervisors import agent_supervisor
from tests.agents.tools_with_secrets import SECRET, TOOLS, account

NAMES = [each.name for each in TOOLS]


def script(what: str) -> str:
    calls = ", ".join(f'{{ name = "{name}", arguments = {{ what = "{what}" }} }}' for name in NAMES)
    return f'[[models.busy.turns]]\nsteps = [{{ tool_calls = [{calls}] }}, {{ text = "over" }}]\n'


@pytest.mark.parametrize("what", ["work", "raise"])
async def test_no_secret_of_a_tool_leaves_the_host(what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    async with RehearsalServer(parse(script(what))) as server:
        kept = SessionSettings(url=f"sqlite:///{tmp_path / 'sessions.db'}", durability="sync")  # type: ignore[arg-type]
        settings = Settings(
            base_url=server.base_url,
            api_key="any",  # type: ignore[arg-type]
            sessions=kept,
            tools=ToolSettings(workers=1),
        )
        async with application.running(settings), Mailbox():
            pid = await agent_supervisor.start_agent({"id": "ada", "model": "busy", "tools": TOOLS})
            async for event in agent.stream(pid, "go"):
                events.append(event)
                if isinstance(event, StreamApprovalRequired):
                    await agent.approve(pid, event.tool_call.id)
            shown = [repr(await get_state(pid)), str(await agent.info(pid)), str(await agent.conversation(pid))]
            send_exit(pid, KILL)
            await agent.info("ada")
        shown.append(json.dumps(server.requests))
    assert isinstance(events[-1], StreamComplete)
    results = [event for event in events if isinstance(event, StreamToolResult)]
    expected = "work is done" if what == "work" else "error: ValueError: it failed"
    assert {each.result.content for each in results} == {expected}
    assert len(results) == len(NAMES)
    shown += [caplog.text, *(str(each) for each in events), msgspec.json.encode(events).decode()]
    shown += [path.read_bytes().decode(errors="replace") for path in tmp_path.iterdir()]
    assert [text for text in shown if SECRET in text] == []


@pytest.mark.parametrize(
    "config",
    [
        {"tools": account.async_method},
        {"tools": {"desk": account}},
        {"tools": [account, account.async_method, 5]},
        {"tools": TOOLS, "modle": "echo"},
        {"tools": TOOLS, "name": TOOLS},
        {"tools": TOOLS, "model_options": {"tools": TOOLS}},
    ],
)
@pytest.mark.usefixtures("stage")
async def test_a_refused_configuration_shows_no_secret_of_its_tools(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidAgentConfig) as caught:
        await agent_supervisor.start_agent({"model": "echo", **config})
    assert SECRET not in str(caught.value)
