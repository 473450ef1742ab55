from dataclasses import dataclass

import pytest

from actors import Crash, GenServer, Mailbox, StartFailed
from supervisors import ChildSpec, DynamicFlags, Flags, NotFound, RestartType, agent_supervisor, start_supervisor
from supervisors.agent_supervisor import AGENT_SUPERVISOR, AgentSupervisor
from tests.supervisors.troupe import end


@dataclass(frozen=True)
class Config:
    name: str


class NoName(ValueError):
    pass


class Agent(GenServer[Config]):
    def init(self, tools: str, config: Config) -> Config:
        if config.name == "crash":
            raise KeyError(config.name)
        if not config.name:
            raise NoName("expected a name, got ''")
        return config


@pytest.fixture
async def agents(box: Mailbox) -> None:
    template = ChildSpec("agent", Agent, "tools", restart=RestartType.TRANSIENT)
    await start_supervisor(
        Flags(), [ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)]
    )


@pytest.mark.usefixtures("agents")
async def test_agents_start_and_stop_by_the_documented_functions() -> None:
    pid = await agent_supervisor.start_agent(Config("Researcher"))
    assert await agent_supervisor.which_agents() == [pid]
    await agent_supervisor.stop_agent(pid)
    assert not pid.alive
    assert await agent_supervisor.which_agents() == []


@pytest.mark.usefixtures("agents")
async def test_a_config_that_the_agent_refuses_is_refused_with_its_own_error() -> None:
    with pytest.raises(NoName, match="expected a name, got ''"):
        await agent_supervisor.start_agent(Config(""))
    assert await agent_supervisor.which_agents() == []


@pytest.mark.usefixtures("agents")
async def test_an_agent_that_crashes_at_its_start_is_a_failed_start() -> None:
    with pytest.raises(StartFailed) as caught:
        await agent_supervisor.start_agent(Config("crash"))
    assert isinstance(caught.value.reason, Crash)
    assert isinstance(caught.value.reason.exception, KeyError)


@pytest.mark.usefixtures("agents")
async def test_a_crashed_agent_has_an_understudy() -> None:
    pid = await agent_supervisor.start_agent(Config("Researcher"))
    await end(pid, "boom")
    (understudy,) = await agent_supervisor.which_agents()
    assert understudy != pid


async def test_stop_agent_refuses_what_is_no_agent(agents: None, box: Mailbox) -> None:
    with pytest.raises(NotFound):
        await agent_supervisor.stop_agent(box.pid)
