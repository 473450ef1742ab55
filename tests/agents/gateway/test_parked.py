"""Parked turns over HTTP: listed and read without a start of their agents, and decided by other people."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors import ended
from agents import agent
from agents.agent_registry import find_agent
from agents.sessions import open_journal
from agents.settings import ClientLimits, TokenSettings
from supervisors import agent_supervisor
from tests.agents.gateway.site import Site, Sse, events
from tests.agents.gateway.users import ANN, APPROVE_ALL, BOB, READ, House, house, token

SCRIPT = """
[models.payer]
[[models.payer.turns]]
[[models.payer.turns.steps]]
tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 3 } }]
[[models.payer.turns.steps]]
text = "{result:0}"

[models.debtor]
[[models.debtor.turns]]
steps = [{ tool_calls = [{ name = "pays", arguments = { cents = 5 } }] }, { text = "{result:0}" }]
"""
TOOLS = ["tests.agents.daemon.guarded_tools:pays"]
EVE = token("eve", "eve", READ, APPROVE_ALL)


@pytest.fixture
async def of(tmp_path: Path) -> AsyncIterator[House]:
    async with house([ANN, BOB, EVE], tmp_path / "sessions.db", script=SCRIPT, park_after=1) as running:
        yield running


async def parked(*ids: str, message: str, model: str = "payer", tools: Sequence[str] = TOOLS) -> None:
    """Park a turn of each of ann's agents with these ids. Its stream has the agent's id, too."""
    for id_ in ids:
        config = {"id": id_, "model": model, "tools": [*tools], "owner": "ann"}
        pid = await agent_supervisor.start_agent(config)
        agent.stream_chat(pid, message, pid, stream_id=f"s-{id_}")
        await ended(pid)
    journal = await open_journal()
    assert journal is not None
    assert await journal.store.parked(ids) == {*ids}


async def waiting(client: Site, query: str = "") -> Any:
    return (await client.json("GET", f"/approvals{query}"))[1]


async def read_until(found: AsyncIterator[Sse], name: str) -> list[Sse]:
    seen = []
    async for event in found:
        seen.append(event)
        if event.name == name:
            break
    return seen


async def test_the_list_has_parked_calls_page_by_page_and_starts_no_agent(of: House, tmp_path: Path) -> None:
    async with of.client(ANN) as ann, of.client(BOB) as bob:
        await parked("a1", "a2", "a3", message=str(tmp_path / "paid"))
        found = await waiting(ann)
        assert [(each["agent_id"], each["stream_id"], each["parked"]) for each in found["approvals"]] == [
            (id_, f"s-{id_}", True) for id_ in ("a1", "a2", "a3")
        ]
        assert {(each["kind"], each["owner"], each["on_timeout"]) for each in found["approvals"]} == {
            ("approval", "ann", "deny")
        }
        page, seen = await waiting(ann, "?limit=1"), []
        while page["approvals"]:
            seen += [each["agent_id"] for each in page["approvals"]]
            page = await waiting(ann, f"?limit=1&after={page['next']}") if page["next"] else {"approvals": []}
        assert seen == ["a1", "a2", "a3"]
        assert await waiting(bob) == await waiting(ann, "?owner=bob") == {"approvals": []}
        assert (await ann.json("GET", "/approvals?after=x"))[0] == 422
        assert [find_agent(id_) for id_ in ("a1", "a2", "a3")] == [None] * 3


async def test_a_reviewer_sees_the_waiting_call_and_no_more_and_decides(of: House, tmp_path: Path) -> None:
    paid = tmp_path / "paid"
    async with of.client(ANN) as ann, of.client(EVE) as eve, of.client(BOB) as bob:
        await parked("a1", message=str(paid))
        (call,) = (await waiting(eve, "?owner=ann"))["approvals"]
        assert call["tool_call"]["function"]["arguments"] == f'{{"path":"{paid}","euros":3}}'
        for path in ("/streams/s-a1", "/streams/s-a1/events", "/sessions/a1", "/agents/a1"):
            assert (await eve.json("GET", path))[0] == 404
        body = {"call_id": call["tool_call"]["id"]}
        assert (await bob.json("POST", "/streams/s-a1/approve", body))[0] == 404
        edited = {**body, "edited": f'{{"path":"{paid}","euros":4}}'}
        assert (await eve.json("POST", "/streams/s-a1/approve", {**edited, "arguments": "{}"}))[0] == 409
        assert (await eve.json("POST", "/streams/s-a1/approve", edited))[1]["decision"] == "approved"
        found = await ann.events("s-a1")
        (decided,) = [event.data for event in found if event.name == "approval_decided"]
        assert (decided["by"], decided["edited"], decided["decision"]) == ("eve", True, "approved")
        assert decided["tool_call"]["function"]["arguments"] == edited["edited"]
        assert decided["at"] > call["asked_at"]
        assert paid.read_text() == "paid 4\n"


async def test_a_client_keeps_its_stream_over_the_parking_and_another_one_reads_it_meanwhile(
    of: House, tmp_path: Path
) -> None:
    async with of.client(ANN) as ann:
        config = {"id": "a1", "model": "payer", "tools": TOOLS, "owner": "ann"}
        pid = await agent_supervisor.start_agent(config)
        body = {"message": str(tmp_path / "paid"), "stream_id": "s-a1"}
        async with ann.http.post(f"{ann.url}/agents/a1/stream", json=body) as first:
            found = events(first)
            seen = await read_until(found, "approval_required")
            await ended(pid)
            async with ann.http.get(f"{ann.url}/streams/s-a1/events?after=2") as second:
                other = events(second)
                assert await read_until(other, "approval_required") == seen[2:]
                assert find_agent("a1") is None
                assert (await ann.json("GET", "/streams/s-a1"))[1]["status"] == "open"
                call_id = seen[-1].data["tool_call"]["id"]
                await ann.json("POST", "/streams/s-a1/approve", {"call_id": call_id})
                rest = [event async for event in found]
                assert rest == [event async for event in other]
        assert rest[-1].name == "complete"
        ids = [event.id for event in (*seen, *rest)]
        assert ids == list(range(1, len(ids) + 1))


async def test_a_parked_turn_can_be_cancelled_and_its_session_deleted(of: House, tmp_path: Path) -> None:
    async with of.client(ANN) as ann:
        await parked("a1", "a2", message=str(tmp_path / "paid"))
        assert await ann.json("POST", "/streams/s-a1/cancel") == (200, {"cancelled": True})
        assert [event.name for event in await ann.events("s-a1")][-1] == "error"
        assert (await ann.json("DELETE", "/sessions/a2"))[0] == 200
        assert await waiting(ann) == {"approvals": []}


async def quota_used_up(of: House, *users: str) -> None:
    """Let each user run one agent, and no more."""
    gateway = of.site.settings.gateway.model_copy(update={"clients": ClientLimits(max_agents=1)})
    of.app.take(of.site.settings.model_copy(update={"gateway": gateway}))
    for user in users:
        await agent_supervisor.start_agent({"id": f"of-{user}", "model": "echo", "owner": user})


@pytest.mark.parametrize("decider", [ANN, EVE], ids=["its owner", "a reviewer"])
async def test_a_decision_continues_a_parked_turn_of_users_whose_quotas_are_used_up(
    of: House, tmp_path: Path, decider: TokenSettings
) -> None:
    async with of.client(ANN) as ann, of.client(decider) as deciding:
        await parked("a1", "a2", message=str(tmp_path / "paid"))
        await quota_used_up(of, "ann", "eve")
        assert (await ann.json("POST", "/agents/a1/chat", {"message": "go on"}))[0] == 429
        one, two = [each["tool_call"]["id"] for each in (await waiting(deciding))["approvals"]]
        assert (await deciding.json("POST", "/streams/s-a1/approve", {"call_id": one}))[0] == 200
        assert (await deciding.json("POST", "/streams/s-a2/deny", {"call_id": two}))[0] == 200
        assert [(await ann.events(id_))[-1].name for id_ in ("s-a1", "s-a2")] == ["complete"] * 2


async def test_a_parked_turn_is_cancelled_and_settled_by_a_user_whose_quota_is_used_up(
    of: House, tmp_path: Path
) -> None:
    async with of.client(ANN) as ann:
        await parked("a1", message=str(tmp_path / "paid"))
        await parked("a2", message="go", model="debtor", tools=["tests.agents.gateway.test_effects:pays"])
        await quota_used_up(of, "ann")
        assert await ann.json("POST", "/streams/s-a1/cancel") == (200, {"cancelled": True})
        (effect,) = (await ann.json("GET", "/effects?state=unknown"))[1]["effects"]
        settled = await ann.json("POST", f"/effects/{effect['key']}/settle", {"happened": True, "result": "R7"})
        assert (settled[0], settled[1]["continued"]) == (200, True)
        assert (await ann.events("s-a2"))[-1].name == "complete"
