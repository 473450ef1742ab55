"""A session as clients show it: its messages with ids and times, its running turn, and the status of its streams."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agents import tool
from tests.agents.gateway.site import Site, events
from tests.agents.gateway.users import house


@tool(name="pays")
async def pays_at_once(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@tool(name="pays", requires_approval=True, approval_timeout_s=60)
async def pays_when_allowed(euros: int) -> str:
    """Spend money, after somebody has allowed it."""
    return f"paid {euros}"


@pytest.fixture(params=["live", "stored"])
async def own(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        store = tmp_path / "s.db" if request.param == "stored" else None
        yield (await stack.enter_async_context(house([], store))).site


async def at_event(site: Site, name: str, message: str = "go", stream_id: str = "s") -> None:
    """Send a message, and return at the first event of this name. The turn continues."""
    body = {"message": message, "stream_id": stream_id}
    async with site.http.post(f"{site.url}/agents/a/stream", json=body) as response:
        async for event in events(response):
            if event.name == name:
                return
    raise AssertionError(f"expected an event {name}")


async def session(site: Site) -> Any:
    status, found = await site.json("GET", "/sessions/a")
    assert status == 200
    return found


async def test_each_message_has_an_id_and_the_time_at_which_it_was_whole(own: Site) -> None:
    await own.agent("buyer", tools=[pays_at_once])
    before_s = time.time()
    await own.stream("a", "buy", stream_id="one")
    between_s = time.time()
    await own.stream("a", "buy", stream_id="two")
    found = await session(own)
    said = [each for each in found["conversation"] if each["role"] != "system"]
    assert [each["role"] for each in said] == ["user", "assistant", "tool", "assistant"] * 2
    assert len({each["id"] for each in said}) == len(said)
    times = [each["at"] for each in said]
    assert times == sorted(times)
    assert before_s - 1 < times[0] <= times[3] < between_s + 1
    assert (await session(own))["conversation"] == found["conversation"]
    first, second = [await own.events(stream_id) for stream_id in ("one", "two")]
    for events_of, (asked, *_, answered) in ((first, said[:4]), (second, said[4:])):
        assert (asked["at"], answered["at"]) == (events_of[0].data["at"], events_of[-1].data["at"])


async def test_the_running_turn_is_partial_until_it_ends(own: Site) -> None:
    await own.agent("slow")
    assert (await session(own))["partial"] is None
    await at_event(own, "token")
    found = await session(own)
    partial = found["partial"]
    assert (partial["stream_id"], partial["message"], partial["state"]) == ("s", "go", "streaming")
    assert partial["content"]
    assert "One two three.".startswith(partial["content"])
    assert (found["conversation"], [each["status"] for each in found["streams"]]) == ([], ["running"])
    status, shown = await own.json("GET", "/streams/s")
    assert (status, shown["status"], shown["state"]) == (200, "running", "streaming")
    assert (await own.json("POST", "/streams/s/cancel"))[0] == 200
    later = await own.events("s", after=partial["seq"])
    assert later[-1].data["content"].startswith(partial["content"])
    found = await session(own)
    assert found["partial"] is None
    assert [each["role"] for each in found["conversation"]] == ["user", "assistant"]


async def test_a_cancelled_stream_has_this_status_in_every_listing(own: Site) -> None:
    await own.agent("slow")
    await at_event(own, "token")
    await own.json("POST", "/streams/s/cancel")
    assert [each["status"] for each in (await session(own))["streams"]] == ["cancelled"]
    shown = (await own.json("GET", "/streams/s"))[1]
    assert (shown["status"], shown["state"]) == ("cancelled", "error")
    (listed,) = (await own.json("GET", "/agents/a"))[1]["streams"]
    assert (listed["status"], listed["state"]) == ("cancelled", "error")
    assert (await own.json("GET", f"/streams/s/events?after={shown['seq']}")) == (204, None)


async def test_a_call_waits_for_its_approval_and_begins_after_it(own: Site) -> None:
    await own.agent("buyer", tools=[pays_when_allowed])
    await at_event(own, "approval_required")
    (called,) = (await session(own))["partial"]["tool_calls"]
    assert (called["status"], called["approval"], called["started_at"]) == ("pending", True, None)
    assert (await own.json("GET", "/streams/s"))[1]["state"] == "executing"
    call_id = called["tool_call"]["id"]
    assert (await own.json("POST", "/streams/s/approve", {"call_id": call_id}))[0] == 200
    found = await own.events("s")
    names = [event.name for event in found]
    assert names.index("approval_required") < names.index("tool_start") < names.index("tool_result")
    begun = found[names.index("tool_start")].data
    assert (begun["tool_call"]["id"], begun["tool_call"]["function"]["name"]) == (call_id, "pays")
    assert begun["attempt_of_call"] == 1


async def test_a_denied_call_never_begins(own: Site) -> None:
    await own.agent("buyer", tools=[pays_when_allowed])
    await at_event(own, "approval_required")
    (called,) = (await session(own))["partial"]["tool_calls"]
    await own.json("POST", "/streams/s/deny", {"call_id": called["tool_call"]["id"]})
    names = [event.name for event in await own.events("s")]
    assert "tool_result" in names
    assert "tool_start" not in names


async def test_every_event_has_a_time_and_a_replay_has_the_same_times(own: Site) -> None:
    await own.agent("buyer", tools=[pays_at_once])
    before_s = time.time()
    found = await own.stream("a", "buy", stream_id="s")
    times = [event.data["at"] for event in found]
    assert times == sorted(times)
    assert before_s - 1 < times[0] <= times[-1] < time.time() + 1
    assert (await own.events("s"))[-1].data["at"] == times[-1]
    async with own.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "s"})
        assert (await socket.receive_json(timeout=30))["type"] == "answer"
        async with asyncio.timeout(30):
            while (last := await socket.receive_json())["type"] != "complete":
                assert last["at"] in times
    assert last["at"] == times[-1]
    assert "at" not in last["data"]
