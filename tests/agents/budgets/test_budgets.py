"""Budgets of tokens and cost: counted in the store, checked before each model call, and decided by a person."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from pydantic import SecretStr

from actors import Pid
from agents import (
    BudgetExceeded,
    StreamComplete,
    StreamError,
    agent,
    application,
)
from agents.rehearsal import RehearsalServer, parse
from agents.settings import ModelPrice, SessionSettings, Settings
from supervisors.agent_supervisor import start_agent

SCRIPT = """
[models.clerk]
turns = [{ steps = [{ text = "Done.", usage = { input_tokens = 100, output_tokens = 20 } }] }]

[models.boss]
[[models.boss.turns]]
[[models.boss.turns.steps]]
usage = { input_tokens = 200, output_tokens = 10 }
tool_calls = [{ name = "clerk", arguments = { message = "Write it down." } }]
[[models.boss.turns.steps]]
usage = { input_tokens = 300, output_tokens = 10 }
text = "It is written."
"""
PRICES = {name: ModelPrice(input=100.0, output=1000.0) for name in ("clerk", "boss")}  # a call of clerk: 0.03
SMALL = {"max_tokens": 20}


class Kept(Struct):
    """Applications on one store, and their provider."""

    server: RehearsalServer
    store: str

    @asynccontextmanager
    async def running(self, *budgets: dict[str, Any], **sessions: Any) -> AsyncIterator[None]:
        kept = {"url": f"sqlite:///{self.store}", "durability": "batched", **sessions}
        async with application.running(
            Settings.model_validate(
                {
                    "base_url": self.server.base_url,
                    "api_key": SecretStr("any"),
                    "sessions": SessionSettings(**kept),
                    "prices": PRICES,
                    "budgets": budgets,
                }
            )
        ):
            yield


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield Kept(server, str(tmp_path / "sessions.db"))


async def clerk(**config: Any) -> Pid:
    return await start_agent({"name": "clerk", "model": "clerk", "model_options": SMALL, **config})


async def end(pid: Pid) -> StreamComplete | StreamError:
    """Return the last event of a turn."""
    events = [event async for event in agent.stream(pid, "Go on.")]
    assert isinstance(events[-1], StreamComplete | StreamError)
    return events[-1]


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
