"""A turn that waits for a person's decision on an effect is parked, and goes on with the decision."""

from pathlib import Path

import pytest

from actors import Mailbox, Pid
from agents import StreamApprovalDecided, StreamApprovalRequired, StreamComplete, agent
from agents.agent_registry import find_agent
from agents.core.outcome import Happened
from agents.instance.waking import wake
from agents.sessions.effects import Chosen, effects, settle
from agents.tools.approval import Decided, InvalidAlways, InvalidEdit
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.scripts import call, calling
from tests.agents.turns import answer_of, park, parked

SCRIPT = calling("payer", call("pays", path="{user}"), text="So: {result:0}")
TOOLS = ["tests.agents.effects.losing_tool:pays"]
RESTARTED = (
    "So: error: unknown outcome: the program that ran this call was restarted; it may or may not have taken effect"
)
"""The failure itself is not kept while the turn is parked."""


async def start(id_: str = "ann") -> Pid:
    return await agent_supervisor.start_agent({"id": id_, "model": "payer", "tools": TOOLS})


async def decide(decision: str, asked: StreamApprovalRequired) -> None:
    id_ = asked.tool_call.id
    if decision == "approved":
        assert isinstance(await agent.approve("ann", id_, edited=asked.tool_call.arguments), InvalidEdit)
        assert isinstance(await agent.approve("ann", id_, always="tool"), InvalidAlways)
        assert await agent.approve("ann", id_, by="bob") == Decided(id_, "approved")
    elif decision == "denied":
        assert await agent.deny("ann", id_, "we asked", by="bob") == Decided(id_, "denied")
    else:
        store = (await journal()).store
        (entry,) = await effects(store, Chosen(session_id="ann"))
        await settle(store, entry.key, Happened("paid by hand"), "bob", None)
        assert await wake("ann") is not None


@pytest.mark.parametrize(
    ("decision", "answer", "paid"),
    [("approved", "So: paid twice", 2), ("denied", f"{RESTARTED}; we asked", 1), ("settled", "So: paid by hand", 1)],
)
async def test_a_parked_turn_goes_on_by_a_persons_word_about_an_effect(
    app: App, tmp_path: Path, decision: str, answer: str, paid: int
) -> None:
    file = tmp_path / "paid"
    async with app(park_after=1):
        async with parked(await start(), str(file), 1) as (events, (asked,)):
            assert find_agent("ann") is None
            (kept,) = await (await journal()).store.parked_waits(None, 10, None)
            assert (kept.wait.waiting.kind, kept.wait.waiting.deadline) == ("effect", asked.deadline)
            await decide(decision, asked)
            rest = [event async for event in events]
        assert await (await journal()).store.parked_waits(None, 10, None) == []
    assert answer_of(rest) == answer
    assert len(file.read_text().splitlines()) == paid
    decided = [(each.decision, each.by) for each in rest if isinstance(each, StreamApprovalDecided)]
    assert decided == ([] if decision == "settled" else [(decision, "bob")])


async def test_a_new_program_asks_again_about_an_effect_with_the_same_deadline(app: App, tmp_path: Path) -> None:
    file = tmp_path / "paid"
    async with app(park_after=1):
        (first,) = await park(await start(), str(file), 1)
    async with app(park_after=60_000), Mailbox() as box:
        await start("other")  # so that this program has the tool, too
        assert await wake("ann") is not None
        assert await agent.follow("ann", first.stream_id, box.pid, after=first.seq)
        while not isinstance(again := await box.receive(20), StreamApprovalRequired):
            pass
        assert (again.kind, again.deadline, again.tool_call) == ("effect", first.deadline, first.tool_call)
        assert await agent.deny("ann", again.tool_call.id) == Decided(again.tool_call.id, "denied")
        while not isinstance(end := await box.receive(20), StreamComplete):
            pass
    assert end.response.answer == RESTARTED
