"""A turn that waits for its budget, in daemons that are killed, that list it, and that the next day reaches."""

import signal
import sqlite3
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agents.client import Client
from agents.core.events import Event, StreamApprovalDecided, StreamApprovalRequired, StreamComplete, StreamReset
from agents.rehearsal import RehearsalServer, parse
from tests.agents.cli.forked import understudy
from tests.agents.crash.preloaded import built
from tests.agents.daemon.daemons import Daemon, daemon
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.clerk]
turns = [{ steps = [{ text = "Done.", usage = { input_tokens = 100, output_tokens = 20 } }] }]
"""
CONFIG = """
[{agents, [{budgets, [#{agent => "shop", BUDGET}]}]},
 {understudy, [{sessions, [{park_after, PARK_AFTER}]},
    {agents, [[{id, "shop"}, {model, "clerk"}, {model_options, #{max_tokens => 20}}]]}]}].
"""
DAY_S = 86_400


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(SCRIPT)) as running:
        yield running


def configured(folder: Path, budget: str, park_after: int = 1) -> tuple[str, str]:
    config = folder / "sys.config"
    config.write_text(CONFIG.replace("PARK_AFTER", str(park_after)).replace("BUDGET", budget))
    return "--config", str(config)


async def killed(running: Daemon) -> None:
    running.signal(signal.SIGKILL)
    await running.ended()


async def begin(client: Client, stream_id: str) -> list[Event]:
    """Begin a turn of a new conversation, and return its events until it waits or ends."""
    session = (await client.post("/agents/shop/conversations", {"name": stream_id}))["session_id"]
    events: list[Event] = []
    async with aclosing(client.ask(session, "Go on.", stream_id=stream_id)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, StreamApprovalRequired):
                break
    return events


async def waiting(client: Client, *, parked: bool | None = None) -> dict[str, Any]:
    """Return what waits, once there is something, and once it is parked or not, if that is given."""

    async def all_that_wait() -> list[dict[str, Any]]:
        return list((await client.get("/approvals"))["approvals"])

    def fits(found: list[dict[str, Any]]) -> bool:
        return bool(found) and parked in (None, found[0]["parked"])

    return (await eventually(all_that_wait, fits, what="a call that waits"))[0]


async def rest(client: Client, after: int) -> list[Event]:
    return [event async for event in client.events("s", after)]


def decisions(events: list[Event]) -> list[tuple[str, str | None]]:
    return [(each.decision, each.reason) for each in events if isinstance(each, StreamApprovalDecided)]


def allowed(folder: Path) -> list[tuple[int, float | None]]:
    """Return the number of allowances and their sum."""
    (database,) = folder.rglob("*.db")
    with sqlite3.connect(database) as store:
        found: list[tuple[int, float | None]] = store.execute("SELECT count(*), sum(amount) FROM allowances").fetchall()
    store.close()
    return found


@pytest.mark.parametrize("park_after", [1, 60_000])
async def test_a_kill_while_it_waits_and_one_right_after_the_decision_leave_one_question_and_one_amount(
    server: RehearsalServer, folder: Path, tmp_path: Path, park_after: int
) -> None:
    config = configured(tmp_path, "tokens => 10", park_after)
    async with daemon(server, folder, *config) as first, first.client() as client:
        (*_, asked) = await begin(client, "s")
        assert isinstance(asked, StreamApprovalRequired)
        shown = await waiting(client, parked=park_after == 1)
        await killed(first)
    async with daemon(server, folder, *config) as second, second.client() as client:
        again = await waiting(client)
        assert again["tool_call"]["id"] == shown["tool_call"]["id"] == asked.tool_call.id
        assert again["tool_call"] == shown["tool_call"]
        assert again["deadline"] == shown["deadline"] == asked.deadline
        assert again["kind"] == "budget"
        body = {"call_id": asked.tool_call.id, "edited": '{"allow": 1000}'}
        assert (await client.post("/streams/s/approve", body))["decision"] == "approved"
        await killed(second)
    async with daemon(server, folder, *config) as third, third.client() as client:
        events = await rest(client, asked.seq)
        assert isinstance(events[-1], StreamComplete)
        assert [decision for decision, _ in decisions(events)] == ["approved"]
        assert not any(isinstance(each, StreamApprovalRequired) for each in events)
        calls = (await client.get("/spend"))["spend"][0]["model_calls"]
        assert await third.stopped() == 0
    assert allowed(folder) == [(1, 1000.0)]
    resets = sum(isinstance(each, StreamReset) for each in events)  # the second kill may have cut the model call
    assert len(server.requests) <= calls <= 1 + resets


async def test_a_parked_question_is_listed_with_its_kind_and_answered_at_the_command_line(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    config = configured(tmp_path, "per => day, tokens => 10")
    async with daemon(server, folder, *config) as running, running.client() as client:
        (*_, asked) = await begin(client, "s")
        assert isinstance(asked, StreamApprovalRequired)
        found = await waiting(client, parked=True)
        assert (found["kind"], found["on_timeout"]) == ("budget", "approve")
        code, listed, _ = await understudy("approvals", "--state-dir", str(folder))
        assert code == 0
        assert "goes on in" in listed
        assert "parked" in listed
        assert f"understudy approve s {asked.tool_call.id}" in listed
        code, items, _ = await understudy("inbox", "--state-dir", str(folder))
        assert (code, "goes on in" in items, "parked" in items) == (0, True, True)
        code, *_ = await understudy("approve", "--state-dir", str(folder), "s", asked.tool_call.id)
        assert code == 0
        assert isinstance((await rest(client, asked.seq))[-1], StreamComplete)
        assert await running.stopped() == 0


async def test_the_next_day_wakes_a_parked_turn(server: RehearsalServer, folder: Path, tmp_path: Path) -> None:
    library, jump = built(Path(__file__).with_name("clock.c"), tmp_path), tmp_path / "jump"
    jump.write_bytes(struct.pack("l", 0))
    config = configured(tmp_path, "per => day, tokens => 130")
    jumping = daemon(server, folder, *config, LD_PRELOAD=str(library), CLOCK_JUMP=str(jump))
    async with jumping as running, running.client() as client:
        assert isinstance((await begin(client, "first"))[-1], StreamComplete)
        (*_, asked) = await begin(client, "s")
        assert isinstance(asked, StreamApprovalRequired)
        assert asked.deadline is not None
        assert int(asked.deadline) % DAY_S == 0
        await waiting(client, parked=True)
        with jump.open("r+b") as file:
            file.write(struct.pack("l", DAY_S))
        events = await rest(client, asked.seq)
        assert isinstance(events[-1], StreamComplete)
        assert [decision for decision, _ in decisions(events)] == ["expired"]
        assert await running.stopped() == 0
    assert allowed(folder) == [(0, None)]
    assert len(server.requests) == 2
