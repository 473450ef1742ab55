"""A stage: the application of one test, on either clock."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors import Mailbox, NoSystem, whereis
from actors.system.current import current_system, open_systems
from agents import StreamComplete, agent, application, progress, tool
from agents.agent_config import InvalidAgentConfig
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store
from agents.settings import Durability, NamedProvider, ProviderSettings, SessionSettings, Settings, ToolSettings
from agents.testing import Stage, real_stage, record, recordings, simulated_stage, snapshot
from supervisors.agent_supervisor import start_agent

SCRIPT = """
[models.slow]
token_delay_s = 20.0
[[models.slow.turns]]
match = "slowly"
steps = [{ text = "a minute later" }]
[[models.slow.turns]]
steps = [{ text = "{user}" , token_delay_s = 0.01 }]

[models.typist]
[[models.typist.turns]]
[[models.typist.turns.steps]]
tool_calls = [
    { name = "file_ops", arguments = { operation = "write", path = "a.txt", content = "six" } },
    { name = "calculator", arguments = { expression = "6 * 7" } },
    { name = "greets", arguments = { name = "Ada" } },
]
[[models.typist.turns.steps]]
text = "{result:0} {result:1} {result:2}"

[models.caller]
[[models.caller.turns]]
[[models.caller.turns.steps]]
tool_calls = [{ name = "count", arguments = { to = 3 } }]
[[models.caller.turns.steps]]
text = "{result:0}"
"""


@tool
def count(to: int) -> int:
    """Count, and report each number."""
    for number in range(to):
        progress(number)
    return to


GREETING = """
from agents import tool

@tool
def greets(name: str) -> str:
    '''Greet a person.'''
    return f"Hello, {name}"
"""


@pytest.fixture
def rehearsal_script() -> str:
    return SCRIPT


async def test_the_delays_of_a_script_pass_at_once_in_virtual_time(simulated_understudy: Stage) -> None:
    began_s = asyncio.get_running_loop().time()
    assert (await agent.chat(await start_agent({}), "slowly")).content == "a minute later"
    assert asyncio.get_running_loop().time() - began_s == 40.0


async def test_a_message_that_waits_is_answered_before_a_real_stage_has_settled(understudy: Stage) -> None:
    pid = await start_agent({})
    async with Mailbox() as box:
        for text in ("one two", "three four", "five six"):
            agent.stream_chat(pid, text, box.pid)
        await understudy.settled()
        assert [stream.status for stream in (await agent.info(pid)).streams] == ["complete"] * 3
    assert [request["messages"][-1]["content"] for request in understudy.requests] == [
        "one two",
        "three four",
        "five six",
    ]


async def test_a_simulated_stage_settles_after_every_turn(simulated_understudy: Stage) -> None:
    pids = [await start_agent({}) for _ in range(3)]
    async with Mailbox() as box:
        for pid in pids:
            agent.stream_chat(pid, "slowly", box.pid)
        await simulated_understudy.settled()
    for pid in pids:
        assert [stream.status for stream in (await agent.info(pid)).streams] == ["complete"]


async def test_the_recordings_of_an_agent_are_those_of_its_streams(simulated_understudy: Stage) -> None:
    pid = await start_agent({"model": "caller", "tools": [count]})
    first, second = await record(pid, "one"), await record(pid, "two")
    assert [snapshot(each) for each in await recordings(pid)] == [snapshot(first), snapshot(second)]


async def test_a_recording_waits_for_a_stream_that_runs(simulated_understudy: Stage) -> None:
    pid = await start_agent({})
    async with Mailbox() as box:
        agent.stream_chat(pid, "slowly", box.pid)
        await box.receive()
        (events,) = await recordings(pid)
    assert isinstance(events[-1], StreamComplete)


@pytest.mark.parametrize("simulation_seed", range(10))
async def test_a_def_tool_reports_its_progress_in_every_order(simulated_understudy: Stage) -> None:
    events = await record(await start_agent({"model": "caller", "tools": [count]}), "Count.")
    reports = [event for event in snapshot(events) if event["type"] == "stream_tool_progress"]
    assert [report["data"] for report in reports] == [0, 1, 2]


def test_tools_by_name_run_in_virtual_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greeting_tools.py").write_text(GREETING)
    monkeypatch.syspath_prepend(tmp_path)
    settings = Settings(model="typist", tools=ToolSettings(file_ops_root=tmp_path))
    with simulated_stage(parse(SCRIPT), settings) as stage:
        config = {"tools": ["file_ops", "calculator", "greeting_tools:greets"]}
        assert stage.run(answer(config)) == '{"path":"a.txt","size_bytes":3} 42 Hello, Ada'
        with pytest.raises(InvalidAgentConfig, match="no_such_module"):
            stage.run(answer({"tools": ["no_such_module:greets"]}))


def test_every_provider_of_the_settings_and_of_an_agent_leads_to_the_rehearsal(
    rehearsal_server: RehearsalServer,
) -> None:
    elsewhere = "http://127.0.0.1:9/v1"
    providers = ProviderSettings(named={"main": NamedProvider(base_url=elsewhere)}, order=("main",))
    with real_stage(rehearsal_server, Settings(providers=providers, tools=ToolSettings(workers=1))) as stage:
        assert stage.run(answer({})) == "Hello"
        assert stage.run(answer({"base_url": elsewhere, "api_key": "a real one"})) == "Hello"


async def test_an_application_of_the_program_itself_finds_the_rehearsal_by_the_environment(
    rehearsal_server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", rehearsal_server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    async with application.running(Settings(tools=ToolSettings(workers=1))):
        assert await answer({"model": "slow"}) == "Hello"
    assert [request["model"] for request in rehearsal_server.requests] == ["slow"]


async def answer(config: dict[str, Any]) -> str:
    return (await agent.chat(await start_agent(config), "Hello")).content


def test_kept_sessions_are_on_disk_when_a_stage_has_settled(rehearsal_server: RehearsalServer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    sessions = SessionSettings(url=url, durability=Durability.BATCHED, batch_time=60_000)

    async def kept(stage: Stage) -> int:
        await record(await start_agent({"id": "ada"}), "Hello")
        await stage.settled()
        store = await Store.open(url)
        try:
            return (await store.streams("ada"))[0].last_seq
        finally:
            await store.close()

    with real_stage(rehearsal_server, Settings(sessions=sessions, tools=ToolSettings(workers=1))) as stage:
        assert stage.run(kept(stage)) == 3


def test_after_a_test_nothing_of_its_stage_is_left() -> None:
    assert open_systems == []


async def test_a_stage_is_an_application_as_any_other(understudy: Stage) -> None:
    assert whereis(application.NAME) is not None
    with pytest.raises(application.AlreadyRunning):
        await application.start()
    assert current_system() in open_systems


def test_outside_its_coroutines_a_stage_is_no_current_system(understudy: Stage) -> None:
    with pytest.raises(NoSystem):
        current_system()
    assert understudy.run(answer({})) == "Hello"
