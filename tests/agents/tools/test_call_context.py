"""The context of a call: a tool sees it in each isolation, and the model does not."""

import re
from typing import Any

import pytest

from agents import CallContext, InvalidTool, StreamSubAgent, StreamToolResult, agent, tool
from tests.agents.stage import Stage
from tests.agents.tools import with_context
from tests.agents.tools.with_context import Bank

SCRIPT = """
[models.asks]
[[models.asks.turns]]
[[models.asks.turns.steps]]
tool_calls = [
    { name = "forked", arguments = { what = "a" } },
    { name = "threaded", arguments = { what = "b" } },
    { name = "awaited", arguments = { what = "c" } },
]
[[models.asks.turns.steps]]
tool_calls = [{ name = "awaited", arguments = { what = "d" } }]
[[models.asks.turns.steps]]
text = "Done."

[models.retries]
[[models.retries.turns]]
steps = [{ tool_calls = [{ name = "flaky", arguments = {} }] }, { text = "Done." }]

[models.boss]
[[models.boss.turns]]
steps = [{ tool_calls = [{ name = "below", arguments = { message = "go" } }] }, { text = "Done." }]

[models.worker]
[[models.worker.turns]]
steps = [{ tool_calls = [{ name = "plain", arguments = { what = "e" } }] }, { text = "Done." }]
"""
KEY = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


async def test_a_tool_sees_its_call_in_each_isolation_and_each_call_has_a_key_of_its_own(stage: Stage) -> None:
    with_bank = [each.bind(call=Bank("Oslo")) for each in (with_context.threaded, with_context.awaited)]
    tools = [with_context.forked.bind(call={"branch": "Oslo"}), *with_bank]
    pid = await stage.agent("asks", id="session", name="teller", owner="ada", tools=tools)
    turns = [[each async for each in agent.stream(pid, "?")] for _ in range(2)]
    ended = [each for events in turns for each in events if isinstance(each, StreamToolResult)]
    assert [each.result.error for each in ended] == [None] * 8
    keys = set()
    for event in ended:
        value = event.result.value
        keys.add(value.pop("key"))
        assert value == {
            "what": value["what"],
            "call_id": event.tool_call.id,
            "attempt": 1,
            "tool": event.tool_call.name,
            "session": "session",
            "stream": event.stream_id,
            "owner": "ada",
            "agent": "teller",
            "path": [],
            "has_deadline": True,
            "branch": "Oslo",
        }
    assert len(keys) == 8
    assert all(re.fullmatch(KEY, key) for key in keys)


async def test_the_attempts_of_a_call_share_its_key(stage: Stage) -> None:
    seen: list[tuple[int, str]] = []

    @tool(idempotent=True, retries=2, backoff_s=0.001)
    async def flaky(call: CallContext) -> str:
        """Fail twice."""
        seen.append((call.attempt, call.key))
        if call.attempt < 3:
            raise OSError("not yet")
        return "now"

    await agent.chat(await stage.agent("retries", tools=[flaky]), "?")
    assert [attempt for attempt, _ in seen] == [1, 2, 3]
    assert len({key for _, key in seen}) == 1


async def test_a_call_of_a_sub_agent_has_the_path_to_it(stage: Stage) -> None:
    below = agent.as_tool({"model": "worker", "tools": [with_context.plain]}, name="below", description="Work.")
    pid = await stage.agent("boss", tools=[below])
    events = [each async for each in agent.stream(pid, "?")]
    (inner,) = [
        each for each in events if isinstance(each, StreamSubAgent) and isinstance(each.event, StreamToolResult)
    ]
    assert isinstance(inner.event, StreamToolResult)
    assert inner.event.result.value["path"] == list(inner.path)


def test_the_model_does_not_see_the_context() -> None:
    for made in (with_context.forked, with_context.threaded, with_context.awaited):
        assert set(made.parameters["properties"]) == {"what"}


def test_a_tool_can_be_called_directly_with_a_context() -> None:
    value = with_context.forked(CallContext(key="k", dependencies=Bank("Oslo")), "a")
    assert (value["key"], value["branch"]) == ("k", "Oslo")


@pytest.mark.parametrize(
    ("made", "value", "expected"),
    [
        (with_context.awaited, 5, "awaited.bind: call: expected an object, got a value of type int"),
        (with_context.forked, Bank("Oslo"), None),
        (with_context.plain, Bank("Oslo"), "plain.bind: expected what, got call"),
    ],
)
def test_dependencies_are_checked_when_they_are_bound(made: Any, value: Any, expected: str | None) -> None:
    if expected is None:
        assert made.bind(call=value).dependencies == value
        return
    with pytest.raises(InvalidTool, match=expected):
        made.bind(call=value)


async def test_an_agent_whose_tool_lacks_its_dependencies_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match=r"expected the host to bind call, got nothing; awaited\.bind"):
        await stage.agent("asks", tools=[with_context.awaited])
    await stage.agent("asks", tools=[with_context.plain])


def test_a_second_context_is_refused() -> None:
    async def twice(one: CallContext, two: CallContext[Bank] | None = None) -> None:
        """Do nothing."""

    with pytest.raises(InvalidTool, match="expected one parameter that is a CallContext, got one and two"):
        tool(twice)
