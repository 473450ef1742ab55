"""Approvals that hold for later calls: of a tool or in a session, with any or the same arguments, until revoked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisors import agent_supervisor
from tests.agents.gateway.site import Site, events
from tests.agents.gateway.users import ANN, BOB, READ, House, house, token

SCRIPT = """
[models.twice]
[[models.twice.turns]]
steps = [
    { tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 1 } }] },
    { tool_calls = [{ name = "pays", arguments = { path = "{user}", euros = 2 } }] },
    { text = "done" },
]
"""
TOOLS = ["tests.agents.daemon.guarded_tools:pays"]
EVE = token("eve", "eve", READ, "approve_all")


@pytest.fixture
async def of(tmp_path: Path) -> AsyncIterator[House]:
    async with house([ANN, BOB, EVE], tmp_path / "sessions.db", script=SCRIPT) as running:
        yield running


async def start(*ids: str, owner: str = "ann") -> None:
    for id_ in ids:
        config = {"id": id_, "name": "payer", "model": "twice", "tools": TOOLS, "owner": owner}
        await agent_supervisor.start_agent(config)


async def turn(client: Site, agent_id: str, message: str, **decisions: Any) -> list[Any]:
    """Ask the agent, and return the sums it asked about. decisions: by the sum of the call."""
    asked = []
    async with client.http.post(f"{client.url}/agents/{agent_id}/stream", json={"message": message}) as response:
        stream_id = response.headers["x-stream-id"]
        async for event in events(response):
            if event.name != "approval_required":
                continue
            call = event.data["tool_call"]
            euros = call["function"]["arguments"].rpartition(":")[2].strip("} ")
            asked.append(euros)
            body = {"call_id": call["id"], **decisions.get(f"euros_{euros}", {})}
            assert (await client.json("POST", f"/streams/{stream_id}/approve", body))[0] == 200
    return asked


async def standing(client: Site) -> Any:
    return (await client.json("GET", "/approvals/always"))[1]["approvals"]


async def test_an_approval_holds_for_its_tool_or_its_session_and_its_arguments_until_it_is_revoked(
    of: House, tmp_path: Path
) -> None:
    paid = str(tmp_path / "paid")
    async with of.client(ANN) as ann, of.client(BOB) as bob, of.client(EVE) as eve:
        await start("a", "b")
        await start("c", owner="bob")
        always = {"euros_1": {"always": "tool", "same_arguments": True}, "euros_2": {"always": "session"}}
        assert await turn(ann, "a", paid, **always) == ["1", "2"]
        assert await turn(ann, "a", paid) == []
        assert await turn(ann, "b", paid) == ["2"]  # in another session
        assert await turn(ann, "a", paid + "2") == []  # any arguments in this session
        assert await turn(ann, "b", paid + "2") == ["1", "2"]  # with other arguments
        assert await turn(bob, "c", paid) == ["1", "2"]  # another user's agent of this name
        found = await standing(ann)
        assert {(each["tool"], each["agent"], each["session_id"], each["by"]) for each in found} == {
            ("pays", "payer", None, "ann"),
            ("pays", "payer", "a", "ann"),
        }
        assert [each["arguments"] for each in found if each["session_id"] is None] == [f'{{"path":"{paid}","euros":1}}']
        assert (await standing(bob), await standing(eve)) == ([], found)
        for each in found:
            where = f"/approvals/always/{each['id']}"
            assert (await bob.json("DELETE", where))[0] == 404
            assert await ann.json("DELETE", where) == (200, {"revoked": True})
            assert (await ann.json("DELETE", where))[0] == 404
        assert await turn(ann, "a", paid) == ["1", "2"]


async def test_an_approval_of_edited_arguments_holds_only_for_these(of: House, tmp_path: Path) -> None:
    paid = str(tmp_path / "paid")
    async with of.client(ANN) as ann:
        await start("a")
        body = {"message": paid, "stream_id": "s"}
        async with ann.http.post(f"{ann.url}/agents/a/stream", json=body) as response:
            async for event in events(response):
                if event.name != "approval_required":
                    continue
                call = event.data["tool_call"]
                edited = {"call_id": call["id"], "edited": f'{{"path":"{paid}","euros":7}}', "always": "tool"}
                refused = await ann.json("POST", "/streams/s/approve", edited)
                assert (refused[0], refused[1]["error"]["message"][:7]) == (422, "always:")
                edited["same_arguments"] = True
                assert (await ann.json("POST", "/streams/s/approve", edited))[0] == 200
        assert {each["arguments"] for each in await standing(ann)} == {edited["edited"]}
        assert await turn(ann, "a", paid) == ["1", "2"]
