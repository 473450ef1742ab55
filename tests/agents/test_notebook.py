"""An application of a notebook: it starts in a cell, serves the next ones, and ends in another. A cell is a task."""

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors import KILL, AsyncioSystemBase, NoSystem, alive, ended, whereis
from actors import exit as kill
from actors.system.current import current_system, open_systems
from agents import agent, application
from agents.agent_registry import find_agent
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import SessionSettings, Settings, ToolSettings
from supervisors.agent_supervisor import start_agent
from tests.agents.test_blocks import children

PAGE = Path(__file__).parents[2] / "docs" / "hosts.md"
CELLS = re.findall(r"^```ipython\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
async def settings() -> AsyncIterator[Settings]:
    async with RehearsalServer(builtin()) as server:
        yield Settings(base_url=server.base_url, api_key=SecretStr("rehearsal"), tools=ToolSettings(workers=1))


async def cell(code: Any) -> Any:
    return await asyncio.create_task(code)


async def test_start_in_one_cell_serves_the_next_and_stop_in_another_ends_all(settings: Settings) -> None:
    app = await cell(application.start(settings))
    pid = await cell(start_agent({"id": "ada", "model": "echo"}))
    assert (await cell(agent.chat(pid, "Hello"))).content == "Hello"
    assert whereis(application.NAME) == app
    await cell(application.stop())
    assert not alive(pid)
    assert open_systems == []
    assert children() == []
    with pytest.raises(NoSystem):
        current_system()


async def test_the_result_of_start_shows_what_runs_and_how_to_end_it(settings: Settings) -> None:
    app = await cell(application.start(settings))
    assert repr(app) == f"understudy Pid({app.number}): running; agents: none; `await application.stop()` ends it"
    for number in range(12):
        await cell(start_agent({"id": f"agent-{number:02}", "model": "echo"}))
    assert "agents: agent-00, agent-01, " in repr(app)
    assert "agent-09, ...;" in repr(app)
    assert await asyncio.to_thread(repr, app) == repr(app)
    await cell(application.stop())
    assert repr(app) == f"understudy Pid({app.number}): ended"


async def test_a_cell_that_starts_twice_is_refused_in_words_and_the_first_application_kept(settings: Settings) -> None:
    app = await cell(application.start(settings))
    with pytest.raises(application.AlreadyRunning, match=r"use it, or end it with `await application\.stop\(\)`"):
        await cell(application.start(settings))
    assert find_agent("ada") is None
    await cell(start_agent({"id": "ada", "model": "echo"}))
    assert "agents: ada;" in repr(app)
    await cell(application.stop())


async def test_a_cell_that_stops_twice_does_nothing_the_second_time(settings: Settings) -> None:
    await application.stop()
    await cell(application.start(settings))
    await cell(application.stop())
    await cell(application.stop())
    again = await cell(application.start(settings))
    assert alive(again)
    await cell(application.stop())


async def test_a_start_that_fails_leaves_nothing(tmp_path: Any) -> None:
    kept = SessionSettings(url=f"sqlite:///{tmp_path}/none/such/s.db", durability="sync")  # type: ignore[arg-type]
    (tmp_path / "none").write_text("a file")
    with pytest.raises(Exception, match="journal did not start"):
        await cell(application.start(Settings(sessions=kept)))
    assert open_systems == []


async def test_in_a_system_of_the_host_stop_ends_the_application_and_keeps_the_system(settings: Settings) -> None:
    async with AsyncioSystemBase() as system:
        app = await application.start(settings)
        await application.stop()
        assert not alive(app)
        assert current_system() is system
        await application.start(settings)


async def test_stop_ends_the_application_of_start_beside_a_block_that_another_cell_entered(settings: Settings) -> None:
    app = await cell(application.start(settings))
    block = application.running(settings)
    system = await cell(block.__aenter__())
    await cell(application.stop())
    assert not alive(app)
    assert open_systems == [system]
    await cell(block.__aexit__(None, None, None))
    assert open_systems == []


async def test_of_several_systems_on_the_loop_start_takes_none_by_chance(settings: Settings) -> None:
    first, second = AsyncioSystemBase(), AsyncioSystemBase()
    for system in (first, second):
        await cell(system.__aenter__())
    with pytest.raises(NoSystem, match="got 2"):
        await application.start(settings)
    for system in (second, first):
        await cell(system.__aexit__(None, None, None))


async def test_an_application_whose_root_was_killed_can_be_stopped_and_started_again(settings: Settings) -> None:
    app = await application.start(settings)
    kill(app, KILL)
    await ended(app)
    await application.stop()
    assert open_systems == []
    await application.start(settings)
    await application.stop()


def test_an_application_that_no_cell_stops_ends_with_its_loop() -> None:
    async def main() -> application.Application:
        return await application.start(Settings(tools=ToolSettings(workers=1)))

    app = asyncio.run(main())
    assert not alive(app)
    assert open_systems == []
    assert children() == []


def test_blocking_code_stops_the_application_of_its_base() -> None:
    with AsyncioSystemBase() as base:
        app = base.run(application.start(Settings(tools=ToolSettings(workers=1))))
        assert repr(app).startswith(f"understudy Pid({app.number}): running")
        base.run(application.stop())
        assert not alive(app)


async def test_the_cells_of_the_page_run_one_after_the_other() -> None:
    names: dict[str, Any] = {}
    for source in CELLS:
        *lines, last = ast.parse(source).body
        if lines:
            await run(ast.Module(lines, []), "exec", names)
        shown = await run(ast.Expression(last.value), "eval", names) if isinstance(last, ast.Expr) else None
        if shown is not None:
            names["Out"] = [*names.get("Out", []), shown]
    app, answer = names["Out"]
    assert repr(app) == f"understudy Pid({app.number}): ended"
    assert answer == "Hello"
    await names["server"].__aexit__(None, None, None)


async def run(tree: Any, mode: str, names: dict[str, Any]) -> Any:
    """Run code with an await at its top as IPython does: in a task of its own."""
    code = compile(tree, "a cell", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    return await cell(result) if asyncio.iscoroutine(result) else result
