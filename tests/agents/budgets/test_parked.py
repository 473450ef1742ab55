"""A turn that waits for its budget is parked: without a process, with one question, over restarts of the program."""

import json
from contextlib import AsyncExitStack

from actors import Mailbox, Pid, ended
from actors.observer import processes
from agents import (
    AlreadyDecided,
    BudgetExceeded,
    Decided,
    Event,
    InvalidEdit,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamReset,
    agent,
)
from agents.agent_registry import find_agent
from agents.core.events import TERMINAL
from agents.instance.waking import wake
from agents.sessions.spending import spending
from supervisors.agent_supervisor import start_agent
from tests.agents.budgets.spenders import SMALL, Kept, clerk, end
from tests.agents.keeping import journal
from tests.agents.turns import park, parked, questions

TIGHT = {"agent": "clerk", "cost": 0.04}
"""The first turn of the clerk spends 0.03 of it."""


async def parked_ids(*ids: str) -> set[str]:
    return await (await journal()).store.parked(ids)


async def rest(box: Mailbox) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(30))
    return events


def decision(events: list[Event]) -> list[tuple[str, str | None, bool]]:
    return [(each.decision, each.by, each.edited) for each in events if isinstance(each, StreamApprovalDecided)]


def fault(event: Event) -> BudgetExceeded:
    assert isinstance(event, StreamError)
    assert isinstance(event.reason, BudgetExceeded)
    return event.reason


async def model_calls() -> int:
    return sum(count for _, count, *_ in await spending((await journal()).store, "day"))


async def test_a_turn_parked_by_its_budget_has_no_process_and_an_approval_by_its_id_continues_it(kept: Kept) -> None:
    async with kept.running(TIGHT, park_after=1):
        await end(await clerk())  # the provider has its process, too
        before = set(processes())
        async with parked(await clerk(id="ann"), "Go on.", 1) as (turn, (asked,)):
            assert find_agent("ann") is None
            assert {type(each.process).__name__ for each in set(processes()) - before} == {"MailboxProcess"}
            assert await parked_ids("ann") == {"ann"}
            assert isinstance(await agent.approve("ann", asked.tool_call.id, edited="{}"), InvalidEdit)
            given = await agent.approve("ann", asked.tool_call.id, edited='{"allow": 0.03}', by="bob")
            assert given == Decided(asked.tool_call.id, "approved")
            events = [event async for event in turn]
        assert await parked_ids("ann") == set()
        assert isinstance(events[-1], StreamComplete)
        assert decision(events) == [("approved", "bob", True)]
        assert not any(isinstance(each, StreamReset | StreamApprovalRequired) for each in events)
        assert [event.seq for event in events] == list(range(asked.seq + 1, events[-1].seq + 1))
        assert (asked.kind, asked.on_timeout) == ("budget", "deny")
        assert await model_calls() == len(kept.server.requests) == 2


async def test_a_decision_after_a_restart_answers_the_same_question_and_its_amount_counts_once(kept: Kept) -> None:
    async with kept.running(TIGHT, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        (asked,) = await park(pid, "Go on.", 1)
    for _ in range(2):  # programs that end before anybody decides
        async with kept.running(TIGHT, park_after=1):
            assert find_agent("ann") is None
            (waiting,) = await (await journal()).store.parked_waits(None, 10, None)
            assert (waiting.wait.waiting.call, waiting.wait.waiting.deadline) == (asked.tool_call, asked.deadline)
            await ended(await woken("ann"))  # it waits on, and is parked again
    async with kept.running(TIGHT, park_after=60_000), Mailbox() as box:
        pid = await woken("ann")
        assert await agent.follow(pid, asked.stream_id, box.pid, after=asked.seq)
        allowed = await agent.approve("ann", asked.tool_call.id, asked.tool_call.arguments, edited='{"allow": 0.03}')
        assert allowed == Decided(asked.tool_call.id, "approved")
        assert await agent.deny("ann", asked.tool_call.id) == AlreadyDecided(asked.tool_call.id, "approved")
        assert isinstance((await rest(box))[-1], StreamComplete)
        assert await model_calls() == len(kept.server.requests) == 2
    async with kept.running({**TIGHT, "on_breach": "fail"}):
        refused = fault(await end(await clerk()))
        assert (round(refused.spent, 2), refused.limit) == (0.06, 0.07)


async def woken(agent_id: str) -> Pid:
    pid = await wake(agent_id)
    assert pid is not None
    return pid


async def test_a_denial_ends_the_parked_turn_and_asks_no_model(kept: Kept) -> None:
    async with kept.running(TIGHT, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        async with parked(pid, "Go on.", 1) as (turn, (asked,)):
            await agent.deny("ann", asked.tool_call.id, "not this month", by="bob")
            events = [event async for event in turn]
        assert decision(events) == [("denied", "bob", False)]
        assert (fault(events[-1]).why, fault(events[-1]).limit) == ("denied: not this month", 0.04)
        assert await model_calls() == len(kept.server.requests) == 1


async def test_the_deadline_of_a_budget_without_a_reset_ends_the_parked_turn(kept: Kept) -> None:
    async with kept.running({**TIGHT, "wait": 500}, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        events = [event async for event in agent.stream(pid, "Go on.")]
        assert not pid.alive
        assert decision(events) == [("expired", None, False)]
        assert fault(events[-1]).why == "denied: no answer within 0.5 s"
        assert await model_calls() == 1


async def test_a_deadline_that_passed_while_no_program_ran_ends_the_parked_turn(kept: Kept) -> None:
    async with kept.running({**TIGHT, "wait": 100}, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        (asked,) = await park(pid, "Go on.", 1)
    async with kept.running(TIGHT, park_after=60_000), Mailbox() as box:
        agent.subscribe(await woken("ann"), box.pid)  # the program has started it, too
        stored = await until_over(box, asked)
        assert decision(stored) == [("expired", None, False)]
        assert fault(stored[-1]).why == "denied: no answer within 0.1 s"
        assert await model_calls() == 1


async def until_over(box: Mailbox, asked: StreamApprovalRequired) -> list[Event]:
    """Return the stored events of a turn after its question, once it is over. box: subscribes to its agent."""
    store = (await journal()).store
    while not (events := await store.events(asked.stream_id, asked.seq)) or not isinstance(events[-1], TERMINAL):
        await box.receive(30)
    return events


async def test_a_turn_is_parked_for_one_budget_after_the_other(kept: Kept) -> None:
    async with kept.running(TIGHT, {"owner": "ann", "tokens": 130}, park_after=1):
        pid = await clerk(id="ann", owner="ann")
        await end(pid)
        async with parked(pid, "Go on.", 1) as (turn, (first,)):
            await agent.approve("ann", first.tool_call.id, edited='{"allow": 1}')
            (second,) = await questions(turn, 1)
            await ended(find_agent("ann") or pid)
            assert second.tool_call.id != first.tool_call.id
            shown = [json.loads(each.tool_call.arguments)["budget"] for each in (first, second)]
            assert shown == ["agent clerk", "owner ann"]
            await agent.approve("ann", second.tool_call.id, edited='{"allow": 1000}')
            assert isinstance([event async for event in turn][-1], StreamComplete)
        assert await model_calls() == 2


async def test_what_a_person_allows_for_one_turn_wakes_the_parked_ones_that_it_is_enough_for(kept: Kept) -> None:
    async with kept.running({"owner": "ann", "tokens": 10}, park_after=1), AsyncExitStack() as stack:
        pids = [await clerk(id=f"ann{number}", owner="ann") for number in range(3)]
        turns = [await stack.enter_async_context(parked(pid, "Go on.", 1)) for pid in pids]
        await agent.approve("ann0", turns[0][1][0].tool_call.id, edited='{"allow": 1000}', by="bob")
        ends = [[event async for event in turn] for turn, _ in turns]
        assert {type(events[-1]) for events in ends} == {StreamComplete}
        others = [("approved", None, False)]
        assert [decision(events) for events in ends] == [[("approved", "bob", True)], others, others]


async def test_parked_turns_for_which_an_amount_is_not_enough_are_parked_again(kept: Kept) -> None:
    async with kept.running({"owner": "ann", "tokens": 10}, park_after=1), AsyncExitStack() as stack:
        pids = [await clerk(id=f"ann{number}", owner="ann") for number in range(2)]
        (one, (first,)), (two, (second,)) = [await stack.enter_async_context(parked(pid, "Go on.", 1)) for pid in pids]
        await agent.approve("ann0", first.tool_call.id, edited='{"allow": 100}')
        assert isinstance([event async for event in one][-1], StreamComplete)
        assert await agent.approve("ann1", second.tool_call.id, edited='{"allow": 1000}') == Decided(
            second.tool_call.id, "approved"
        )
        events = [event async for event in two]
        assert decision(events) == [("approved", None, True)]
        assert isinstance(events[-1], StreamComplete)


async def test_a_sub_agents_turn_that_waits_for_a_budget_is_parked_with_its_callers(kept: Kept) -> None:
    tools = [agent.as_tool({"name": "clerk", "model": "clerk", "model_options": SMALL}, description="Write it down.")]
    boss = {"id": "boss", "name": "boss", "model": "boss", "model_options": SMALL, "owner": "ann", "tools": tools}
    async with kept.running({"agent": "clerk", "cost": 0.01}, {"owner": "ann", "cost": 1.0}, park_after=1):
        async with parked(await start_agent(boss), "Go on.", 1) as (events, (asked,)):
            below = asked.stream_id
            assert find_agent(below) is None
            assert await parked_ids("boss", below) == {"boss", below}
            given = await agent.approve(below, asked.tool_call.id, edited='{"allow": 1}', stream_id=below)
            assert given == Decided(asked.tool_call.id, "approved")
            more = [event async for event in events]
        assert isinstance(more[-1], StreamComplete)
        by_owner, by_agent = [await spending((await journal()).store, by) for by in ("owner", "agent")]
        assert [(key, count) for key, count, *_ in by_owner] == [("ann", 3)]
        assert sorted((key, count) for key, count, *_ in by_agent) == [("boss", 2), ("clerk", 1)]
        assert len(kept.server.requests) == 3


async def test_a_parked_turn_that_is_cancelled_leaves_no_question(kept: Kept) -> None:
    async with kept.running(TIGHT, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        async with parked(pid, "Go on.", 1) as (turn, (asked,)):
            assert await agent.cancel(await woken("ann"), asked.stream_id)
            assert isinstance([event async for event in turn][-1], StreamError)
        assert await (await journal()).store.parked_waits(None, 10, None) == []


async def test_a_budget_that_was_removed_lets_a_parked_turn_go_on_when_it_is_woken(kept: Kept) -> None:
    async with kept.running(TIGHT, park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        (asked,) = await park(pid, "Go on.", 1)
    async with kept.running(), Mailbox() as box:
        assert await agent.follow(await woken("ann"), asked.stream_id, box.pid, after=asked.seq)
        events = await rest(box)
        assert decision(events) == [("approved", None, False)]
        assert isinstance(events[-1], StreamComplete)


async def test_without_a_store_a_turn_that_waits_keeps_its_process(kept: Kept) -> None:
    async with kept.running({**TIGHT, "wait": 500}, durability="off", park_after=1):
        pid = await clerk(id="ann")
        await end(pid)
        assert fault(await end(pid)).why == "denied: no answer within 0.5 s"
        assert pid.alive
