"""After any crash at any time each begun stream ends once, in order, and nothing is left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import reduce
from operator import or_
from typing import Self
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors import KILL, AsyncioSystemBase, CallFailed, Mailbox, Pid, new_event_loop
from actors import exit as send_exit
from agents import Event, StreamComplete, StreamError, StreamToolResult, agent, application
from agents.rehearsal import RehearsalServer, parse
from agents.settings import Settings, ToolSettings
from supervisors import agent_supervisor, which_children
from tests.agents.texts import text_that_stands

FAULTS = ["drop", "close", "truncate", "bad_json", "error_event", "length", "rate_limit", "server_error", "html"]
SCRIPT = """
[[models.busy-{name}.turns]]
[[models.busy-{name}.turns.steps]]
text = "Two things at once."
token_delay_s = 0.001
tool_calls = [
    {{ name = "shout", arguments = {{ text = "a" }} }},
    {{ name = "whoami", arguments = {{}} }},
]
{first}
[[models.busy-{name}.turns.steps]]
text = "{{tool:shout}} and that is all there is."
token_delay_s = 0.001
{second}
"""


def script(name: str) -> str:
    """Return a script in which the first, the second or no answer breaks once after two tokens."""
    place, _, fault = name.partition("-")
    after = "" if fault in ("rate_limit", "server_error", "html") else "after_tokens = 2, "
    broken = f'fault = {{ name = "{fault}", {after}times = 1 }}'
    return SCRIPT.format(
        name=name, first=broken if place == "first" else "", second=broken if place == "second" else ""
    )


MODELS = ["well", *(f"{place}-{fault}" for place in ("first", "second") for fault in FAULTS)]
TOOLS = ["tests.agents.sample_tools:shout", "tests.agents.sample_tools:whoami"]
MESSAGES = 2
ONE_WORKER = Settings(tools=ToolSettings(workers=1))


async def cancel(pid: Pid) -> None:
    await agent.cancel(pid)


async def stop_agent(pid: Pid) -> None:
    await agent_supervisor.stop_agent(pid)


async def kill_agent(pid: Pid) -> None:
    send_exit(pid, KILL)


async def kill_handler(pid: Pid) -> None:
    for child in await which_children("stream_supervisor"):
        assert isinstance(child.pid, Pid)
        send_exit(child.pid, KILL)


async def kill_calls(pid: Pid) -> None:
    for child in await which_children("tool_supervisor"):
        assert isinstance(child.pid, Pid)
        send_exit(child.pid, KILL)


async def nothing(pid: Pid) -> None:
    pass


Blow = Callable[[Pid], Awaitable[None]]
BLOWS: list[Blow] = [cancel, stop_agent, kill_agent, kill_handler, kill_calls, nothing]


class House:
    """An application, and a server that has every model."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            scripts = map(parse, map(script, MODELS))
            self.server = await stack.enter_async_context(RehearsalServer(reduce(or_, scripts)))
            self.system = await stack.enter_async_context(application.running(ONE_WORKER))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def play(self, blows: dict[int, Blow], model: str, *, again: bool) -> None:
        """Play with a new agent that has its own key: the server counts faults by key."""
        before = labels(self.system)
        streaming = {"max_retries": 1, "retry_after_output": again}
        endpoint = {"base_url": self.server.base_url, "api_key": uuid4().hex}
        config = {"model": f"busy-{model}", "tools": TOOLS, "streaming_config": streaming, **endpoint}
        await turns_that_end(await agent_supervisor.start_agent(config), blows)
        for survivor in await agent_supervisor.which_agents():
            await agent_supervisor.stop_agent(survivor)
        assert labels(self.system) == before


@pytest.mark.timeout(300)
def test_every_stream_that_began_ends_once_whatever_falls() -> None:
    """Use one application for all examples: its start takes longer than the examples on a busy machine."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        house = runner.run(House().__aenter__())
        try:

            @settings(max_examples=25)
            @example(blows=[(14, kill_agent)], model="well", again=False)
            @given(
                blows=st.lists(st.tuples(st.integers(0, 20), st.sampled_from(BLOWS)), min_size=1, max_size=3),
                model=st.sampled_from(MODELS),
                again=st.booleans(),
            )
            def holds(blows: list[tuple[int, Blow]], model: str, again: bool) -> None:
                runner.run(house.play(dict(blows), model, again=again))

            holds()
        finally:
            runner.run(house.__aexit__())


async def turns_that_end(pid: Pid, blows: dict[int, Blow]) -> None:
    """Ask twice, and kill a process after each given number of events: every begun stream ends."""
    async with Mailbox() as box:
        down = box.monitor(pid)
        streams: dict[str, list[Event]] = {agent.stream_chat(pid, "go"): [] for _ in range(MESSAGES)}
        received = 0
        while not all(map(ended, streams.values())):
            message = await box.receive(60)
            if not hasattr(message, "seq"):
                assert message.ref is down
                break
            streams[message.stream_id].append(message)
            received += 1
            with suppress(CallFailed):  # the agent had already ended
                await blows.get(received, nothing)(pid)
        for begun in [events for events in streams.values() if events]:
            while not ended(begun):
                event = await box.receive(60)
                streams[event.stream_id].append(event)
            check(begun)


def ended(events: list[Event]) -> bool:
    return bool(events) and isinstance(events[-1], StreamComplete | StreamError)


def check(events: list[Event]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sum(isinstance(event, StreamComplete | StreamError) for event in events) == 1
    errors = {event.result.error for event in events if isinstance(event, StreamToolResult)}
    assert errors <= {None, "crashed"}
    end = events[-1]
    assert text_that_stands(events) == (end.response.content if isinstance(end, StreamComplete) else end.content)  # type: ignore[union-attr]


def labels(system: AsyncioSystemBase) -> list[str]:
    """Return the labels of the expected processes: a provider's connections outlive turns on purpose."""
    return sorted(process.label for process in system.processes.values() if process.label != "Provider")
