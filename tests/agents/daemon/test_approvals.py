"""A daemon that is killed while calls wait for approval: its successor asks again for each call that never ran."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agents.client import Client
from agents.core.events import (
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamToolResult,
)
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import Daemon, daemon
from tests.agents.daemon.guarded_tools import BUYER
from tests.agents.scripts import call, calling
from tests.agents.turns import answer_of

pytestmark = pytest.mark.timeout(180)

SCRIPT = "".join(
    (
        BUYER,
        calling("slow", call("pays_slowly", path="{user}", euros=9)),
        calling(
            "queue",
            call("pays", path="{user}", euros=1),
            call("pays_alone", path="{user}", euros=5),
            call("pays_alone", path="{user}", euros=50),
            call("calculator", expression="6 * 7"),
        ),
    )
)
CONFIG = """
[{agents, [{tools, [{workers, 2}]}]},
 {understudy, [{agents, [AGENTS]}]}].
"""
TOOLS = '["tests.agents.daemon.guarded_tools:pays", "tests.agents.daemon.guarded_tools:pays_alone", "tests.agents.daemon.guarded_tools:pays_slowly", calculator]'  # noqa: E501


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "approvals")) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> str:
    agents = ", ".join(f'[{{id, "{model}"}}, {{model, "{model}"}}, {{tools, {TOOLS}}}]' for model in builtin_models())
    (tmp_path / "sys.config").write_text(CONFIG.replace("AGENTS", agents))
    return str(tmp_path / "sys.config")


def builtin_models() -> tuple[str, ...]:
    return ("buyer", "slow", "queue")


async def killed(running: Daemon) -> None:
    running.signal(signal.SIGKILL)
    await running.ended()


async def until_asked(client: Client, model: str, message: str, count: int) -> list[Event]:
    """Return the events of a turn of the agent up to its last question."""
    events: list[Event] = []
    async with aclosing(client.ask(model, message, stream_id="s")) as stream:
        async for event in stream:
            events.append(event)
            if len(asked(events)) == count:
                break
    return events


async def to_the_end(client: Client, after: int, **answers: str) -> list[Event]:
    """Return the rest of the events. Answer each question by its call's id, with `approve` by default."""
    events: list[Event] = []
    async for event in client.events("s", after):
        events.append(event)
        if isinstance(event, StreamApprovalRequired):
            id_ = event.tool_call.id
            await client.post(f"/streams/s/{answers.get(id_, 'approve')}", {"call_id": id_})
    return events


def asked(events: list[Event]) -> list[str]:
    return [event.tool_call.id for event in events if isinstance(event, StreamApprovalRequired)]


def errors(events: list[Event]) -> list[Any]:
    return [event.result.error for event in events if isinstance(event, StreamToolResult)]


async def test_calls_that_waited_for_approval_are_asked_for_again(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    paid = tmp_path / "paid"
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await until_asked(client, "buyer", str(paid), 3)
        await killed(first)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        rest = await to_the_end(client, seen[-1].seq, **{asked(seen)[1]: "deny"})
        assert sorted(asked(rest)) == sorted(asked(seen))
        assert answer_of(rest) == "paid 1, error: denied, paid 3"
        assert sorted(paid.read_text().split("\n")) == ["", "paid 1", "paid 3"]
        assert await second.stopped() == 0


async def test_decisions_before_the_kill_hold_or_are_asked_for_again_and_no_call_runs_twice(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    paid = tmp_path / "paid"
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await until_asked(client, "buyer", str(paid), 3)
        approved, denied, open_ = asked(seen)
        await client.post("/streams/s/approve", {"call_id": approved})
        async for event in client.events("s", seen[-1].seq):
            seen.append(event)
            if isinstance(event, StreamToolResult):
                break
        await client.post("/streams/s/deny", {"call_id": denied, "reason": "no"})
        await killed(first)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        rest = await to_the_end(client, seen[-1].seq, **{denied: "deny"})
        assert approved not in asked(rest)
        assert open_ in asked(rest)
        assert answer_of(rest).startswith("paid 1, error: denied")
        assert errors([*seen, *rest]).count("unknown") == 0
        assert sorted(paid.read_text().split()) == ["1", "3", "paid", "paid"]
        assert await second.stopped() == 0


async def test_an_approved_call_that_ran_when_the_program_was_killed_is_unknown(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    paid = tmp_path / "paid"
    os.mkfifo(f"{paid}.fifo")
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await until_asked(client, "slow", str(paid), 1)
        await client.post("/streams/s/approve", {"call_id": asked(seen)[0]})
        hears = os.open(f"{paid}.fifo", os.O_RDONLY)  # opens when the tool has paid
        await killed(first)
        os.close(hears)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        rest = await to_the_end(client, seen[-1].seq)
        assert (asked(rest), errors(rest)) == ([], ["unknown"])
        assert paid.read_text() == "paid 9\n"
        assert await second.stopped() == 0


async def test_calls_after_a_waiting_call_run_after_the_restart(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    paid = tmp_path / "paid"
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await until_asked(client, "queue", str(paid), 1)
        await killed(first)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        rest = await to_the_end(client, seen[-1].seq)
        assert len(asked(rest)) == 2
        assert answer_of(rest) == "paid 1, paid 5, paid 50, 42"
        assert paid.read_text() == "paid 1\nalone 5\nalone 50\n"
        assert await second.stopped() == 0


async def test_times_of_a_turn_continue_after_a_restart(
    server: RehearsalServer, folder: Path, tmp_path: Path, config: str
) -> None:
    async with daemon(server, folder, "--config", config) as first, first.client() as client:
        seen = await until_asked(client, "buyer", str(tmp_path / "paid"), 3)
        await killed(first)
    async with daemon(server, folder, "--config", config) as second, second.client() as client:
        end = (await to_the_end(client, seen[-1].seq))[-1]
        assert isinstance(end, StreamComplete)
        figures = end.response.metrics
        assert figures is not None
        assert 0 <= figures.tool_time_ms <= figures.total_time_ms
        assert figures.first_token_time is not None
        assert figures.time_to_first_token_ms is not None
        assert 0 <= figures.time_to_first_token_ms <= figures.total_time_ms
        assert figures.start_time <= figures.first_token_time <= figures.end_time
        assert figures.end_time - figures.start_time == pytest.approx(figures.total_time_ms, abs=1)
        assert await second.stopped() == 0
