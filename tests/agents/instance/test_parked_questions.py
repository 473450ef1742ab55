"""A question waits in a parked turn: the answer is kept, starts the agent again, and is the result of its call."""

from contextlib import aclosing
from pathlib import Path

from actors import Mailbox, Pid, ended
from agents import StreamApprovalDecided, agent
from agents.agent_registry import find_agent
from agents.core.events import TERMINAL
from agents.instance.parked_turns import LookAgain, tell
from agents.sessions.waits import parked_waits
from agents.tools.approval import AlreadyDecided, Decided, InvalidAlways, OtherKind
from agents.tools.questions import InvalidReply
from supervisors import agent_supervisor
from tests.agents.instance.test_parking import TWO_HOURS_S, move_deadlines
from tests.agents.keeping import App, journal
from tests.agents.scripts import call, calling
from tests.agents.turns import answer_of, park, parked, questions

SCRIPT = calling(
    "host",
    call("ask_user", question="Which colour?", choices=["red", "blue"]),
    call("ask_user", question="Toppings?", choices=["nuts", "figs"], several=True),
) + calling("late", call("asks_size", article="shirt"), call("asks_name", article="shirt"))
ASKING = [f"tests.agents.daemon.guarded_tools:{name}" for name in ("asks_size", "asks_name")]


async def host() -> Pid:
    return await agent_supervisor.start_agent({"id": "ann", "model": "host", "tools": ["ask_user"]})


async def test_an_answer_to_a_parked_turn_is_the_result_of_its_call_also_in_a_later_program(app: App) -> None:
    async with app(park_after=1):
        one, two = await park(await host(), "begin", 2)
        waiting = await parked_waits((await journal()).store, None, 10, None)
        assert [(each.wait.waiting.kind, each.wait.waiting.question) for each in waiting] == [
            ("question", each.question) for each in (one, two)
        ]
    async with app(park_after=60_000), Mailbox() as box:
        assert find_agent("ann") is None
        assert await agent.approve("ann", one.tool_call.id) == OtherKind(one.tool_call.id, "answer")
        assert await agent.follow("ann", one.stream_id, box.pid)
        assert isinstance(await agent.answer("ann", one.tool_call.id, "green"), InvalidReply)
        assert await agent.answer("ann", one.tool_call.id, "red", by="bob") == Decided(one.tool_call.id, "answered")
        assert await agent.deny("ann", one.tool_call.id) == AlreadyDecided(one.tool_call.id, "answered")
        assert await agent.answer("ann", two.tool_call.id, ["figs"]) == Decided(two.tool_call.id, "answered")
        decided = []
        while not isinstance(event := await box.receive(60), TERMINAL):
            if isinstance(event, StreamApprovalDecided):
                decided.append((event.tool_call.id, event.decision, event.by))
    assert answer_of([event]) == 'red, ["figs"]'
    assert sorted(decided) == sorted([(one.tool_call.id, "answered", "bob"), (two.tool_call.id, "answered", None)])


async def test_an_answer_outlives_a_second_parking(app: App) -> None:
    async with app(park_after=1):
        pid = await host()
        async with parked(pid, "begin", 2) as (events, (one, two)):
            await agent.answer("ann", one.tool_call.id, "red")
            await ended(find_agent("ann") or pid)
            await agent.answer("ann", two.tool_call.id, ["nuts", "figs"])
            assert answer_of([event async for event in events]) == 'red, ["nuts","figs"]'


async def test_after_the_deadline_a_parked_question_has_its_default_or_no_answer(app: App, tmp_path: Path) -> None:
    async with app(park_after=1):
        pid = await agent_supervisor.start_agent({"id": "ann", "model": "late", "tools": ASKING})
        async with parked(pid, "begin", 2) as (events, _):
            move_deadlines(tmp_path, -TWO_HOURS_S)
            tell(LookAgain())
            rest = [event async for event in events]
    nobody = "nobody answered within 3600 s"
    assert answer_of(rest) == f"{nobody}; this is the default answer: M, error: {nobody}"
    assert [each.decision for each in rest if isinstance(each, StreamApprovalDecided)] == ["expired", "expired"]


async def test_an_approval_for_later_calls_does_not_answer_a_question(app: App) -> None:
    async with app(park_after=60_000):
        pid = await host()
        async with aclosing(agent.stream(pid, "begin")) as events:
            one, _two = await questions(events, 2)
            refused = await agent.approve(pid, one.tool_call.id, always="tool")
            assert isinstance(refused, InvalidAlways)
            await agent.cancel(pid)
