"""The session of a sub-agent belongs to that of its caller: it is found, exported and deleted with it."""

import json
from typing import Any

import pytest

from agents import agent, agent_registry, start_agent
from agents.sessions import UnknownSession, history
from tests.agents.keeping import App, journal
from tests.agents.sub_agents.test_as_tool import SCRIPT, below

__all__ = ["SCRIPT"]


async def boss(**more: Any) -> None:
    nested = below("boss", tools=[below("speaks")])
    await agent.chat(await start_agent(id="boss", model="boss", owner="ann", tools=[nested], **more), "tides")


async def test_a_sub_agents_session_has_its_callers_owner_and_call(app: App) -> None:
    async with app():
        await boss()
        store = (await journal()).store
        assert [each.id for each in await store.sessions()] == ["boss"]
        assert await store.count("ann") == 1
        (first,) = await store.sub_agents("boss")
        (second,) = await store.sub_agents(first.id)
        assert [(each.owner, each.parent_id) for each in (first, second)] == [("ann", "boss"), ("ann", first.id)]
        calls = [call for each in await store.conversation("boss") for call in getattr(each, "tool_calls", ())]
        assert [call.id for call in calls] == [first.parent_call]


async def test_a_sub_agents_session_ends_with_its_call_and_continues_by_its_id(app: App) -> None:
    async with app():
        await boss()
        ((first,),) = [await (await journal()).store.sub_agents("boss")]
        assert agent_registry.find_agent(first.id) is None
        assert (await agent.chat(first.id, "waves")).answer == "So: waves come from the moon."


async def test_a_deleted_session_takes_its_sub_agents_with_it(app: App) -> None:
    async with app():
        await boss()
        store = (await journal()).store
        (first,) = await store.sub_agents("boss")
        (second,) = await store.sub_agents(first.id)
        await agent.retire("boss")
        await history.delete(store, "boss")
        assert [await store.session(each) for each in (first.id, second.id)] == [None, None]
        assert await store.events(second.id) == []


async def test_an_export_has_the_sub_agents_after_their_caller(app: App) -> None:
    async with app():
        await boss()
        lines = [json.loads(line) async for line in history.export((await journal()).store, "boss")]
    sessions = [line for line in lines if line["type"] == "session"]
    assert [each["parent_id"] for each in sessions] == [None, "boss", sessions[1]["id"]]


async def test_a_fork_belongs_to_no_caller_and_has_no_sub_agents(app: App) -> None:
    async with app():
        await boss()
        store = (await journal()).store
        (first,) = await store.sub_agents("boss")
        for origin, copy in (("boss", "one"), (first.id, "two")):
            await history.fork(store, origin, copy)
            assert await store.sub_agents(copy) == []
        assert {each.id for each in await store.sessions()} == {"boss", "one", "two"}


async def test_the_sub_agents_of_a_session_that_is_not_kept_are_not_kept(app: App) -> None:
    async with app(durability="off"):
        await boss()
    async with app():
        with pytest.raises(UnknownSession):
            await (await journal()).store.conversation("boss")
        assert await (await journal()).store.sessions() == []


async def test_an_agent_with_sub_agents_comes_back_by_its_kept_configuration(app: App) -> None:
    async with app():
        await boss()
    async with app():
        await start_agent(id="other", model="boss", tools=[below("boss", tools=[below("speaks")])])
        assert (await agent.chat("boss", "waves")).answer == "So: So: waves come from the moon."
