"""Whatever falls, and whenever: each stream that began ends once, in order, and nothing is left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors import KILL, AsyncioSystemBase, CallFailed, Mailbox, Pid, new_event_loop
from actors import exit as send_exit
from agents import Event, StreamComplete, StreamError, StreamReset, StreamToken, StreamToolResult, agent, application
from agents.rehearsal import RehearsalServer, parse
from agents.settings import Settings, ToolSettings
from supervisors import agent_supervisor, which_children

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
    """Of a model whose first, or whose second answer breaks once after two tokens; or neither."""
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


@settings(max_examples=25)
@example(blows=[(14, kill_agent)], model="well", again=False)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(BLOWS)), min_size=1, max_size=3),
    st.sampled_from(MODELS),
    st.booleans(),
)
def test_every_stream_that_began_ends_once_whatever_falls(
    blows: list[tuple[int, Blow]], model: str, again: bool
) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(play(dict(blows), model, again=again))


async def play(blows: dict[int, Blow], model: str, *, again: bool) -> None:
    async with RehearsalServer(parse(script(model))) as server, application.running(ONE_WORKER) as system:
        before = labels(system)
        streaming = {"max_retries": 1, "retry_after_output": again}
        config = {"model": f"busy-{model}", "tools": TOOLS, "streaming_config": streaming, **server.endpoint}
        pid = await agent_supervisor.start_agent(config)
        async with Mailbox() as box:
            down = box.process.monitor(pid)
            streams: dict[str, list[Event]] = {agent.stream_chat(pid, "go"): [] for _ in range(MESSAGES)}
            received = 0
            while not all(map(ended, streams.values())):
                message = await box.receive(10)
                if not hasattr(message, "seq"):
                    assert message.ref is down
                    break
                streams[message.stream_id].append(message)
                received += 1
                with suppress(CallFailed):  # the agent was gone before
                    await blows.get(received, nothing)(pid)
            for begun in [events for events in streams.values() if events]:
                while not ended(begun):
                    event = await box.receive(10)
                    streams[event.stream_id].append(event)
                check(begun)
        for survivor in await agent_supervisor.which_agents():
            await agent_supervisor.stop_agent(survivor)
        assert labels(system) == before


def ended(events: list[Event]) -> bool:
    return bool(events) and isinstance(events[-1], StreamComplete | StreamError)


def check(events: list[Event]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sum(isinstance(event, StreamComplete | StreamError) for event in events) == 1
    errors = {event.result.error for event in events if isinstance(event, StreamToolResult)}
    assert errors <= {None, "crashed"}
    tokens = ""
    for event in events:
        match event:
            case StreamReset(content=content):
                tokens = content
            case StreamToken(token):
                tokens += token
    end = events[-1]
    assert tokens == (end.response.content if isinstance(end, StreamComplete) else end.content)  # type: ignore[union-attr]


def labels(system: AsyncioSystemBase) -> list[str]:
    """Of what should be left: a provider's connections outlive the turns on purpose."""
    return sorted(process.label for process in system.processes.values() if process.label != "Provider")
