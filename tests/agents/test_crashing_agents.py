"""An agent that crashes too often is not restarted; other agents are not affected."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors import KILL, CallFailed, Mailbox, ended, whereis
from actors import exit as send_exit
from agents import agent, application
from agents.agent_registry import find_agent
from agents.core.conversation import UserMessage
from agents.core.events import StreamComplete, StreamError, StreamToken
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Durability, RestartLimits, SessionSettings, Settings, SupervisionSettings
from supervisors import agent_supervisor
from supervisors.agent_supervisor import AGENT_SUPERVISOR, which_agents
from tests.agents.stage import Stage

WORDS = " ".join(map(str, range(400)))
LIMIT = SupervisionSettings().agent_supervisor.intensity


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
            supervision=SupervisionSettings(agent_supervisor=RestartLimits(intensity=1, period=3600)),
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
            woken = await wake("ada")
            assert woken is not None
            assert UserMessage("remember me") in await agent.conversation(woken)
