"""Programs of users: teams of agents, agents asked at times, servers that threads use. They name agents by ids."""

import asyncio
from collections.abc import AsyncIterator
from threading import Thread

import pytest

from actors import (
    KILL,
    After,
    AsyncioSystemBase,
    GenServer,
    NoReply,
    Ready,
    Reply,
    call,
    cast,
    exit,  # noqa: A004 (OTP's word)
    start,
    whereis,
)
from agents import CallFailed, StreamFailed, agent, application, find_agent, start_agent, tool
from agents.rehearsal import RehearsalServer, builtin, parse
from supervisors import ChildSpec, Flags, start_supervisor

SCRIPT = parse("""
[[models.planner.turns]]
[[models.planner.turns.steps]]
tool_calls = [
    { name = "ask", arguments = { whom = "first", what = "one" } },
    { name = "ask", arguments = { whom = "second", what = "two" } },
    { name = "ask", arguments = { whom = "broken", what = "three" } },
    { name = "ask", arguments = { whom = "nobody", what = "four" } },
]
[[models.planner.turns.steps]]
text = "{result:0}, {result:1}; {result:2}; {result:3}"
""")


@tool
async def ask(whom: str, what: str) -> str:
    """Ask another agent."""
    return (await agent.chat(whom, what)).content


class Cron(GenServer[tuple[str, ...]]):
    """Asks the agent "clerk" again and again, and keeps its answers. A failed turn is left out."""

    def init(self) -> Ready[tuple[str, ...]]:
        return Ready((), After(0.02))

    async def handle_info(self, message: object, answers: tuple[str, ...]) -> NoReply[tuple[str, ...]]:
        try:
            response = await agent.chat("clerk", f"question {len(answers)}")
        except (CallFailed, StreamFailed):
            return NoReply(answers, After(0.02))
        return NoReply((*answers, response.content), After(0.02))

    def handle_call(self, request: object, caller: object, answers: tuple[str, ...]) -> Reply[tuple[str, ...]]:
        return Reply(answers, answers, After(0.02))


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | SCRIPT) as server, application.running():
        yield server


async def test_a_team_is_asked_by_a_tool_and_by_gather_and_survives_a_broken_member(server: RehearsalServer) -> None:
    for name, model in (("first", "echo"), ("second", "echo"), ("broken", "no-such-model")):
        await start_agent(id=name, model=model, **server.endpoint)
    planner = await start_agent(model="planner", tools=[ask], **server.endpoint)
    first, *faults = (await agent.chat(planner, "Plan.")).content.split("; ")
    assert first == "one, two"
    assert "StreamFailed: api error 404" in faults[0]
    assert "CallFailed: call to nobody failed" in faults[1]
    one, two, failed = await asyncio.gather(
        *(agent.chat(each, f"hello {each}") for each in ("first", "second", "broken")), return_exceptions=True
    )
    assert [getattr(each, "content", "") for each in (one, two)] == ["hello first", "hello second"]
    assert isinstance(failed, StreamFailed)


async def test_a_server_goes_on_asking_an_agent_that_was_killed_and_is_restarted_itself(
    server: RehearsalServer,
) -> None:
    await start_agent(id="clerk", model="echo", **server.endpoint)
    await start_supervisor(Flags(), [ChildSpec("cron", Cron, name="cron")])
    await _more_answers()
    clerk = find_agent("clerk")
    assert clerk is not None
    exit(clerk, "an agent traps exits")
    exit(clerk, KILL)
    await _more_answers()
    assert find_agent("clerk") != clerk
    cron = whereis("cron")
    assert cron is not None
    exit(cron, KILL)
    await _more_answers()


async def _more_answers() -> None:
    """Wait until the server has two more answers than now, or than at its restart."""
    before = len(await _answers())
    while not before < len(answers := await _answers()) - 1:
        before = min(before, len(answers))
        await asyncio.sleep(0.02)


async def _answers() -> tuple[str, ...]:
    while True:
        try:
            return await call("cron", "answers")  # type: ignore[no-any-return]  # a call by name has no type
        except CallFailed:  # the server is being restarted
            await asyncio.sleep(0.02)


class Limit(GenServer[int]):
    def init(self) -> int:
        return 0

    def handle_cast(self, request: object, taken: int) -> NoReply[int]:
        return NoReply(taken + 1)

    def handle_call(self, request: object, caller: object, taken: int) -> Reply[int]:
        return Reply(taken, taken)


def test_every_thread_that_holds_a_pid_may_cast_to_it() -> None:
    def take() -> None:
        for _ in range(100):
            cast(limit, "take")

    with AsyncioSystemBase() as base:
        limit = base.run(start(Limit))
        threads = [Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cast(limit, "take")
        assert base.run(call(limit, "how many?")) == 401
