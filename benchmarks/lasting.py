"""The cost of what makes turns last: a compaction, a check of budgets, a charge, and the ledger's share of a call."""

import gc
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.event import listen

from actors import Pid
from agents import agent, application
from agents.budgets.account import Account
from agents.budgets.counts import Reservation
from agents.budgets.keeper import counts_here
from agents.core.budget import Budget, BudgetOf, Per
from agents.core.charge import Charge, Payer
from agents.core.compacting import estimate, plan, question_in, room_of
from agents.core.compaction import NOTHING_LEFT_OUT
from agents.core.context import ContextPolicy
from agents.core.conversation import AssistantMessage, Conversation, Function, ToolCall, ToolMessage, UserMessage
from agents.sessions import open_journal
from agents.settings import Durability, SessionSettings, ToolSettings
from agents.tools.tool import tool
from benchmarks.ours import ONE_WORKER
from benchmarks.workload import QUESTION, Measured
from supervisors import agent_supervisor

CALLS: Final = 10
"""The calls of a turn with tools."""

BUDGETS: Final = (Budget(BudgetOf.OWNER, Per.DAY, 1e9), Budget(BudgetOf.AGENT, Per.MONTH, 1e12, tokens=True))


class Sizes(Struct, frozen=True):
    """The sizes of the runs. messages: of the conversation that is compacted, four a turn. turns: with tools."""

    messages: int = 1000
    compactions: int = 50
    checks: int = 20_000
    turns: int = 100


@tool(idempotent=True)
async def look(number: int) -> int:
    """Give the number back."""
    return number


@tool
async def pay(number: int) -> int:
    """Give the number back."""
    return number


async def measured(base_url: str, sizes: Sizes) -> Measured:
    with TemporaryDirectory() as folder:
        kept = SessionSettings(url=f"sqlite:///{folder}/sessions.db", durability=Durability.BATCHED)
        settings = ONE_WORKER.model_copy(update={"sessions": kept, "tools": ToolSettings(workers=1)})
        async with application.running(settings):
            return {**compaction_ms(sizes), **await budget_us(sizes), **await ledger_us(base_url, sizes)}


def compaction_ms(sizes: Sizes) -> Measured:
    """Return the CPU time of the estimate before each model call, and of the plan of a compaction."""
    talk = _conversation(sizes.messages)
    asked = estimate(ContextPolicy(), NOTHING_LEFT_OUT, talk)
    policy = ContextPolicy(max_tokens=asked - 1)
    room = room_of(policy)
    assert room is not None
    assert plan(policy, NOTHING_LEFT_OUT, talk, question_in(talk), room) != NOTHING_LEFT_OUT
    return {
        "estimate_ms": _median_ms(lambda: estimate(policy, NOTHING_LEFT_OUT, talk), sizes.compactions),
        "compaction_ms": _median_ms(
            lambda: plan(policy, NOTHING_LEFT_OUT, talk, question_in(talk), room), sizes.compactions
        ),
    }


async def budget_us(sizes: Sizes) -> Measured:
    """Return the CPU time of a check of two budgets, and of a charge that goes to the store."""
    counts, journal = counts_here(), await open_journal()
    assert counts is not None
    assert journal is not None
    account = Account(Payer("ann", "writer", "s", "s", "t", "t"), BUDGETS, counts)
    ask = Charge("model", 1000, 200, cost=0.01)
    await _checked(account, ask)  # reads the counts
    began_s = process_time()
    for _ in range(sizes.checks):
        await _checked(account, ask)
    checked_s, began_s = process_time() - began_s, process_time()
    account.charge("t", (ask,) * sizes.checks)
    await journal.durable()
    return {
        "check_us": checked_s / sizes.checks * 1e6,
        "charge_us": (process_time() - began_s) / sizes.checks * 1e6,
    }


async def ledger_us(base_url: str, sizes: Sizes) -> Measured:
    """Return the CPU time of a call that the ledger has, beyond that of an idempotent one, and the writes of each."""
    commits = _Commits()
    pids = [await _caller(base_url, each) for each in ("look", "pay")]
    for pid in pids:
        await agent.chat(pid, QUESTION)
    took: list[list[float]] = [[], []]
    written = [0, 0]
    for _ in range(sizes.turns):
        for place, pid in enumerate(pids):
            gc.collect()
            before_s, before = process_time(), commits.count
            await agent.chat(pid, QUESTION)
            took[place].append(process_time() - before_s)
            written[place] += commits.count - before
    look_s, pay_s = map(median, took)
    return {
        "idempotent_us": look_s / CALLS * 1e6,
        "ledger_us": (pay_s - look_s) / CALLS * 1e6,
        "idempotent_writes": written[0] / sizes.turns,
        "ledger_writes": written[1] / sizes.turns,
    }


class _Commits:
    """The number of transactions that were committed."""

    def __init__(self) -> None:
        self.count = 0
        listen(Engine, "commit", self._committed)

    def _committed(self, _connection: Any) -> None:
        self.count += 1


async def _checked(account: Account, ask: Charge) -> None:
    reservation = await account.admit("t", ask)
    assert isinstance(reservation, Reservation)
    reservation.release()


async def _caller(base_url: str, name: str) -> Pid:
    config = {"model": f"calls-{CALLS}-of-{name}", "base_url": base_url, "api_key": "none"}
    return await agent_supervisor.start_agent({**config, "tools": [f"benchmarks.lasting:{name}"]})


def _conversation(messages: int) -> Conversation:
    talk: list[Any] = []
    for number in range(messages // 4):
        call = ToolCall(f"c{number}", Function("search", '{"query": "the weather of tomorrow"}'), 0)
        talk += [
            UserMessage(f"Question {number}: " + "why " * 40),
            AssistantMessage("I look it up.", (call,)),
            ToolMessage(call.id, "search", "found " * 200),
            AssistantMessage("Because " * 60),
        ]
    return (*talk, UserMessage("And now?"))


def _median_ms(work: Callable[[], object], times: int) -> float:
    took_s = []
    for _ in range(times):
        began_s = process_time()
        work()
        took_s.append(process_time() - began_s)
    return median(took_s) * 1000
