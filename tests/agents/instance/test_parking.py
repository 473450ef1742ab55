"""A turn that only waits for people has no process: a decision, or its deadline, starts its agent again."""

import sqlite3
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from actors import Mailbox, Pid, ended
from actors.clock import unix_s
from actors.observer import processes
from agents import (
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamToolResult,
    agent,
)
from agents.agent_registry import find_agent
from agents.core.events import TERMINAL
from agents.instance.parked_turns import LookAgain, tell
from agents.instance.waking import wake
from agents.sessions import StreamStatus
from agents.settings.agent import AgentSettings
from agents.tools.approval import AlreadyDecided, Decided, InvalidEdit, NotAsked, OtherArguments
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.scripts import call, calling
from tests.agents.turns import answer_of, park, parked, questions
from tests.waiting import eventually

MANY = 60
SCRIPT = "".join(
    (
        calling("spender", *(call("pays", path="-", euros=each) for each in range(MANY))),
        calling("buyer", call("pays", path="{user}", euros=1), call("pays", path="{user}", euros=2)),
        calling(
            "late",
            call("pays_unless_denied", path="{user}", euros=1),
            call("pays_if_approved", path="{user}", euros=2),
        ),
        calling(
            "patient",
            call("pays_after_an_hour", path="{user}", euros=1),
            call("pays_within_an_hour", path="{user}", euros=2),
        ),
        calling("busy", call("pays", path="{user}", euros=1), call("waits_for_file", path="{user}.go")),
        calling("boss", call("clerk", message="{user}"), text="The clerk: {result:0}"),
    )
)
FOLDER = "tests.agents.daemon.guarded_tools"
NAMES = "pays", "pays_unless_denied", "pays_if_approved", "pays_after_an_hour", "pays_within_an_hour", "waits_for_file"
TOOLS = [f"{FOLDER}:{name}" for name in NAMES]
TWO_HOURS_S, SOON_S = 7200.0, 0.3
DECIDED = "paid 1, error: denied: no answer within 3600 s"
CLERK = agent.as_tool({"model": "buyer", "tools": TOOLS}, name="clerk", description="Pay.")


async def start(model: str = "buyer", **config: Any) -> Pid:
    return await agent_supervisor.start_agent({"id": "ann", "model": model, "tools": TOOLS, **config})


async def parked_ids() -> set[str]:
    return await (await journal()).store.parked(["ann"])


def move_deadlines(folder: Path, by_s: float) -> None:
    """Move the deadlines of what waits in the store, as if time had passed."""
    with closing(sqlite3.connect(folder / "sessions.db")) as store, store:
        store.execute("UPDATE waiting SET deadline = deadline + ?", (by_s,))


def kinds(pids: set[Pid]) -> set[str]:
    return {type(pid.process).__name__ for pid in pids}


async def test_a_parked_turn_has_no_process_and_each_decision_by_its_id_continues_it(app: App, tmp_path: Path) -> None:
    paid = tmp_path / "paid"
    async with app(park_after=1):
        await start("echo", id="other")
        await agent.chat("other", "so that the provider has its process")
        before = set(processes())
        pid = await start()
        async with parked(pid, str(paid), 2) as (events, (one, two)):
            assert find_agent("ann") is None
            assert kinds(set(processes()) - before) == {"MailboxProcess"}  # the subscriber's own
            assert await parked_ids() == {"ann"}
            assert await agent.approve("ann", two.tool_call.id, by="bob") == Decided(two.tool_call.id, "approved")
            assert await agent.deny("ann", one.tool_call.id, "no", by="eve") == Decided(one.tool_call.id, "denied")
            rest = [event async for event in events]
        assert await parked_ids() == set()
    assert answer_of(rest) == "error: denied: no, paid 2"
    assert paid.read_text() == "paid 2\n"
    decided = [each for each in rest if isinstance(each, StreamApprovalDecided)]
    assert {(each.tool_call.id, each.decision, each.by) for each in decided} == {
        (one.tool_call.id, "denied", "eve"),
        (two.tool_call.id, "approved", "bob"),
    }
    assert [event.seq for event in rest] == list(range(two.seq + 1, rest[-1].seq + 1))


async def test_a_turn_is_parked_only_after_it_has_announced_each_question(app: App) -> None:
    async with app(park_after=1):
        pid = await start("spender")
        calls = {each.tool_call.id for each in await park(pid, "Pay.", MANY)}
    assert len(calls) == MANY


async def test_a_result_without_a_run_outlives_a_second_parking(app: App, tmp_path: Path) -> None:
    async with app(park_after=1):
        pid = await start()
        async with parked(pid, str(tmp_path / "paid"), 2) as (events, (one, two)):
            await agent.deny("ann", one.tool_call.id)
            await ended(find_agent("ann") or pid)
            await agent.deny("ann", two.tool_call.id)
            assert answer_of([event async for event in events]) == "error: denied, error: denied"


async def test_a_parked_turn_outlives_the_program_and_a_new_one_does_not_start_its_agent(
    app: App, tmp_path: Path
) -> None:
    paid = tmp_path / "paid"
    async with app(park_after=1):
        one, two = await park(await start(), str(paid), 2)
    async with app(park_after=60_000), Mailbox() as box:
        await start("echo", id="other")  # so that this program has the tools, too
        assert find_agent("ann") is None
        wrong = await agent.approve("ann", one.tool_call.id, "{}")
        assert wrong == OtherArguments(one.tool_call.id, one.tool_call.arguments)
        assert await agent.follow("ann", one.stream_id, box.pid)
        assert isinstance(await agent.approve("ann", one.tool_call.id, edited="{}"), InvalidEdit)
        edited = one.tool_call.arguments.replace('"euros":1', '"euros":7')
        assert await agent.approve("ann", one.tool_call.id, edited=edited) == Decided(one.tool_call.id, "approved")
        assert await agent.deny("ann", one.tool_call.id) == AlreadyDecided(one.tool_call.id, "approved")
        assert await agent.approve("ann", "another") == NotAsked("another")
        await agent.approve("ann", two.tool_call.id)
        while not isinstance(event := await box.receive(60), TERMINAL):
            pass
    assert "paid 7" in answer_of([event])
    assert sorted(paid.read_text().split("\n")) == ["", "paid 2", "paid 7"]


async def test_the_deadline_is_a_moment_and_decides_by_the_default_of_the_tool(app: App, tmp_path: Path) -> None:
    """The first program ends before the deadlines; the second starts after them."""
    paid = tmp_path / "paid"
    async with app(park_after=1):
        waiting = await park(await start("patient"), str(paid), 2)
    assert [each.on_timeout for each in waiting] == ["approve", "deny"]
    move_deadlines(tmp_path, -TWO_HOURS_S)
    stream_id = waiting[0].stream_id
    async with app(park_after=60_000), Mailbox() as box:
        await start("echo", id="other")
        agent.subscribe(await wake("ann") or "ann", box.pid)
        while not isinstance(event := await box.receive(60), TERMINAL):
            pass
        stored = await (await journal()).store.events(stream_id)
    assert answer_of([event]) == DECIDED
    assert paid.read_text() == "paid 1\n"
    decided = [(each.decision, each.by) for each in stored if isinstance(each, StreamApprovalDecided)]
    assert sorted(decided) == [("approved", None), ("expired", None)]
    known = {each.deadline for each in waiting}
    moved = {(each.deadline or 0.0) - TWO_HOURS_S for each in waiting}
    assert {each.deadline for each in stored if isinstance(each, StreamApprovalRequired)} <= known | moved


async def test_a_program_starts_the_agents_whose_deadlines_passed_while_it_was_down(app: App, tmp_path: Path) -> None:
    paid = tmp_path / "paid"
    async with app(park_after=1):
        stream_id = (await park(await start("patient"), str(paid), 2))[0].stream_id
    assert not paid.exists()
    move_deadlines(tmp_path, -TWO_HOURS_S)
    tools = AgentSettings(id="other", model="echo", tools=TOOLS)
    async with app([tools], park_after=60_000):
        kept = (await journal()).store
        await eventually(
            lambda: kept.stream(stream_id),
            lambda found: found is not None and found.status is not StreamStatus.OPEN,
            what="the end of the turn in the store",
        )
        stored = await kept.events(stream_id)
    assert answer_of(stored) == DECIDED
    assert paid.read_text() == "paid 1\n"
    decided = {(each.decision, each.by) for each in stored if isinstance(each, StreamApprovalDecided)}
    assert decided == {("approved", None), ("expired", None)}


async def test_the_program_that_parked_a_turn_decides_at_its_deadlines(app: App, tmp_path: Path) -> None:
    async with app(park_after=1), parked(await start("patient"), str(tmp_path / "paid"), 2) as (events, waiting):
        left_s = max(each.deadline or 0.0 for each in waiting) - unix_s()
        move_deadlines(tmp_path, SOON_S - left_s)
        tell(LookAgain())
        rest = [event async for event in events]
    assert answer_of(rest) == DECIDED


async def test_a_turn_with_a_running_call_is_not_parked_before_its_end(app: App, tmp_path: Path) -> None:
    async with app(park_after=1):
        pid = await start("busy")
        async with aclosing(agent.stream(pid, str(tmp_path / "paid"))) as events:
            await questions(events, 1)
            assert (await agent.info(pid)).streams[-1].status == "running"
            assert pid.alive
            (tmp_path / "paid.go").write_text("")
            await ended(pid)
            assert await parked_ids() == {"ann"}
            async for event in events:
                if isinstance(event, StreamToolResult):
                    assert event.result.content == "there"
                    break


async def test_a_sub_agents_turn_is_parked_with_its_callers(app: App, tmp_path: Path) -> None:
    paid = tmp_path / "paid"
    async with app(park_after=1), parked(await start("boss", tools=[CLERK]), str(paid), 2) as (events, (one, two)):
        assert find_agent(one.stream_id) is None
        assert await (await journal()).store.parked(["ann", one.stream_id]) == {"ann", one.stream_id}
        first = await agent.approve(one.stream_id, one.tool_call.id, stream_id=one.stream_id, by="bob")
        assert first == Decided(one.tool_call.id, "approved")
        assert await agent.deny(one.stream_id, two.tool_call.id) == Decided(two.tool_call.id, "denied")
        rest = [event async for event in events]
    assert answer_of(rest) == "The clerk: paid 1, error: denied"
    assert paid.read_text() == "paid 1\n"


async def test_an_agent_without_a_store_keeps_its_process(app: App, tmp_path: Path) -> None:
    async with app(durability="off", park_after=1):
        pid = await start("late")
        async with aclosing(agent.stream(pid, str(tmp_path / "paid"))) as events:
            rest = [event async for event in events]
        assert pid.alive
    assert answer_of(rest) == "paid 1, error: denied: no answer within 0.5 s"


async def test_a_message_to_a_parked_agent_waits_for_its_turn(app: App, tmp_path: Path) -> None:
    async with (
        app(park_after=1),
        Mailbox() as box,
        parked(await start(), str(tmp_path / "paid"), 2) as (events, (one, two)),
    ):
        second = agent.stream_chat("ann", "again", box.pid)
        for each in (one, two):
            await agent.deny("ann", each.tool_call.id)
        assert answer_of([event async for event in events]) == "error: denied, error: denied"
        event = await box.receive(60)
        assert event.stream_id == second


@pytest.mark.parametrize("turns", [3])
async def test_parking_again_and_again_counts_no_recovery(app: App, tmp_path: Path, turns: int) -> None:
    async with app(park_after=1, max_recoveries=0, on_restart="interrupt"):
        pid = await start()
        async with parked(pid, str(tmp_path / "paid"), 2) as (events, (one, two)):
            for _ in range(turns):
                await ended(pid)
                again = await wake("ann")
                assert again is not None
                pid = again
            for each in (one, two):
                await agent.approve("ann", each.tool_call.id)
            assert answer_of([event async for event in events]) == "paid 1, paid 2"
