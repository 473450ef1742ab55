"""Budgets of tokens and cost: counted in the store, checked before each model call, and decided by a person."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from actors import Mailbox, Pid
from agents import (
    BudgetExceeded,
    Decided,
    InvalidAgentConfig,
    InvalidEdit,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamUsage,
    agent,
)
from agents.agent_config import agent_config
from agents.rehearsal import parse
from agents.settings import Settings
from agents.testing import simulated_stage
from supervisors.agent_supervisor import start_agent
from tests.agents.budgets.spenders import PRICES, SCRIPT, SMALL, Kept, clerk, end
from tests.agents.turns import turn


async def ends(pid: Pid, count: int) -> Sequence[StreamComplete | StreamError]:
    return [await end(pid) for _ in range(count)]


async def test_an_owner_spends_at_most_the_budget_with_all_agents_and_over_restarts(kept: Kept) -> None:
    budget = {"owner": "ann", "per": "day", "cost": 0.1, "on_breach": "fail"}
    async with kept.running(budget):
        one, other = await clerk(owner="ann"), await clerk(owner="ann")
        assert isinstance(await end(one), StreamComplete)
        assert isinstance(await end(other), StreamComplete)
    async with kept.running(budget):
        pid = await clerk(owner="ann")
        last, refused = await ends(pid, 2)
        assert isinstance(last, StreamComplete)
        assert isinstance(refused, StreamError)
        assert isinstance(refused.reason, BudgetExceeded)
        assert (refused.reason.budget, refused.reason.unit) == ("owner ann per day", "cost")
        assert refused.reason.spent == pytest.approx(0.09)
        assert refused.reason.limit == 0.1
        assert refused.reason.resets_at is not None
        assert refused.reason.resets_at % 86400 == 0
        assert isinstance(await end(await clerk(owner="bob")), StreamComplete)
    assert len(kept.server.requests) == 4


async def decided(pid: Pid, decide: Any) -> list[Any]:
    """Return the events of a turn. decide: is called with the pid and each call that waits."""
    return await turn(pid, "Go on.", lambda asked: decide(pid, asked.tool_call))


async def test_a_person_allows_more_and_the_turn_goes_on_and_the_amount_holds_after_a_restart(kept: Kept) -> None:
    budget = {"agent": "clerk", "cost": 0.05}

    async def allow(pid: Pid, call: Any) -> None:
        shown = json.loads(call.arguments)
        assert (shown["budget"], shown["limit"], shown["resets_at"]) == ("agent clerk", 0.05, None)
        assert shown["question"].startswith("0.03 of 0.05 spent by agent clerk, and the next model call may take 0.02")
        refused = await agent.approve(pid, call.id, edited='{"allow": -1}')
        assert isinstance(refused, InvalidEdit)
        assert await agent.approve(pid, call.id, edited='{"allow": 0.03}') == Decided(call.id, "approved")

    async def deny(pid: Pid, call: Any) -> None:
        await agent.deny(pid, call.id, "not this month")

    async with kept.running(budget):
        pid = await clerk()
        assert isinstance(await end(pid), StreamComplete)
        assert isinstance((await decided(pid, allow))[-1], StreamComplete)
    async with kept.running(budget):
        last = (await decided(await clerk(), deny))[-1]
        assert isinstance(last, StreamError)
        assert isinstance(last.reason, BudgetExceeded)
        assert (last.reason.limit, last.reason.why) == (0.08, "denied: not this month")
        assert last.response is not None
        assert last.response.cost == 0.0
    assert len(kept.server.requests) == 2


async def test_a_sub_agent_spends_from_the_budgets_of_its_callers_turn_and_owner(kept: Kept) -> None:
    """The boss spends 0.03 and 0.04, the clerk 0.03 in between."""
    tools = [agent.as_tool({"name": "clerk", "model": "clerk", "model_options": SMALL}, description="Write it down.")]
    boss = {"name": "boss", "model": "boss", "model_options": SMALL, "owner": "ann", "tools": tools}
    async with kept.running({"owner": "ann", "cost": 0.21, "on_breach": "fail"}):
        pid = await start_agent({**boss, "budget": [{"turn": "*", "cost": 0.14, "on_breach": "fail"}]})
        assert isinstance(await end(pid), StreamComplete)
        pid = await start_agent({**boss, "budget": [{"turn": "*", "cost": 0.07, "on_breach": "fail"}]})
        failed = await end(pid)
        assert isinstance(failed, StreamError)
        assert isinstance(failed.reason, BudgetExceeded)
        assert failed.reason.budget.startswith("turn ")
        assert failed.reason.spent == pytest.approx(0.06)
        failed = await end(await clerk(owner="ann"))
        assert isinstance(failed, StreamComplete), failed
        failed = await end(await clerk(owner="ann"))
        assert isinstance(failed, StreamError)
        assert failed.reason.spent == pytest.approx(0.19)  # type: ignore[union-attr]


async def test_usage_events_have_the_sum_of_the_session_also_after_a_restart(kept: Kept) -> None:
    """Each turn of the boss takes 210 and 310 tokens, and the clerk's do not count here."""
    found = []
    for _ in range(2):
        async with kept.running():
            tools = [agent.as_tool({"name": "clerk", "model": "clerk"}, description="Write it down.")]
            pid = await start_agent({"id": "boss", "model": "boss", "tools": tools})
            for _ in range(2):
                found += [event async for event in agent.stream(pid, "Go on.") if isinstance(event, StreamUsage)]
    assert [event.session_tokens for event in found] == [210, 730, 1250, 1770]
    assert [round(event.session_cost or 0.0, 2) for event in found] == [0.03, 0.1, 0.17, 0.24]


async def test_calls_of_many_turns_at_once_stay_within_the_budget(kept: Kept) -> None:
    async with kept.running({"owner": "*", "tokens": 500, "on_breach": "fail"}):
        found = await asyncio.gather(
            *[end(await clerk(owner="ann", model_options={"max_tokens": 110})) for _ in range(10)]
        )
    done = [each for each in found if isinstance(each, StreamComplete)]
    assert len(done) == len(kept.server.requests) == 4  # each takes 120
    assert {type(each.reason) for each in found if isinstance(each, StreamError)} == {BudgetExceeded}


async def test_without_a_store_a_budget_counts_from_the_start_of_the_program(kept: Kept) -> None:
    for _ in range(2):
        async with kept.running({"session": "*", "tokens": 200, "on_breach": "fail"}, durability="off"):
            done, failed = await ends(await clerk(model_options={"max_tokens": 100}), 2)
            assert isinstance(done, StreamComplete)
            assert isinstance(failed, StreamError)


def test_a_budget_of_cost_needs_the_price_of_each_model() -> None:
    budgets = ({"agent": "clerk", "cost": 1.0},)
    with pytest.raises(InvalidAgentConfig, match=r"model: expected a price of 'clerk' in the settings, .*, got none"):
        agent_config({"name": "clerk", "model": "clerk"}, Settings.model_validate({"budgets": budgets}))
    agent_config({"name": "other", "model": "clerk"}, Settings.model_validate({"budgets": budgets}))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"cost": 1.0}, "expected exactly one of owner, agent, session, turn, got none"),
        ({"owner": "a", "agent": "b", "cost": 1.0}, "expected exactly one of .*, got owner, agent"),
        ({"turn": "*"}, "expected cost, tokens or both, got none"),
    ],
)
def test_a_budget_has_one_party_and_a_limit(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidAgentConfig, match=fault):
        agent_config({"model": "clerk", "budget": [given]}, Settings())


def simulated(test: Coroutine[Any, Any, None], *budgets: dict[str, Any]) -> None:
    """Run the test in virtual time, which begins at midnight, with these budgets."""
    settings = Settings.model_validate({"prices": PRICES, "budgets": budgets})
    with simulated_stage(parse(SCRIPT, "clerks"), settings, 0) as stage:
        stage.run(test)


def test_the_time_for_which_a_turn_waits_does_not_count_as_its_time() -> None:
    async def allow_late(pid: Pid, call: Any) -> None:
        await asyncio.sleep(3600)
        await agent.approve(pid, call.id)

    async def test() -> None:
        pid = await clerk(owner="ann", limits={"time": 500})
        assert isinstance((await decided(pid, allow_late))[-1], StreamComplete)

    simulated(test(), {"owner": "ann", "tokens": 10, "wait": 7_200_000})


def test_a_turn_that_waits_goes_on_when_the_day_of_its_budget_is_over() -> None:
    async def test() -> None:
        pid = await clerk(owner="ann")
        await end(pid)
        asked_at = asyncio.get_running_loop().time()
        assert isinstance(await end(pid), StreamComplete)  # nobody decides
        assert asyncio.get_running_loop().time() - asked_at > 80_000

    simulated(test(), {"owner": "ann", "per": "day", "tokens": 130})


async def test_what_one_person_allows_lets_all_waiting_turns_look_again(kept: Kept) -> None:
    async with kept.running({"owner": "ann", "tokens": 10}, durability="off"), Mailbox() as box:
        pids = [await clerk(owner="ann") for _ in range(3)]
        for pid in pids:
            agent.stream_chat(pid, "Go on.", box.pid)
        waiting: list[str] = []
        while len(waiting) < 3:
            event = await box.receive(10)
            waiting += [event.tool_call.id] if isinstance(event, StreamApprovalRequired) else []
        decisions = [await agent.approve(pids[0], call_id, edited='{"allow": 1000}') for call_id in waiting]
        assert sum(isinstance(each, Decided) for each in decisions) == 1
        done = 0
        while done < 3:
            done += isinstance(await box.receive(10), StreamComplete)


async def test_a_turn_that_was_cancelled_while_it_waited_keeps_no_other_from_going_on(kept: Kept) -> None:
    async with kept.running({"owner": "ann", "tokens": 10}, durability="off"), Mailbox() as box:
        pids = [await clerk(owner="ann") for _ in range(3)]
        waiting: list[str] = []
        for pid in pids:
            agent.stream_chat(pid, "Go on.", box.pid)
            while not isinstance(event := await box.receive(10), StreamApprovalRequired):
                pass
            waiting.append(event.tool_call.id)
        assert await agent.cancel(pids[0])
        await agent.approve(pids[1], waiting[1], edited='{"allow": 1000}')
        done = 0
        while done < 2:
            done += isinstance(await box.receive(10), StreamComplete)
