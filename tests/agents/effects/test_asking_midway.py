"""The ledger of effects and calls that ask: one that waits has no effect under way, and an answer outlives a crash.

A crash is an image of the store, taken while the turn waits or runs: what kill -9 would leave on the disk.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors import Mailbox
from agents import (
    CallContext,
    Decided,
    DidNotHappen,
    Pid,
    StreamApprovalRequired,
    StreamToolResult,
    Tool,
    agent,
    start_agent,
    tool,
)
from agents.core.ledger import EffectState
from agents.rehearsal import RehearsalServer, parse
from tests.agents.effects.images import copy_store, free_store
from tests.agents.effects.test_settling import followed, ledger, result_of
from tests.agents.effects.test_settling import running as running_in
from tests.agents.scripts import call, calling
from tests.agents.tools.asking_midway import HOW
from tests.agents.turns import questions

SCRIPT = calling("payer", call("pays", path="{user}"), text="So: {result:0}")
KINDS: dict[str, dict[str, Any]] = {
    "told": {},
    "verified": {"verify": lambda: DidNotHappen()},
    "idempotent": {"idempotent": True},
}
"""Options of a tool, by what its call is worth after a crash."""


class Till:
    """A till whose payments ask how. The first payment never ends. runs: what happened, in order."""

    def __init__(self, kind: str) -> None:
        self.runs: list[str] = []
        self.running = asyncio.Event()
        self.tool = tool(name="pays", timeout_s=60.0, **KINDS[kind])(self.pay)

    async def pay(self, path: str, call: CallContext) -> str:
        """Ask, and then pay."""
        self.runs.append(f"run {call.attempt}")
        how = call.ask(HOW)
        self.runs.append(f"paid {how} {call.attempt}")
        if call.attempt == 1:
            self.running.set()
            await asyncio.Event().wait()
        return f"paid {how}"


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield server


async def begun(made: Tool) -> Pid:
    return await start_agent(id="payer", model="payer", owner="ada", tools=[made])


@asynccontextmanager
async def crashed(
    server: RehearsalServer, folder: Path, made: Tool, until: Callable[[StreamApprovalRequired], Awaitable[None]]
) -> AsyncIterator[StreamApprovalRequired]:
    """Run a program whose predecessor was killed. until: what the first program does after the question."""
    (folder / "first").mkdir()
    async with running_in(server, folder / "first"):
        async with aclosing(agent.stream(await begun(made), str(folder / "runs"))) as events:
            (question,) = await questions(events, 1)
            await until(question)
        copy_store(folder / "first", folder / "second")
    free_store(folder / "second")
    async with running_in(server, folder / "second"):
        yield question


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_that_waits_at_its_question_is_never_unknown(
    server: RehearsalServer, tmp_path: Path, kind: str
) -> None:
    till = Till(kind)

    async def waits(_: StreamApprovalRequired) -> None:
        if kind != "idempotent":  # calls of these are not in the ledger
            entry = await ledger()
            assert (entry.state, entry.attempt, entry.begun_at) == (EffectState.INTENDED, 0, None)

    async with crashed(server, tmp_path, till.tool, waits) as first:
        pid = await begun(till.tool)
        async with Mailbox() as box:
            assert await agent.follow(pid, first.stream_id, box.pid, after=first.seq)
            while not isinstance(again := await box.receive(20), StreamApprovalRequired):
                pass
            assert (again.kind, again.question, again.deadline) == ("question", HOW, first.deadline)
            assert again.tool_call == first.tool_call
            assert await agent.deny(pid, again.tool_call.id) == Decided(again.tool_call.id, "denied")
            while not isinstance(ended := await box.receive(20), StreamToolResult):
                pass
        assert ended.result.error == "denied"
        if kind != "idempotent":
            entry = await ledger()
            assert (entry.state, entry.error, entry.attempt, entry.begun_at) == (EffectState.FAILED, "denied", 0, None)
    assert till.runs == ["run 1"], "the question waits again without a run"


ENDS = {
    "told": (None, "unknown", "unknown", ["run 1", "run 1", "paid fast 1"]),
    "verified": ("paid fast", None, "done", ["run 1", "run 1", "paid fast 1", "run 2", "paid fast 2"]),
    "idempotent": ("paid fast", None, None, ["run 1", "run 1", "paid fast 1", "run 2", "paid fast 2"]),
}
"""The result after the crash, its error, the state in the ledger, and what happened."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_that_was_cut_after_its_last_answer_asks_no_question_again(
    server: RehearsalServer, tmp_path: Path, kind: str
) -> None:
    till = Till(kind)

    async def paid(question: StreamApprovalRequired) -> None:
        await agent.answer("payer", question.tool_call.id, "fast")
        await till.running.wait()
        if kind != "idempotent":
            entry = await ledger()
            assert (entry.state, entry.attempt, entry.begun_at is None) == (EffectState.BEGUN, 1, False)

    content, error, state, runs = ENDS[kind]
    async with crashed(server, tmp_path, till.tool, paid) as first:
        events = await followed(await begun(till.tool), first.stream_id)
        shown = [each for each in events if isinstance(each, StreamApprovalRequired)]
        assert [each.seq for each in shown] == [first.seq], "the question of the first program only"
        result = result_of(events)
        assert (content or result.content, result.error) == (result.content, error)
        if state is not None:
            entry = await ledger()
            assert (entry.state, entry.attempt) == (state, 1 if kind == "told" else 2)
    assert till.runs == runs


async def test_a_call_cut_between_its_answers_and_asked_again_by_verify_asks_only_what_is_open(
    server: RehearsalServer, tmp_path: Path
) -> None:
    """The second attempt asks further, waits over a crash, and goes on as the second attempt."""
    runs: list[tuple[int, int]] = []
    running = asyncio.Event()

    async def pay(path: str, call: CallContext) -> str:
        """Ask, hang once, and ask again."""
        runs.append((call.attempt, len(call.answers)))
        first = call.ask(HOW)
        if call.attempt == 1:
            running.set()
            await asyncio.Event().wait()
        return f"{first}, {call.ask(HOW)}"

    made = tool(name="pays", timeout_s=60.0, verify=lambda: DidNotHappen())(pay)

    async def hangs(question: StreamApprovalRequired) -> None:
        await agent.answer("payer", question.tool_call.id, "fast")
        await running.wait()

    async with crashed(server, tmp_path, made, hangs) as first:
        pid = await begun(made)
        async with Mailbox() as box:
            assert await agent.follow(pid, first.stream_id, box.pid, after=first.seq)
            while not isinstance(await box.receive(20), StreamApprovalRequired):
                pass
            entry = await ledger()
            assert (entry.state, entry.attempt) == (EffectState.INTENDED, 1)
            copy_store(tmp_path / "second", tmp_path / "third")
    free_store(tmp_path / "third")
    async with running_in(server, tmp_path / "third"):
        pid = await begun(made)
        async with Mailbox() as box:
            assert await agent.follow(pid, first.stream_id, box.pid)
            await agent.answer(pid, first.tool_call.id, "safe")
            while not isinstance(ended := await box.receive(20), StreamToolResult):
                pass
        assert (ended.result.content, ended.result.error) == ("fast, safe", None)
        entry = await ledger()
        assert (entry.state, entry.attempt) == (EffectState.DONE, 2)
    assert runs == [(1, 0), (1, 1), (2, 1), (2, 2)]
