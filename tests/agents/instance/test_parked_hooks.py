"""A hook asks about a call, or rewrites it, and the turn is parked: the call runs once, as the person saw it."""

import pytest

from actors import Mailbox, Pid
from agents import StreamApprovalDecided, agent
from agents.core.events import TERMINAL, Event
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.turns import answer_of, park

SCRIPT = """
[models.spender]
[[models.spender.turns]]
steps = [{ tool_calls = [{ name = "spend", arguments = { cents = 5000 } }] }, { text = "{result:0}" }]
"""
HOOKS = [f"tests.agents.hooks.sample_hooks:{name}" for name in ("at_most_100", "ask_above_50")]


async def start(id_: str = "ann") -> Pid:
    tools, hooks = ["tests.agents.hooks.sample_hooks:spend"], {"before_tool": HOOKS}
    return await agent_supervisor.start_agent({"id": id_, "model": "spender", "tools": tools, "hooks": hooks})


async def rest(box: Mailbox) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(30))
    return events


@pytest.mark.parametrize("edited", [None, '{"cents": 30}'])
async def test_a_call_about_which_a_hook_asked_runs_once_as_the_person_saw_or_edited_it(
    app: App, edited: str | None
) -> None:
    async with app(park_after=1):
        (one,) = await park(await start(), "begin", 1)
        (parked,) = await (await journal()).store.parked_waits(None, 10, None)
        assert parked.wait.waiting.why == "Spend 100?"
    assert (one.why, one.tool_call.arguments) == ("Spend 100?", '{"cents":100}')
    async with app(park_after=60_000), Mailbox() as box:
        await start("other")  # so that this program has the tool and the hooks
        await agent.approve("ann", one.tool_call.id, edited=edited, by="bob")
        assert await agent.follow("ann", one.stream_id, box.pid, after=one.seq)
        events = await rest(box)
        decided = [(event.by, event.edited) for event in events if isinstance(event, StreamApprovalDecided)]
        assert decided == [("bob", edited is not None)]
        spent = "spent 100 on ada" if edited is None else "spent 30 on ada"
        assert answer_of(events).startswith(spent)
