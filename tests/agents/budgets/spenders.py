"""Agents that spend: applications on one store, with budgets, and their provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from pydantic import SecretStr

from actors import Pid
from agents import StreamComplete, StreamError, agent, application
from agents.rehearsal import RehearsalServer
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


async def clerk(**config: Any) -> Pid:
    return await start_agent({"name": "clerk", "model": "clerk", "model_options": SMALL, **config})


async def end(pid: Pid) -> StreamComplete | StreamError:
    """Return the last event of a turn."""
    events = [event async for event in agent.stream(pid, "Go on.")]
    assert isinstance(events[-1], StreamComplete | StreamError)
    return events[-1]
