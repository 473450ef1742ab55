"""A call that asks in the middle waits in a parked turn: its answers are kept, and it runs again with them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from actors import Mailbox, Pid, ended
from agents import Event, StreamApprovalDecided, StreamApprovalRequired, StreamToolResult, agent
from agents.agent_registry import find_agent
from agents.core.events import TERMINAL
from agents.sessions.waits import parked_waits
from agents.tools.approval import Decided, OtherKind
from agents.tools.questions import InvalidReply
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.scripts import call, calling
from tests.agents.tools import asking_midway
from tests.agents.tools.asking_midway import HOW, NAMES, WHETHER
from tests.agents.turns import answer_of, park, questions

SCRIPT = "".join(
    (
        asking_midway.SCRIPT,
        calling("soon", call("deletes_soon", path="{user}"), text="So: {result:0}"),
        calling("careful", call("deletes_if_approved", path="nowhere"), text="So: {result:0}"),
    )
)
MODULE = asking_midway.__name__
ALL = [*NAMES, *(f"{MODULE}:{name}" for name in ("deletes_soon", "deletes_if_approved"))]


async def start(model: str, id_: str = "ann") -> Pid:
    return await agent_supervisor.start_agent({"id": id_, "model": model, "tools": ALL})


async def until(box: Mailbox, kind: type[Event]) -> Event:
    while not isinstance(event := await box.receive(60), (kind, *TERMINAL)):
        pass
    return event


async def rest(events: AsyncGenerator[Event, None]) -> list[Event]:
    return [event async for event in events]


async def test_two_calls_that_asked_go_on_in_a_later_program_with_the_same_questions(app: App, tmp_path: Path) -> None:
    file = tmp_path / "runs"
    async with app(park_after=1):
        first = {each.tool_call.name: each for each in await park(await start("both"), str(file), 2)}
        waiting = await parked_waits((await journal()).store, None, 10, None)
        assert {(each.wait.waiting.kind, each.wait.waiting.question) for each in waiting} == {("question", WHETHER)}
        assert await agent.answer("ann", first["moves"].tool_call.id, "yes") == Decided(
            first["moves"].tool_call.id, "answered"
        )
        async with Mailbox() as box:
            assert await agent.follow("ann", first["moves"].stream_id, box.pid)
            while not isinstance(again := await until(box, StreamApprovalRequired), StreamApprovalRequired) or (
                again.question != HOW
            ):
                pass
            assert again.tool_call == first["moves"].tool_call
            if (pid_again := find_agent("ann")) is not None:
                await ended(pid_again)
    async with app(park_after=60_000), Mailbox() as box:
        assert find_agent("ann") is None
        await start("both", "other")  # so that this program has the tools
        moves, deletes = first["moves"].tool_call.id, first["deletes"].tool_call.id
        assert await agent.approve("ann", moves) == OtherKind(moves, "answer")
        assert await agent.follow("ann", again.stream_id, box.pid, after=again.seq)
        assert isinstance(await agent.answer("ann", moves, "yes"), InvalidReply)
        assert await agent.answer("ann", moves, "fast", by="bob") == Decided(moves, "answered")
        assert await agent.deny("ann", deletes, "no") == Decided(deletes, "denied")
        seen: list[Event] = []
        while not seen or not isinstance(seen[-1], TERMINAL):
            seen.append(await box.receive(60))
    assert answer_of(seen) == "So: error: denied: no, moved fast"
    assert {(each.decision, each.by) for each in seen if isinstance(each, StreamApprovalDecided)} == {
        ("answered", "bob"),
        ("denied", None),
    }
    results = [each.result.attempts for each in seen if isinstance(each, StreamToolResult)]
    assert results == [1, 1]
    runs = sorted(file.read_text().splitlines())
    assert runs == ["moved fast", "run 1 of deletes", *["run 1 of moves"] * 3]


async def test_after_the_deadlines_a_parked_call_has_the_default_and_then_no_answer(app: App, tmp_path: Path) -> None:
    file = tmp_path / "runs"
    async with app(park_after=1):
        pid = await start("soon")
        async with aclosing(agent.stream(pid, str(file))) as events:
            seen = await rest(events)
        assert not pid.alive
    assert answer_of(seen) == "So: error: nobody answered within 0.5 s"
    assert [each.decision for each in seen if isinstance(each, StreamApprovalDecided)] == ["expired", "expired"]
    assert file.read_text().splitlines() == ["run 1 of deletes_soon", *["run 1 of deletes_soon", "how: safe"]]


async def test_a_call_that_was_approved_with_edited_arguments_asks_and_keeps_them_over_a_parking(
    app: App, tmp_path: Path
) -> None:
    file = tmp_path / "runs"
    edited = f'{{"path": "{file}"}}'
    async with app(park_after=1):
        pid = await start("careful")
        async with aclosing(agent.stream(pid, "go")) as events:
            (one,) = await questions(events, 1)
            await agent.approve("ann", one.tool_call.id, edited=edited)
            (two,) = await questions(events, 1)
            assert (two.kind, two.question, two.tool_call.arguments) == ("question", WHETHER, edited)
            if (pid_again := find_agent("ann")) is not None:
                await ended(pid_again)
            await agent.answer("ann", one.tool_call.id, "yes")
            (three,) = await questions(events, 1)
            assert three.question == HOW
            await agent.answer("ann", one.tool_call.id, "safe")
            said, _, note = answer_of(await rest(events)).partition("\n\n")
    assert said == "So: deleted safe"
    assert edited in note
