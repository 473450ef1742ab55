"""The supervisor of agents, by its documented functions."""

from typing import Any

import pytest

from actors import CallFailed, Crash, GenServer, InvalidArgument, Mailbox, Pid, StartFailed, Stop, get_state, sys
from supervisors import (
    ChildSpec,
    DynamicFlags,
    Flags,
    InvalidChildSpec,
    NotFound,
    RestartType,
    agent_supervisor,
    code_change,
    start_supervisor,
)
from supervisors.agent_supervisor import AGENT_SUPERVISOR, AgentSupervisor
from tests.supervisors.troupe import end


class NoName(ValueError):
    pass


class Agent(GenServer[dict[str, Any]]):
    """A server whose state is its config."""

    def init(self, tools: str, config: dict[str, Any]) -> dict[str, Any] | Stop[None]:
        if not config["name"]:
            return Stop(NoName("expected a name, got ''"), None)
        if config["name"] == "crash":
            raise KeyError(config["name"])
        return config


@pytest.fixture
async def agents(box: Mailbox) -> None:
    template = ChildSpec("agent", Agent, "tools", restart=RestartType.TRANSIENT)
    await start_supervisor(
        Flags(), [ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, name=AGENT_SUPERVISOR)]
    )


@pytest.mark.usefixtures("agents")
async def test_agents_start_and_stop_by_the_documented_functions() -> None:
    pid = await agent_supervisor.start_agent({"name": "Researcher"})
    assert await agent_supervisor.which_agents() == [pid]
    await agent_supervisor.stop_agent(pid)
    assert not pid.alive
    assert await agent_supervisor.which_agents() == []


@pytest.mark.usefixtures("agents")
async def test_a_config_that_the_agent_refuses_is_refused_with_its_own_error() -> None:
    with pytest.raises(NoName, match="expected a name, got ''"):
        await agent_supervisor.start_agent({"name": ""})
    assert await agent_supervisor.which_agents() == []


@pytest.mark.usefixtures("agents")
async def test_agents_that_start_side_by_side_have_the_outcomes_of_single_starts_in_their_order() -> None:
    configs: list[dict[str, Any]] = [{"name": name, "id": name} for name in ("a", "", "crash", "z")]
    first, refused, crashed, last = await agent_supervisor.start_agents(configs)
    assert isinstance(refused, NoName)
    assert isinstance(crashed, StartFailed)
    assert isinstance(crashed.reason, Crash)
    assert await agent_supervisor.which_configs() == [configs[0], configs[3]]
    assert await agent_supervisor.which_agents() == [first, last]


async def test_a_prepare_that_fails_is_the_outcome_of_its_agent(box: Mailbox) -> None:
    async def prepare(config: dict[str, Any]) -> None:
        if config["name"] == "bad":
            raise NoName("no bad agents")

    template = ChildSpec("agent", Agent, "tools")
    spec = ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, prepare, name=AGENT_SUPERVISOR)
    await start_supervisor(Flags(), [spec])
    outcomes = await agent_supervisor.start_agents([{"name": name} for name in ("good", "bad", "fine")])
    assert [type(each) for each in outcomes] == [Pid, NoName, Pid]


@pytest.mark.usefixtures("agents")
async def test_an_agent_that_crashes_at_its_start_is_a_failed_start() -> None:
    with pytest.raises(StartFailed) as caught:
        await agent_supervisor.start_agent({"name": "crash"})
    assert isinstance(caught.value.reason, Crash)
    assert isinstance(caught.value.reason.exception, KeyError)


@pytest.mark.usefixtures("agents")
async def test_a_crashed_agent_has_an_understudy() -> None:
    pid = await agent_supervisor.start_agent({"name": "Researcher"})
    config = await get_state(pid)
    await end(pid, "boom")
    (understudy,) = await agent_supervisor.which_agents()
    assert understudy != pid
    assert await get_state(understudy) == config


@pytest.mark.usefixtures("agents")
async def test_an_id_is_added_only_to_a_config_that_has_none() -> None:
    pids = [await agent_supervisor.start_agent({"name": "Researcher", **more}) for more in ({}, {}, {"id": "mine"})]
    first, second, third = [(await get_state(pid))["id"] for pid in pids]
    assert first != second
    assert third == "mine"


@pytest.mark.usefixtures("agents")
async def test_values_that_are_neither_a_configuration_nor_an_agent_are_refused() -> None:
    for wrong in (None, 5, [("name", "Ada")]):
        with pytest.raises(InvalidArgument, match="expected the configuration of an agent as a mapping, got "):
            await agent_supervisor.start_agent(wrong)  # type: ignore[arg-type]
        with pytest.raises(
            InvalidArgument, match=r"expected the Pid or the id of an agent, got .*start_agent returns the"
        ):
            await agent_supervisor.stop_agent(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="expected the configuration of an agent as a mapping, got 'gpt-4o'"):
        await agent_supervisor.start_agent("gpt-4o")  # type: ignore[arg-type]


async def test_stop_agent_refuses_other_processes(agents: None, box: Mailbox) -> None:
    with pytest.raises(NotFound):
        await agent_supervisor.stop_agent(box.pid)


async def test_without_an_application_the_error_names_the_functions_that_start_one(box: Mailbox) -> None:
    for call in (
        agent_supervisor.start_agent({"name": "Ada"}),
        agent_supervisor.stop_agent(box.pid),
        agent_supervisor.which_agents(),
    ):
        with pytest.raises(CallFailed, match=r"no application runs here: start one with application\.running\(\)"):
            await call


class Preparation:
    """A Prepare that records the names of agents."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def __call__(self, config: Any) -> None:
        self.names.append(config["name"])


async def test_a_prepare_is_replaced_only_by_a_code_change_that_is_not_refused(box: Mailbox) -> None:
    first, second = Preparation(), Preparation()
    template = ChildSpec("agent", Agent, "tools", restart=RestartType.TRANSIENT)
    child = ChildSpec("agents", AgentSupervisor, DynamicFlags(), template, first, name=AGENT_SUPERVISOR)
    await start_supervisor(Flags(), [child])
    with pytest.raises(InvalidChildSpec):
        await code_change(AGENT_SUPERVISOR, DynamicFlags(), "not a template", second)
    await agent_supervisor.start_agent({"name": "after a refusal"})
    await sys.change_code(AGENT_SUPERVISOR, AgentSupervisor)
    await agent_supervisor.start_agent({"name": "after changed code"})
    assert first.names == ["after a refusal", "after changed code"]
    await code_change(AGENT_SUPERVISOR, DynamicFlags(), template, second)
    await agent_supervisor.start_agent({"name": "after a change"})
    assert (len(first.names), second.names) == (2, ["after a change"])
