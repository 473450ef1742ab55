"""New settings in a running system: turns continue, and later starts use the new settings."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors import get_state
from agents import StreamComplete, StreamToken, agent, application
from agents.agent_registry import find_agent
from agents.configuration.changes import Reload
from agents.configuration.faults import InvalidConfiguration
from agents.core.faults import Fault, Where
from agents.daemon.reload import reload
from agents.instance.waking import Origin
from agents.llm.provider import LLM_SUPERVISOR
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Settings
from supervisors import agent_supervisor, which_children
from supervisors.agent_supervisor import AGENT_SUPERVISOR

Given = dict[str, Any]


class Running:
    """A system with the base settings, and its reloads."""

    def __init__(self, base: Given) -> None:
        self._base = base
        self.settings = self.of()

    def of(self, **given: Any) -> Settings:
        return Settings.model_validate({**self._base, **given})

    async def reload(self, **given: Any) -> Reload:
        done = await reload(self.settings, lambda: self.of(**given))
        self.settings = done.settings
        return done


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin()))
        base = {
            "base_url": server.base_url,
            "api_key": SecretStr("rehearsal"),
            "tools": {"workers": 1},
            "model": "echo",
        }
        running = Running(base)
        await stack.enter_async_context(application.running(running.settings))
        yield running


async def test_a_turn_continues_and_new_agents_use_the_new_settings(running: Running) -> None:
    old = await agent_supervisor.start_agent({})
    async with aclosing(agent.stream(old, "one two three")) as stream:
        seen = [await anext(stream)]
        done = await running.reload(
            streaming={"timeout": 77, "buffer_size": 1}, prices={"echo": {"input": 1, "output": 1}}
        )
        seen += [event async for event in stream]
    assert isinstance(seen[-1], StreamComplete)
    assert "".join(event.token for event in seen if isinstance(event, StreamToken)) == "one two three"
    assert [str(change) for change in done.applied] == [
        "prices: applies to agents that start from now on",
        "streaming.buffer_size: applies to agents that start from now on",
        "streaming.timeout: applies to agents that start from now on",
    ]
    new = await agent_supervisor.start_agent({})
    assert [(await get_state(pid)).config.deadlines.idle_s for pid in (old, new)] == [30.0, 0.077]
    assert (await get_state(new)).config.policy.models[0].price is not None


async def test_a_provider_in_use_takes_the_new_breaker(running: Running) -> None:
    pid = await agent_supervisor.start_agent({})
    await agent.chat(pid, "hello")
    await running.reload(providers={"max_failures": 9, "open_time": 1000})
    (provider,) = await which_children(LLM_SUPERVISOR)
    policy = (await get_state(provider.pid)).policy  # type: ignore[arg-type]  # it runs
    assert (policy.breaker.max_failures, policy.breaker.open_s) == (9, 1.0)
    assert (await agent.chat(pid, "again")).answer == "again"


async def test_supervisors_take_the_new_flags(running: Running) -> None:
    supervision = {name: {"intensity": 42, "period": 7} for name in ("understudy", AGENT_SUPERVISOR, LLM_SUPERVISOR)}
    done = await running.reload(supervision=supervision)
    assert len(done.applied) == 6
    for name in supervision:
        flags = (await get_state(name)).flags
        assert (flags.intensity, flags.period_s) == (42, 7.0)


async def test_an_agent_that_was_added_is_started(running: Running) -> None:
    added = {"id": "new", "name": "Ada", "model": "echo"}
    done = await running.reload(agents=[added])
    assert [str(change) for change in done.applied] == ["agents.new: is started"]
    pid = find_agent("new")
    assert pid is not None
    assert (await agent.chat(pid, "hello")).answer == "hello"
    assert (await running.reload(agents=[added])).applied == ()


async def test_an_agent_that_can_not_be_started_is_rejected_and_tried_again(running: Running) -> None:
    pid = await agent_supervisor.start_agent({"id": "taken"})
    done = await running.reload(agents=[{"id": "taken"}, {"id": "free"}])
    assert [str(change) for change in done.rejected] == ["agents.taken: an agent with this id runs"]
    assert [str(change) for change in done.applied] == ["agents.free: is started"]
    await agent_supervisor.stop_agent(pid)
    done = await running.reload(agents=[{"id": "taken"}, {"id": "free"}])
    assert [str(change) for change in done.applied] == ["agents.taken: is started"]


async def test_a_file_without_a_running_agents_provider_is_rejected_as_a_whole(running: Running) -> None:
    local = {"named": {"local": {"base_url": running.settings.base_url, "model": "echo"}}}
    await running.reload(providers=local)
    await agent_supervisor.start_agent({"id": "a", "provider": "local"})
    before = running.settings
    done = await running.reload(streaming={"timeout": 1})
    assert [str(change) for change in done.rejected] == [
        (
            "agents.a: runs, and could not be started any more: provider: expected one of the settings' providers"
            " (none is named), got 'local'"
        )
    ]
    assert (done.applied, running.settings) == ((), before)
    pid = await agent_supervisor.start_agent({"id": "b", "provider": "local"})
    assert (await get_state(pid)).config.deadlines.idle_s == 30.0


@pytest.mark.parametrize("origin", Origin)
async def test_agents_are_looked_at_whoever_started_them(running: Running, origin: Origin) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "echo"}, origin)
    done = await running.reload(model="other")
    assert ([change.path for change in done.applied], done.rejected) == ([("model",)], ())


async def test_an_agent_whose_session_can_not_be_written_is_rejected(tmp_path: Path) -> None:
    store = tmp_path / "sessions.db"
    running = Running({"model": "echo", "sessions": {"url": f"sqlite:///{store}", "durability": "batched"}})
    async with application.running(running.settings):
        store.rename(tmp_path / "moved.db")
        done = await running.reload(agents=[{"id": "writer"}])
        assert [change.path for change in done.rejected] == [("agents", "writer")]
        (tmp_path / "moved.db").rename(store)
        assert (await running.reload(agents=[{"id": "writer"}])).rejected == ()


async def test_a_file_with_faults_changes_nothing(running: Running) -> None:
    def read() -> Settings:
        raise InvalidConfiguration([Fault(("model",), "text", "1", where=Where("sys.config", 1, 2))])

    done = await reload(running.settings, read)
    assert [str(change) for change in done.rejected] == ["model: expected text, got 1 (sys.config:1:2)"]
    assert done.settings is running.settings


async def test_the_log_takes_its_new_level(running: Running) -> None:
    await running.reload(logging={"level": "debug", "format": "json"})
    assert logging.getLogger("understudy").level == logging.DEBUG
