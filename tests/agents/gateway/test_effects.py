"""The ledger of effects over REST and on the command line: who sees it, who settles it, and the turn that goes on."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from agents import CallContext, NotKnown, StreamApprovalRequired, StreamComplete, agent, tool
from agents.cli.effects import effects as command
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import ANN, BOB, ROOT, House, house

SCRIPT = """
[models.payer]
[[models.payer.turns]]
steps = [{ tool_calls = [{ name = "pays", arguments = { cents = 5 } }] }, { text = "So: {result:0}" }]
"""
UNKNOWN = "00000000-0000-8000-8000-000000000000"


async def nobody_knows(call: CallContext) -> NotKnown:
    return NotKnown()


@tool(verify=nobody_knows, on_unknown="ask")
async def pays(cents: int) -> str:
    """Pay, and lose the answer."""
    raise OSError("connection lost")


@tool(name="pays")
async def loses(cents: int) -> str:
    """Pay, and lose the answer."""
    raise TimeoutError


async def listed(of: Site, **query: str) -> list[dict[str, Any]]:
    status, answer = await of.json("GET", "/effects", params=query)
    assert status == 200
    effects: list[dict[str, Any]] = answer["effects"]
    return effects


async def settles(house: House, agent_id: str) -> str:
    """Let Ann settle the call of her agent, whose turn waits. Return the turn's answer."""
    async for event in agent.stream(agent_id, "go"):
        if isinstance(event, StreamApprovalRequired):
            async with house.client(ANN) as ann, house.client(BOB) as bob, house.client(ROOT) as root:
                (effect,) = await listed(ann, state="unknown")
                assert (effect["tool"], effect["owner"], effect["attempt"]) == ("pays", "ann", 1)
                assert (await listed(bob), await listed(root)) == ([], [effect])
                where, said = f"/effects/{effect['key']}/settle", {"happened": True, "result": "R7", "note": "by phone"}
                assert (await bob.json("POST", where, said))[0] == 404
                assert (await ann.json("POST", f"/effects/{UNKNOWN}/settle", said))[0] == 404
                status, answer = await ann.json("POST", where, said)
                assert (status, answer["continued"]) == (200, True)
                assert (await ann.json("POST", where, said))[0] == 409
        elif isinstance(event, StreamComplete):
            return event.response.answer
    raise AssertionError("the turn has no end")


async def test_a_person_settles_a_call_over_rest_and_its_turn_goes_on(tmp_path: Path) -> None:
    async with house([ANN, BOB, ROOT], tmp_path / "s.db", script=SCRIPT) as open_house:
        await open_house.site.agent("payer", owner="ann", tools=[pays])
        assert await settles(open_house, "a") == "So: R7"
        (effect,) = await listed(open_house.site)
        assert (effect["state"], effect["settled_by"], effect["note"]) == ("done", "ann", "by phone")
        assert effect["settled_at"] is not None
        await open_house.site.agent("payer", "b", owner="ann", tools=[loses])
        await agent.chat("b", "go")
        assert [each["error"] for each in await listed(open_house.site, session_id="b")] == ["raised"]
        assert [each["session_id"] for each in await listed(open_house.site)] == ["b", "a"]
        (second,) = await listed(open_house.site, after=(await listed(open_house.site, limit="1"))[0]["key"])
        assert second["session_id"] == "a"


async def test_without_a_store_there_is_no_ledger() -> None:
    async with house([ANN]) as open_house:
        assert await listed(open_house.site) == []
        assert (await open_house.site.json("POST", f"/effects/{UNKNOWN}/settle", {"happened": False}))[0] == 409


async def test_the_command_lists_and_settles_calls_of_ended_turns_in_a_store(tmp_path: Path) -> None:
    store = tmp_path / "s.db"

    @tool(name="pays", timeout_s=0.05)
    async def late(cents: int) -> str:
        """Pay, and come too late."""
        await asyncio.sleep(60)
        return "never"

    async with house([ANN], store, script=SCRIPT) as open_house:
        await open_house.site.agent("payer", owner="ann", tools=[late])
        await agent.chat("a", "go")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(command, ["--store", f"sqlite:///{store}", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    lines = (await asyncio.to_thread(run, "--unknown", "--json", "--since", "1h", "--agent", "a")).splitlines()
    (effect,) = map(json.loads, lines)
    assert (effect["state"], effect["error"]) == ("unknown", "timeout")
    assert len((await asyncio.to_thread(run, "--since", "2999-01-01T00:00")).splitlines()) == 1, "the header"
    settled = ("settle", effect["key"], "--did-not-happen", "--note", "asked the bank")
    assert await asyncio.to_thread(run, *settled) == "settled\n"
    _, line = (await asyncio.to_thread(run)).splitlines()
    cells = re.split(" {2,}", line)
    assert (cells[0], *cells[2:6], cells[7]) == (
        effect["key"],
        "failed (no_effect)",
        "1",
        "a",
        "pays",
        "asked the bank",
    )
