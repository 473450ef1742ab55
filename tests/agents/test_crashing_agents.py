"""An agent that crashes too often is not restarted; other agents are not affected."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors import KILL, CallFailed, Mailbox, ended, whereis
from actors import exit as send_exit
from agents import agent, application
from agents.agent_registry import find_agent
from agents.core.conversation import UserMessage
from agents.core.errors import HandlerCrashed
from agents.core.events import StreamComplete, StreamError, StreamToken
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import AgentRestartLimits, Durability, SessionSettings, Settings, SupervisionSettings
from supervisors import agent_supervisor
from supervisors.agent_supervisor import AGENT_SUPERVISOR, NotRestarted, which_agents
from tests.agents.stage import Stage

WORDS = " ".join(map(str, range(400)))
LIMIT = SupervisionSettings().agent_supervisor.intensity


@asynccontextmanager
async def limited(limits: AgentRestartLimits) -> AsyncIterator[Stage]:
    async with RehearsalServer(builtin()) as server:
        supervision = SupervisionSettings(agent_supervisor=limits)
        settings = Settings(base_url=server.base_url, api_key=SecretStr("any"), supervision=supervision)
        async with application.running(settings):
            yield Stage(server)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Run a stage on which agents restart without pauses."""
    async with limited(AgentRestartLimits(backoff=0)) as stage:
        yield stage


async def crash(id_: str) -> bool:
    """Kill the agent. Return whether it was restarted."""
    pid = find_agent(id_)
    if pid is None:
        return False
    send_exit(pid, KILL)
    await ended(pid)
    return bool(await which_agents()) and find_agent(id_) is not None  # the question waits for the restart


async def test_200_crashes_of_one_agent_leave_a_streaming_one_alone(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    steady = await stage.agent("echo", id="steady")
    await stage.agent("echo", id="bad")
    async with Mailbox() as box:
        agent.stream_chat(steady, WORDS)
        text, crashes = "", 0
        while not isinstance(event := await box.receive(10), StreamComplete):
            assert not isinstance(event, StreamError)
            text += event.token if isinstance(event, StreamToken) else ""
            if crashes < 200 and isinstance(event, StreamToken):
                crashes += 1
                if not await crash("bad"):
                    await stage.agent("echo", id="bad")
    assert crashes == 200
    assert text == WORDS
    assert find_agent("steady") is steady
    given_up = [each.getMessage() for each in caplog.records if "child_given_up" in each.getMessage()]
    assert len(given_up) == 200 // (LIMIT + 1)
    assert all("'bad'" in line for line in given_up)


async def test_50_agents_that_each_crash_a_little_all_go_on(stage: Stage) -> None:
    ids = [f"a{number}" for number in range(50)]
    supervisor = whereis(AGENT_SUPERVISOR)
    for id_ in ids:
        await stage.agent("echo", id=id_)
    for _ in range(LIMIT):
        for id_ in ids:
            assert await crash(id_)
    assert whereis(AGENT_SUPERVISOR) is supervisor
    for id_ in ids[::10]:
        pid = find_agent(id_)
        assert pid is not None
        assert (await agent.chat(pid, "hello")).answer == "hello"


async def test_callers_of_an_agent_that_is_not_restarted_get_an_error_and_its_session_stays(tmp_path: Path) -> None:
    async with RehearsalServer(builtin()) as server:
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("any"),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path}/s.db", durability=Durability.SYNC),
            supervision=SupervisionSettings(agent_supervisor=AgentRestartLimits(intensity=1, period=3600)),
        )
        async with application.running(settings):
            pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
            await agent.chat(pid, "remember me")
            assert await crash("ada")
            second = find_agent("ada")
            assert second is not None
            assert not await crash("ada")
            with pytest.raises(CallFailed):
                await agent.info(second)
            for asks in (wake("ada"), agent.chat("ada", "are you there?")):
                with pytest.raises(
                    NotRestarted, match="agent 'ada' crashed 2 times, the last time by killed, and is held"
                ):
                    await asks
            [held] = await agent_supervisor.which_restarts()
            assert (held.id, held.state, held.crash.reason) == ("ada", "held", "killed")
            await agent_supervisor.reset_agent("ada")
            assert UserMessage("remember me") in await agent.conversation("ada")
            assert await agent_supervisor.which_restarts() == []


async def test_an_agent_that_crashes_again_waits_for_its_backoff_while_others_restart_at_once() -> None:
    async with limited(AgentRestartLimits(backoff=3_600_000, max_backoff=3_600_000)):
        for id_ in ("bad", "other"):
            await agent_supervisor.start_agent({"id": id_, "model": "echo"})
        assert await crash("bad")
        assert not await crash("bad")
        assert await crash("other")
        with pytest.raises(NotRestarted, match=r"restarts in 3\d\d\d\.\d s") as waits:
            await agent.chat("bad", "hello")
        assert waits.value.retry_after_s is not None
        states = {each.id: (each.state, each.crashes) for each in await agent_supervisor.which_restarts()}
        assert states == {"bad": ("restarting", 2), "other": ("running", 1)}
        await agent_supervisor.reset_agent("bad")
        assert (await agent.chat("bad", "hello")).answer == "hello"
        for end in (agent_supervisor.stop_agent, agent_supervisor.reset_agent):
            with pytest.raises(CallFailed):
                await end("nobody")
        assert not (await crash("bad") and await crash("bad"))
        await agent_supervisor.stop_agent("bad")
        assert [each.id for each in await agent_supervisor.which_restarts()] == ["other"]


async def test_a_message_to_a_held_agent_ends_its_stream() -> None:
    async with limited(AgentRestartLimits(intensity=0)) as stage, Mailbox() as box:
        await stage.agent("echo", id="ada")
        assert not await crash("ada")
        stream_id = agent.stream_chat("ada", "hi")
        end = await box.receive(10)
        assert isinstance(end, StreamError)
        assert isinstance(end.reason, HandlerCrashed)
        assert (end.stream_id, end.seq) == (stream_id, 1)
        assert "agent 'ada' crashed once, the last time by killed, and is held" in str(end.reason)


async def test_a_start_replaces_the_restart_for_which_an_agent_waits(stage: Stage) -> None:
    await stage.agent("echo", id="bad")
    for _ in range(LIMIT):
        assert await crash("bad")
    assert not await crash("bad")
    await stage.agent("echo", id="bad")
    assert await agent_supervisor.which_restarts() == []
    assert len(await which_agents()) == 1
