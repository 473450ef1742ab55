"""An agent as another agent's tool: its answer is the result, and its events come in the caller's stream."""

import itertools
from typing import Any

import pytest

from actors import ended
from actors.observer import processes
from agents import (
    Decided,
    Event,
    InvalidAgentConfig,
    InvalidTool,
    LimitReached,
    Pid,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamSubAgent,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    agent,
    application,
    find_agent,
    tool,
)
from agents.core.backlog import pieces_in
from agents.settings import Settings, SubAgentSettings
from tests.agents.stage import Stage

SCRIPT = """
[models.boss]
[[models.boss.turns]]
steps = [
    { tool_calls = [{ name = "below", arguments = { message = "{user}" } }] },
    { text = "So: {result:0}" },
]

[models.twice]
[[models.twice.turns]]
[[models.twice.turns.steps]]
tool_calls = [
    { name = "below", arguments = { message = "one" } },
    { name = "below", arguments = { message = "two" } },
]
[[models.twice.turns.steps]]
text = "{result:0} {result:1}"

[models.speaks]
[[models.speaks.turns]]
steps = [{ text = "{user} come from the moon." }]

[models.counted]
[[models.counted.turns]]
steps = [{ text = "{user}.", usage = { input_tokens = 90, output_tokens = 10 } }]

[models.buys]
[[models.buys.turns]]
steps = [{ tool_calls = [{ name = "pays", arguments = { euros = 5 } }] }, { text = "Bought: {result:0}" }]

[models.silent]
first_token_delay_s = 1000
[[models.silent.turns]]
steps = [{ text = "never" }]
"""

paid: list[int] = []


@tool(isolation="task", requires_approval=True)
async def pays(euros: int) -> str:
    """Pay."""
    paid.append(euros)
    return f"paid {euros}"


def below(model: str, **more: Any) -> Any:
    return agent.as_tool({"model": model, **more}, name="below", description="Do a part of the work.")


async def events_of(pid: Pid, message: str = "tides") -> list[Any]:
    return [event async for event in agent.stream(pid, message)]


def sub_agents(events: list[Event]) -> list[StreamSubAgent]:
    return [event for event in events if isinstance(event, StreamSubAgent)]


def results(events: list[Event]) -> list[Any]:
    return [event.result for event in events if isinstance(event, StreamToolResult)]


def sub_agent_of(event: StreamSubAgent) -> Pid:
    pid = find_agent(event.event.stream_id)
    assert pid is not None
    return pid


async def test_the_answer_of_a_sub_agent_is_the_result_of_its_call(stage: Stage, api: str) -> None:
    pid = await stage.agent("boss", api_preference=api, tools=[below("speaks", api_preference=api)])
    response = await agent.chat(pid, "tides")
    assert response.answer == "So: tides come from the moon."


async def test_its_events_come_between_the_start_and_the_result_of_the_call_and_nowhere_else(stage: Stage) -> None:
    events = await events_of(await stage.agent("boss", tools=[below("speaks")]))
    kinds = [type(event) for event in events]
    first, last = kinds.index(StreamSubAgent), len(kinds) - kinds[::-1].index(StreamSubAgent) - 1
    assert set(kinds[first : last + 1]) == {StreamSubAgent}
    assert (kinds[first - 1], kinds[last + 1]) == (StreamToolStart, StreamToolResult)
    (path,) = {event.path for event in sub_agents(events)}
    assert path == (events[first - 1].tool_call.id,)
    inner = [event.event for event in sub_agents(events)]
    assert isinstance(inner[0], StreamStart)
    assert isinstance(inner[-1], StreamComplete)
    assert [event.seq - pieces_in(event) for event in inner] == [0, *(event.seq for event in inner[:-1])]
    assert "".join(event.token for event in inner if isinstance(event, StreamToken)) == "tides come from the moon."
    own = "".join(event.token for event in events if isinstance(event, StreamToken))
    assert own == "So: tides come from the moon." == events[-1].response.content


async def test_the_path_of_a_sub_agent_of_a_sub_agent_has_both_calls(stage: Stage) -> None:
    events = await events_of(await stage.agent("boss", tools=[below("boss", tools=[below("speaks")])]))
    outer, deeper = sorted({event.path for event in sub_agents(events)}, key=len)
    assert (len(outer), len(deeper), deeper[:1]) == (1, 2, outer)
    starts = {event.path: event.event.agent_id for event in sub_agents(events) if isinstance(event.event, StreamStart)}
    assert len(set(starts.values())) == 2
    assert events[-1].response.answer == "So: So: tides come from the moon."


async def test_parallel_sub_agents_have_their_own_paths_and_conversations(stage: Stage) -> None:
    events = await events_of(await stage.agent("twice", tools=[below("speaks")]))
    said: dict[Any, str] = {}
    for event in sub_agents(events):
        if isinstance(event.event, StreamToken):
            said[event.path] = said.get(event.path, "") + event.event.token
    assert sorted(said.values()) == ["one come from the moon.", "two come from the moon."]


async def test_an_approval_below_is_answered_at_the_agent_above(stage: Stage) -> None:
    paid.clear()
    pid = await stage.agent("boss", tools=[below("boss", tools=[below("buys", tools=[pays])])])
    events: list[Any] = []
    async for event in agent.stream(pid, "x"):
        events.append(event)
        if isinstance(event, StreamSubAgent) and isinstance(asked := event.event, StreamApprovalRequired):
            call = asked.tool_call
            assert await agent.approve(pid, call.id, call.arguments, stream_id=asked.stream_id) == Decided(
                call.id, "approved"
            )
    assert events[-1].response.answer == "So: So: Bought: paid 5"
    assert paid == [5]


async def test_a_denial_needs_no_stream_id(stage: Stage) -> None:
    pid = await stage.agent("boss", tools=[below("buys", tools=[pays])])
    async for event in agent.stream(pid, "x"):
        if isinstance(event, StreamSubAgent) and isinstance(asked := event.event, StreamApprovalRequired):
            assert await agent.deny(pid, asked.tool_call.id, "no") == Decided(asked.tool_call.id, "denied")
    assert isinstance(event, StreamComplete)
    assert event.response.answer == "So: Bought: error: denied: no"


async def test_a_cancelled_turn_cancels_the_turns_below_it(stage: Stage) -> None:
    pid = await stage.agent("boss", tools=[below("boss", tools=[below("silent")])])
    found: list[Pid] = []
    async for event in agent.stream(pid, "x"):
        if isinstance(event, StreamSubAgent) and isinstance(event.event, StreamStart):
            found.append(sub_agent_of(event))
            if len(found) == 2:
                assert await agent.cancel(pid)
    assert isinstance(event, StreamError)
    for each in found:
        await ended(each)
    assert [request["model"] for request in stage.server.requests] == ["boss", "boss", "silent"]


async def test_a_call_that_passes_its_deadline_ends_its_sub_agent(stage: Stage) -> None:
    slow = agent.as_tool({"model": "silent"}, name="below", description="Wait.", timeout_s=0.2)
    events = await events_of(await stage.agent("boss", tools=[slow]))
    assert [result.error for result in results(events)] == ["timeout"]
    assert find_agent(sub_agents(events)[0].event.stream_id) is None


async def test_the_deadline_of_a_call_is_the_limit_of_its_agents_turn() -> None:
    assert below("speaks").deadline_s == 600
    assert below("speaks", limits={"time": 1500}).deadline_s == 1.5


async def test_a_sub_agent_that_fails_is_a_result_in_words(stage: Stage) -> None:
    events = await events_of(
        await stage.agent("boss", tools=[below("fault-bad_json", streaming_config={"max_retries": 0})])
    )
    (result,) = results(events)
    assert result.error == "raised"
    assert result.content.startswith("error: the agent below failed: ")
    assert isinstance(events[-1], StreamComplete)


async def test_agents_nest_no_deeper_than_the_setting(stage: Stage) -> None:
    nested = below("speaks")
    for _ in range(3):
        nested = below("boss", tools=[nested])
    response = await agent.chat(await stage.agent("boss", tools=[nested]), "x")
    assert "3 agents call each other already, which is sub_agents.max_depth" in response.answer


async def test_further_sub_agents_of_a_turn_wait_for_a_place(stage: Stage) -> None:
    settings = Settings(base_url=stage.server.base_url, api_key="any", sub_agents=SubAgentSettings(max_parallel=1))
    async with application.running(settings):
        events = await events_of(await stage.agent("twice", tools=[below("speaks")]))
    runs = [path for path, _ in itertools.groupby(event.path for event in sub_agents(events))]
    assert len(runs) == len(set(runs)) == 2


async def test_the_tokens_of_sub_agents_count_for_the_limit_of_the_turn(stage: Stage) -> None:
    limits = {"tokens": 150}
    events = await events_of(await stage.agent("twice", tools=[below("counted")], limits=limits))
    assert isinstance(events[-1], StreamError)
    assert isinstance(reason := events[-1].reason, LimitReached)
    assert reason.limit == "tokens"
    assert reason.spent is not None
    assert reason.spent >= 200


async def test_a_faulty_agent_is_refused_when_its_caller_starts(stage: Stage) -> None:
    with pytest.raises(
        InvalidAgentConfig, match=r"tools\[0\]\.agent\.modle: expected one of .* did you mean 'model'\?$"
    ):
        await stage.agent("boss", tools=[agent.as_tool({"modle": "x"}, name="below", description="Work.")])


async def test_a_fault_of_a_list_of_tools_has_its_place(stage: Stage) -> None:
    with pytest.raises(InvalidAgentConfig, match=r"tools\[1\]: expected a name, a Tool or a function, got dict$"):
        await stage.agent("boss", tools=["calculator", {"name": "x"}])
    with pytest.raises(InvalidAgentConfig, match=r"tools\[0\]: expected an agent of agents \(none\), got 'ada'"):
        await stage.agent("boss", tools=[("agent", "ada")])


def test_an_agent_without_a_name_or_a_description_is_no_tool() -> None:
    with pytest.raises(InvalidTool, match="a name"):
        agent.as_tool({"model": "x"}, description="Work.")
    with pytest.raises(InvalidTool, match="a docstring"):
        agent.as_tool({"model": "x", "name": "below"})
    with pytest.raises(InvalidTool, match="a mapping"):
        agent.as_tool("researcher", name="x", description="y")  # type: ignore[arg-type]


async def test_a_turn_that_ends_leaves_no_process_of_its_sub_agents(stage: Stage) -> None:
    pid = await stage.agent("boss", tools=[below("boss", tools=[below("speaks")])])
    await agent.chat(pid, "x")
    before = set(processes())
    for _ in range(3):
        await agent.chat(pid, "x")
    while further := set(processes()) - before:  # the supervisor of a call ends after its result
        for each in further:
            await ended(each)
