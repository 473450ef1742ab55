"""A call that was cut, or that failed: `verify` is asked about its outcome, and then the policy decides.

A crash is an image of the store, taken while the tool runs: what kill -9 would leave on the disk.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors import Mailbox
from agents import (
    CallContext,
    DidNotHappen,
    Event,
    Happened,
    InvalidEdit,
    InvalidTool,
    NotKnown,
    Pid,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamToolResult,
    StreamToolStart,
    Tool,
    ToolResult,
    agent,
    application,
    start_agent,
    tool,
)
from agents.core.ledger import EffectState
from agents.core.outcome import Outcome
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store, history, open_journal
from agents.sessions.effects import Chosen, effects, settle
from agents.sessions.side_records import EffectRecord
from agents.settings import Durability, SessionSettings, Settings, ToolSettings
from tests.agents.effects.images import copy_store, free_store
from tests.agents.scripts import call, calling

SCRIPT = calling("payer", call("pay", order="A7", cents=5), text="So: {result:0}")
NOTHING: Mapping[str, Outcome] = {}


class Bank:
    """A bank whose calls are recorded. answer: of verify. cut: the first call never ends, or raises this."""

    def __init__(self, answer: Any = None, *, cut: Any = True) -> None:
        self.answer, self.cut = answer, cut
        self.calls: list[tuple[str, int]] = []
        self.asked: list[tuple[str, int, str]] = []
        self.running = asyncio.Event()

    async def pay(self, order: str, cents: int, call: CallContext) -> str:
        """Pay for an order."""
        self.calls.append((call.key, call.attempt))
        if isinstance(self.cut, Exception):
            raise self.cut
        if self.cut and len(self.calls) == 1:
            self.running.set()
            await asyncio.Event().wait()
        return f"paid {order}"

    async def verify(self, order: str, call: CallContext) -> Any:
        self.asked.append((call.key, call.attempt, order))
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer == "hangs":
            await asyncio.Event().wait()
        return self.answer

    def tool(self, **options: Any) -> Tool:
        verify = {} if self.answer is None else {"verify": self.verify}
        return tool(name="pay", **{"timeout_s": 0.3, **verify, **options})(self.pay)


@asynccontextmanager
async def running(server: RehearsalServer, folder: Path) -> AsyncIterator[None]:
    kept = SessionSettings(url=f"sqlite:///{folder}/sessions.db", durability=Durability.BATCHED)
    settings = Settings(
        base_url=server.base_url, api_key=SecretStr("any"), sessions=kept, tools=ToolSettings(workers=1)
    )
    async with application.running(settings):
        yield


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield server


async def begun(made: Tool, id_: str = "payer", **config: Any) -> Pid:
    return await start_agent(id=id_, model="payer", owner="ada", tools=[made], **config)


async def cut_short(bank: Bank, id_: str = "payer") -> Pid:
    """Start an agent whose turn waits for the bank. Its stream has its id."""
    pid = await begun(bank.tool(timeout_s=60.0), id_)
    async with Mailbox():
        agent.stream_chat(pid, "go", stream_id=id_)
    await bank.running.wait()
    return pid


async def ledger(session_id: str = "payer") -> EffectRecord:
    """Return the one call of a session."""
    journal = await open_journal()
    assert journal is not None
    await journal.durable()
    (entry,) = await effects(journal.store, Chosen(session_id=session_id))
    return entry


@asynccontextmanager
async def crashed(
    server: RehearsalServer, folder: Path, banks: Mapping[str, Bank], said: Mapping[str, Outcome] = NOTHING
) -> AsyncIterator[None]:
    """Run a program whose predecessor was killed while the tools of these banks ran, each in a session.

    said: what a person says of these calls while no program runs.
    """
    (folder / "first").mkdir()
    async with running(server, folder / "first"):
        for name, bank in banks.items():
            await cut_short(bank, name)
            entry = await ledger(name)
            assert (entry.state, entry.attempt, entry.owner) == (EffectState.BEGUN, 1, "ada"), "before the tool runs"
        copy_store(folder / "first", folder / "second")
    free_store(folder / "second")
    if said:
        store = await Store.open(f"sqlite:///{folder}/second/sessions.db")
        for entry in await effects(store, Chosen()):
            settled = await settle(store, entry.key, said[entry.session_id], "ada", "by phone", begun=True)
            assert (settled.settled_by, settled.note) == ("ada", "by phone")
        await store.close()
    async with running(server, folder / "second"):
        yield


async def followed(pid: Pid, name: str, on_asked: Callable[[str], Any] | None = None) -> list[Event]:
    """Return the events of the continued stream. on_asked: called with the id of a call that waits for a person."""
    events: list[Event] = []
    async with Mailbox() as box:
        assert await agent.follow(pid, name, box.pid)
        while not events or not isinstance(events[-1], StreamComplete | StreamError):
            events.append(event := await box.receive(20))
            if isinstance(event, StreamApprovalRequired) and on_asked is not None:
                await on_asked(event.tool_call.id)
    return events


def result_of(events: list[Event]) -> ToolResult:
    (found,) = [each.result for each in events if isinstance(each, StreamToolResult)]
    return found


RUNS = ("paid A7", None, "done", 2)
MAYBE = ("error: unknown outcome", "unknown", "unknown", 1)
CUT: dict[str, tuple[Any, str, tuple[str, str | None, str, int]]] = {
    "happened": (Happened("paid before"), "tell", ("paid before", None, "done", 1)),
    "did-not-happen": (DidNotHappen(), "tell", RUNS),
    "not-known-tell": (NotKnown(), "tell", MAYBE),
    "not-known-run": (NotKnown(), "run", RUNS),
    "raises": (LookupError("no bank"), "tell", MAYBE),
    "hangs": ("hangs", "tell", MAYBE),
    "no-outcome": ("sure", "tell", MAYBE),
    "nothing-tell": (None, "tell", MAYBE),
    "nothing-run": (None, "run", RUNS),
}
"""The answer of verify, the policy, and what follows: the result, its error, the state, and the number of runs."""


async def test_a_call_that_a_crash_cut_ends_by_the_word_of_its_tool_and_then_by_the_policy(
    server: RehearsalServer, tmp_path: Path
) -> None:
    banks = {name: Bank(answer) for name, (answer, _, _) in CUT.items()}
    async with crashed(server, tmp_path, banks):
        for name, (answer, policy, (content, error, state, runs)) in CUT.items():
            bank = banks[name]
            events = await followed(await begun(bank.tool(on_unknown=policy), name), name)
            result, entry = result_of(events), await ledger(name)
            assert result.content.startswith(content), name
            assert (result.error, entry.state, entry.attempt) == (error, state, runs), name
            assert {key for key, *_ in [*bank.calls, *bank.asked]} == {entry.key}
            assert [attempt for _, attempt in bank.calls] == [1, 2][:runs], name
            assert [(attempt, order) for _, attempt, order in bank.asked] == [(1, "A7")] * (answer is not None)
            starts = [each for each in events if isinstance(each, StreamToolStart)]
            assert len(starts) == runs, "the question to the tool is no start of the call"


async def test_a_turn_continues_by_what_a_person_said_while_no_program_ran(
    server: RehearsalServer, tmp_path: Path
) -> None:
    said: dict[str, Outcome] = {"happened": Happened("paid by hand"), "did-not-happen": DidNotHappen()}
    banks = {name: Bank("not asked") for name in said}
    async with crashed(server, tmp_path, banks, said):
        for name, runs in (("happened", 1), ("did-not-happen", 2)):
            result = result_of(await followed(await begun(banks[name].tool(), name), name))
            entry = await ledger(name)
            assert (result.content, entry.state) == (("paid by hand", "paid A7")[runs - 1], EffectState.DONE)
            assert (len(banks[name].calls), banks[name].asked, entry.settled_by) == (runs, [], "ada")


DECIDED: dict[str, tuple[Any, tuple[str, str | None, str, int]]] = {
    "approve": ("approve", RUNS),
    "deny": ("deny", MAYBE),
    "it-happened": (Happened("paid by hand"), ("paid by hand", None, "done", 1)),
    "it-did-not": (DidNotHappen(), RUNS),
}


async def test_a_person_decides_about_a_call_whose_outcome_is_not_known(
    server: RehearsalServer, tmp_path: Path
) -> None:
    banks = {name: Bank(NotKnown()) for name in DECIDED}
    async with crashed(server, tmp_path, banks):
        for name, (decision, (content, error, state, runs)) in DECIDED.items():
            pid = await begun(banks[name].tool(), name, on_unknown="ask")
            events = await followed(pid, name, partial(decide, pid, name, decision))
            result, entry = result_of(events), await ledger(name)
            (asked,) = [each for each in events if isinstance(each, StreamApprovalRequired)]
            assert asked.kind == "effect"
            assert result.content.startswith(content), name
            assert (result.error, entry.state, len(banks[name].calls)) == (error, state, runs), name
            assert ("we asked the bank" in result.content) == (name == "deny")


async def decide(pid: Pid, name: str, decision: Any, call_id: str) -> None:
    entry = await ledger(name)
    assert entry.state is EffectState.UNKNOWN
    refused = await agent.approve(pid, call_id, edited='{"order": "B1", "cents": 5}')
    assert isinstance(refused, InvalidEdit)
    if decision == "approve":
        await agent.approve(pid, call_id)
    elif decision == "deny":
        await agent.deny(pid, call_id, "we asked the bank")
    else:
        assert await agent.settle(pid, entry.key, decision)
        assert not await agent.settle(pid, entry.key, decision)


LOST = OSError("connection lost")
FAILED: dict[str, tuple[Any, Any, tuple[str, str | None, str]]] = {
    "raised-happened": (LOST, Happened("paid"), ("paid", None, "done")),
    "raised-did-not": (LOST, DidNotHappen(), ("error: OSError: connection lost; ", "no_effect", "failed")),
    "raised-not-known": (LOST, NotKnown(), ("error: OSError: connection lost; ", "unknown", "unknown")),
    "raised": (LOST, None, ("error: OSError: connection lost", "raised", "failed")),
    "late-happened": ("late", Happened("paid"), ("paid", None, "done")),
    "late-did-not": ("late", DidNotHappen(), ("error: no result within 0.3 s; ", "no_effect", "failed")),
    "late": ("late", None, ("error: no result within 0.3 s", "timeout", "unknown")),
}
"""How the tool fails, the answer of verify, and what follows: the result, its error, and the state."""


async def test_a_call_that_failed_is_not_said_to_have_failed_if_it_happened(
    server: RehearsalServer, tmp_path: Path
) -> None:
    async with running(server, tmp_path):
        for name, (fails, answer, (content, error, state)) in FAILED.items():
            bank = Bank(answer, cut=fails)
            events = [each async for each in agent.stream(await begun(bank.tool(), name), "go")]
            result, entry = result_of(events), await ledger(name)
            assert result.content.startswith(content), name
            assert (result.error, entry.state, entry.error) == (error, state, error), name
            assert len([each for each in events if isinstance(each, StreamToolStart)]) == 1


async def test_the_ledger_tells_calls_that_never_ran_from_those_that_were_stopped(
    server: RehearsalServer, tmp_path: Path
) -> None:
    denied, stopped, twice = Bank(cut=False), Bank(), Bank(cut=False)
    async with running(server, tmp_path):
        pid = await begun(denied.tool(requires_approval=True), "denied")
        async for event in agent.stream(pid, "go"):
            if isinstance(event, StreamApprovalRequired):
                intended = await ledger("denied")
                await agent.deny(pid, event.tool_call.id)
        entry = await ledger("denied")
        assert (intended.state, intended.begun_at, intended.attempt) == (EffectState.INTENDED, None, 0)
        assert (entry.state, entry.error, entry.begun_at, entry.attempt) == (EffectState.FAILED, "denied", None, 0)
        assert await agent.cancel(await cut_short(stopped, "stopped"))
        assert ((entry := await ledger("stopped")).state, entry.error) == (EffectState.UNKNOWN, None)
        await agent.chat(await begun(twice.tool(idempotent=True), "idempotent"), "go")
        with pytest.raises(ValueError, match="not enough values"):
            await ledger("idempotent")


async def test_deleted_sessions_leave_only_their_unknown_effects(server: RehearsalServer, tmp_path: Path) -> None:
    ended, stopped = Bank(cut=False), Bank()
    async with running(server, tmp_path):
        await agent.chat(await begun(ended.tool(), "ended"), "go")
        assert await agent.cancel(await cut_short(stopped, "stopped"))
        kept = await ledger("stopped")
        journal = await open_journal()
        assert journal is not None
        for name in ("ended", "stopped"):
            await history.delete(journal.store, name)
        assert await effects(journal.store, Chosen()) == [kept]
        await settle(journal.store, kept.key, DidNotHappen(), "ada", None)
        (entry,) = await effects(journal.store, Chosen())
    assert (entry.state, entry.error, entry.settled_by) == (EffectState.FAILED, "no_effect", "ada")


async def happens(cents: int, shop: str) -> Happened:
    return Happened(f"{cents} at {shop}")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"verify": happens}, "verify: expected parameters of pay and a CallContext, got shop"),
        ({"verify": Bank().verify, "idempotent": True}, "verify: expected None where idempotent=True"),
        ({"on_unknown": "hope"}, "on_unknown: expected tell, ask or run, got 'hope'"),
        ({"on_unknown": "ask", "idempotent": True}, "on_unknown: expected None where idempotent=True"),
    ],
    ids=lambda each: each if isinstance(each, str) else ", ".join(each),
)
def test_options_that_contradict_each_other_are_refused(options: Any, fault: str) -> None:
    with pytest.raises(InvalidTool) as caught:
        tool(name="pay", **options)(Bank().pay)
    assert fault in str(caught.value)
