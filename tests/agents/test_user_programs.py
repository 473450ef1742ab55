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
    Mailbox,
    NoReply,
    Pid,
    Ready,
    Reply,
    call,
    cast,
    exit,  # noqa: A004 (OTP's word)
    send,
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


class Cron(GenServer[tuple[Pid, int]]):
    """Asks the agent "clerk" again and again, and sends each answer to a listener. A failed turn is left out.

    Its state: the listener, and the number of answers.
    """

    def init(self, listener: Pid) -> Ready[tuple[Pid, int]]:
        return Ready((listener, 0), After(0.02))

    async def handle_info(self, message: object, state: tuple[Pid, int]) -> NoReply[tuple[Pid, int]]:
        listener, answers = state
        try:
            response = await agent.chat("clerk", f"question {answers}")
        except (CallFailed, StreamFailed):
            return NoReply(state, After(0.02))
        send(listener, (self.pid, response.content))
        return NoReply((listener, answers + 1), After(0.02))


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
    async with Mailbox() as box:
        await start_supervisor(Flags(), [ChildSpec("cron", Cron, box.pid, name="cron")])
        assert [(await box.receive(30.0))[1] for _ in range(2)] == ["question 0", "question 1"]
        clerk, cron = find_agent("clerk"), whereis("cron")
        assert clerk is not None
        assert cron is not None
        exit(clerk, "an agent traps exits")
        exit(clerk, KILL)
        while find_agent("clerk") in (clerk, None):
            await box.receive(30.0)  # an answer from before the kill, or the first one after it
        assert (await box.receive(30.0))[0] == cron
        exit(cron, KILL)
        while (answer := await box.receive(30.0))[0] == cron:
            pass
        assert answer[1] == "question 0"


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
