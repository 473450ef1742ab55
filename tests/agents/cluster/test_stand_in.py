"""An agent of another node, used through its stand-in as any agent is. Two nodes in one loop, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors import KILL, NORMAL, AsyncioSystemBase, CallFailed, Mailbox, Pid, call, ended, exit, get_state, start  # noqa: A004
from agents import agent, application
from agents.agent_registry import find_agent
from agents.cluster.finding import agent_here
from agents.cluster.forwarding import NO_CONNECTION
from agents.cluster.link.address import PeerNode, UnixAddress
from agents.cluster.link.credit import MAX_EVENTS
from agents.cluster.link.server import listening
from agents.cluster.links import Links, LinkTo
from agents.cluster.remote import Remote
from agents.cluster.stand_in import StandIn
from agents.core.errors import Cancelled, HandlerCrashed, Interrupted
from agents.core.events import (
    TERMINAL,
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamToken,
    StreamToolResult,
)
from agents.instance.requests import GetEvents
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings, ToolSettings
from agents.tools.approval import Decided, NotAsked
from supervisors import AlreadyStarted, agent_supervisor
from tests.agents.cluster.link.nodes import PLAIN, A, B, everybody_lives
from tests.agents.sample_tools import pays

SCRIPT = """
[models.long]
turns = [{ steps = [{ text = "One two three four five six seven eight nine ten." }] }]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]

[models.buyer]
turns = [
    { steps = [{ tool_calls = [{ name = "pays", arguments = { euros = 500 } }] }, { text = "{result:0}" }] },
]
"""


class Pair:
    """The node B with its agents, and the node A, in whose system the tests run.

    owner: the node that A takes for the owner of every session; None: it finds none.
    """

    owner: PeerNode | None
    links: Pid

    def __init__(self, agents: dict[str, Pid]) -> None:
        self.agents, self.stored = agents, list[Event]()
        self.reads: list[tuple[str, int, int]] = []

    async def owner_of(self, _session: str) -> PeerNode | None:
        return self.owner

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """Read events as the store has them: those of `stored`, or all that an agent of B has published."""
        self.reads.append((stream, after, limit))
        events = self.stored
        for pid in self.agents.values():
            if not events and pid.alive:
                events = list(await call(pid, GetEvents(stream)) or ())
        return [event for event in events if event.stream_id == stream and event.seq > after][:limit]

    async def stand_in(self, session: str, **changes: Any) -> Pid:
        remote = Remote(self.links, self.owner_of, self.read, **{"failover_s": 20.0, "buffer_size": 4096, **changes})
        return await start(StandIn, session, remote)

    async def link(self) -> Any:
        assert self.owner is not None
        return await call(self.links, LinkTo(self.owner))


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin() | parse(SCRIPT, "script")))
        settings = Settings(base_url=server.base_url, api_key=SecretStr("rehearsal"), tools=ToolSettings(workers=1))
        await stack.enter_async_context(application.running(settings))
        links = await start(Links, B, PLAIN, agent_here)
        configs = [{"id": each, "model": each, "tools": [pays]} for each in ("echo", "long", "slow", "buyer")]
        configs.append({"id": "steered", "model": "slow", "when_busy": "steer"})
        agents = {str(each["id"]): await agent_supervisor.start_agent(each) for each in configs}
        address = UnixAddress(tmp_path / "nodes" / "2.sock")
        await stack.enter_async_context(listening(address, B, links, everybody_lives, PLAIN))
        await stack.enter_async_context(AsyncioSystemBase())
        made = Pair(agents)
        made.owner = PeerNode(B.epoch, B.incarnation, address)
        made.links = await start(Links, A, PLAIN, agent_here)
        yield made


async def whole(box: Mailbox) -> list[Event]:
    events: list[Event] = [await box.receive(10)]
    while not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(10))
    return events


def text_of(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


async def asked(pid: Pid, box: Mailbox, text: str = "go") -> tuple[str, list[Event]]:
    """Send a message, and return its stream's id and its first two events or more, up to its second token."""
    stream_id, events = agent.stream_chat(pid, text, box.pid), list[Event]()
    while sum(isinstance(event, StreamToken) for event in events) < 2:
        events.append(await box.receive(10))
    return stream_id, events


async def test_a_far_agent_answers_by_its_pid_and_by_its_id(pair: Pair) -> None:
    pid = await pair.stand_in("echo")
    assert find_agent("echo") == pid
    assert (await agent.chat(pid, "Hello there")).content == "Hello there"
    assert (await agent.chat("echo", "And again")).content == "And again"
    texts = [message.content for message in await agent.conversation("echo")]
    assert texts[-4:] == ["Hello there", "Hello there", "And again", "And again"]
    info = await agent.info(pid)
    assert (info.id, info.model, len(info.streams)) == ("echo", "echo", 2)
    assert (await agent.history(pid)).conversation == await agent.conversation(pid)
    events = await agent.events(pid, info.streams[0].id)
    assert events is not None
    assert isinstance(events[-1], StreamComplete)


async def test_a_far_stream_has_every_event_once_and_in_order(pair: Pair) -> None:
    pid = await pair.stand_in("long")
    streams = await asyncio.gather(*(_collected(pid) for _ in range(5)))
    for events in streams:
        assert isinstance(events[0], StreamStart)
        assert isinstance(events[-1], StreamComplete)
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        assert events[-1].response.content == "".join(e.token for e in events if isinstance(e, StreamToken))
        assert events[-1].response.content == "One two three four five six seven eight nine ten."


async def _collected(pid: Pid) -> list[Event]:
    return [event async for event in agent.stream(pid, "count")]


async def test_a_far_turn_is_followed_from_any_seq_and_cancelled(pair: Pair) -> None:
    pid, first, late = await pair.stand_in("slow"), Mailbox(), Mailbox()
    stream_id, events = await asked(pid, first)
    assert await agent.follow(pid, stream_id, late.pid, after=events[0].seq) is True
    assert await agent.follow(pid, "another stream", late.pid) is False
    assert (await agent.info(pid)).streams[-1].status == "running"
    assert await agent.cancel(pid, stream_id) is True
    assert await agent.cancel(pid, stream_id) is False
    end = (await whole(first))[-1]
    assert isinstance(end, StreamError)
    assert end.reason == Cancelled()
    followed = await whole(late)
    assert followed[0].seq - getattr(followed[0], "joined", 1) == events[0].seq
    assert followed[-1] == end


async def test_a_far_call_is_approved_and_its_decision_is_final(pair: Pair) -> None:
    pid, box = await pair.stand_in("buyer"), Mailbox()
    stream_id = agent.stream_chat(pid, "buy", box.pid)
    while not isinstance(event := await box.receive(10), StreamApprovalRequired):
        pass
    call_id = event.tool_call.id
    assert await agent.approve(pid, "another call") == NotAsked("another call")
    assert await agent.approve(pid, call_id, stream_id=stream_id) == Decided(call_id, "approved")
    events = await whole(box)
    assert any(isinstance(each, StreamToolResult) for each in events)
    assert isinstance(events[-1], StreamComplete)


async def test_a_far_turn_is_steered_and_a_far_agent_retires(pair: Pair) -> None:
    pid, box = await pair.stand_in("slow"), Mailbox()
    stream_id, _ = await asked(pid, box)
    assert await agent.retire(pid) is False
    assert await agent.steer(pid, "and more", stream_id=stream_id) is True
    assert await agent.steer(pid, "and more", stream_id="another stream") is False
    await agent.cancel(pid)
    await whole(box)
    end = asyncio.create_task(ended(pid))
    while not await agent.retire(pid):  # the turn's handler still closes its connection
        pass
    assert not pid.alive
    assert await end is NORMAL


async def test_a_subscriber_gets_each_event_of_a_far_agent_once(pair: Pair) -> None:
    pid, box, asker = await pair.stand_in("long"), Mailbox(), Mailbox()
    agent.subscribe(pid, box.pid)
    agent.subscribe(pid, box.pid)
    await agent.info(pid)  # so that the agent has got the subscription
    mine, other = agent.stream_chat(pid, "count", box.pid), agent.stream_chat(pid, "count", asker.pid)
    events = {mine: list[Event](), other: list[Event]()}
    for _ in events:
        for event in await whole(box):
            events[event.stream_id].append(event)
    for each in events.values():
        assert [event.seq for event in each] == list(range(1, len(each) + 1))
    assert events[other] == await whole(asker)
    agent.unsubscribe(pid, box.pid)
    await agent.chat(pid, "count")
    assert not box.process.mailbox


async def test_a_message_that_joins_a_far_turn_brings_no_event_twice(pair: Pair) -> None:
    pid, box, other = await pair.stand_in("steered"), Mailbox(), Mailbox()
    stream_id, events = await asked(pid, box)
    joining = agent.stream_chat(pid, "more", box.pid)
    agent.stream_chat(pid, "still more", other.pid)
    assert (await agent.info(pid)).streams[-1].steered_by[0] == joining
    assert await agent.cancel(pid, joining) is True
    events += await whole(box)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {event.stream_id for event in [*events, *await whole(other)]} == {stream_id}
    await agent.info(pid)
    assert not box.process.mailbox
    assert (await get_state(pid)).forwarding.empty


async def test_a_message_id_is_answered_once_by_a_far_agent_too(pair: Pair) -> None:
    pid, box, other = await pair.stand_in("echo"), Mailbox(), Mailbox()
    for mailbox in (box, box, other):
        agent.stream_chat(pid, "once", mailbox.pid, stream_id="mine")
    assert (await whole(box))[-1] == (await whole(other))[-1]
    assert len((await agent.info(pid)).streams) == 1
    assert not box.process.mailbox


async def test_a_slow_subscriber_gets_a_far_stream_joined_and_whole(pair: Pair) -> None:
    pid, box = await pair.stand_in("echo", buffer_size=4), Mailbox()
    text = " ".join(map(str, range(5000)))
    agent.stream_chat(pid, text, box.pid)
    assert (await agent.chat(pid, "another")).content == "another"  # after the slow one's turn
    events = list[Event]()
    while not events or not isinstance(events[-1], TERMINAL):
        assert len(box.process.mailbox) <= 4
        events.append(await box.receive(10))
    assert "".join(event.token for event in events if isinstance(event, StreamToken)) == text


async def test_a_subscriber_that_reads_nothing_costs_a_window_on_this_node(pair: Pair) -> None:
    pid, box = await pair.stand_in("echo", buffer_size=4), Mailbox()
    text = " ".join(map(str, range(5000)))
    agent.stream_chat(pid, text, box.pid)
    assert (await agent.chat(pid, "another")).content == "another"  # after that turn, over the same link
    (follower,) = (await get_state(pid)).forwarding.followers()
    assert len(box.process.mailbox) <= 4
    assert follower.waits
    assert len(follower._held) <= MAX_EVENTS
    box.close()
    agent.unsubscribe(pid, box.pid)
    await agent.info(pid)
    assert (await get_state(pid)).forwarding.empty


async def test_a_follow_continues_over_a_new_link(pair: Pair) -> None:
    pid, box = await pair.stand_in("slow"), Mailbox()
    stream_id, events = await asked(pid, box)
    for _ in range(3):
        link = await pair.link()
        exit(link.pid, KILL)
        await ended(link.pid)
        assert (await agent.info(pid)).streams[-1].id == stream_id  # sent again over another link
    assert await agent.cancel(pid, stream_id) is True
    events += await whole(box)
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert isinstance(events[-1], StreamError)
    assert events[-1].reason == Cancelled()


async def test_requests_wait_for_an_owner_and_fail_without_one(pair: Pair) -> None:
    owner, pair.owner = pair.owner, None
    pid = await pair.stand_in("echo")
    waiting = asyncio.create_task(agent.chat(pid, "patience"))
    await asyncio.sleep(0)
    pair.owner = owner
    assert (await waiting).content == "patience"
    pair.owner = None
    lost = await pair.stand_in("long", failover_s=0.05)
    with pytest.raises(agent.StreamFailed) as failed:
        await agent.chat(lost, "nobody is there")
    assert failed.value.fault == HandlerCrashed("its agent ended")
    assert not lost.alive
    lost = await pair.stand_in("long", failover_s=0.05)
    with pytest.raises(CallFailed, match=NO_CONNECTION):
        await agent.info(lost)


async def test_a_node_that_does_not_have_the_session_is_asked_a_few_times(pair: Pair) -> None:
    pid = await pair.stand_in("nobody")
    with pytest.raises(CallFailed, match=NO_CONNECTION):
        await agent.info(pid)


async def test_a_stream_that_its_agent_lost_is_read_from_the_store_to_its_end(pair: Pair) -> None:
    pid, box = await pair.stand_in("slow"), Mailbox()
    stream_id, events = await asked(pid, box)
    place: dict[str, Any] = {"stream_id": stream_id}
    tail = [StreamToken("x", seq=events[-1].seq + n, **place) for n in range(1, 2000)]
    end = StreamError(Interrupted(), seq=events[-1].seq + 2000, **place)
    pair.stored = [*events, *tail, end]
    exit(pair.agents["slow"], KILL)
    assert await whole(box) == [*tail, end]
    assert (await agent.info(pid)).streams == ()  # the successor


async def test_a_stream_that_nobody_has_ends_with_one_error(pair: Pair) -> None:
    pid, box = await pair.stand_in("slow"), Mailbox()
    stream_id, events = await asked(pid, box)
    exit(pair.agents["slow"], KILL)
    (end,) = await whole(box)
    assert isinstance(end, StreamError)
    assert (end.reason, end.stream_id, end.seq) == (HandlerCrashed("its agent ended"), stream_id, events[-1].seq + 1)


async def test_an_event_too_large_for_a_link_is_read_from_the_store(pair: Pair) -> None:
    pid, box = await pair.stand_in("echo"), Mailbox()
    text = "word " * 55_000
    stream_id = agent.stream_chat(pid, text, box.pid)
    end = (await whole(box))[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == text
    assert pair.reads == [(stream_id, end.seq - 1, 1)]
    assert (await agent.events(pid, stream_id) or ())[-1] == end  # the answer is sent in parts
    with pytest.raises(CallFailed, match="expected a message of at most 16777216 bytes between nodes"):
        await agent.steer(pid, "x" * 2**24)
    assert (await agent.info(pid)).messages == 2


async def test_a_text_that_is_joined_to_more_than_a_link_carries_arrives_whole(pair: Pair) -> None:
    """A follow that begins late gets the pieces of a text as one event."""
    pid, box = await pair.stand_in("echo"), Mailbox()
    text = ("x" * 199 + " ") * 4000
    stream_id = agent.stream_chat(pid, text, box.pid)
    whole_answer = await whole(box)
    assert await agent.follow(pid, stream_id, box.pid, after=1)
    events = await whole(box)
    assert (text_of(events) == text) is True  # a diff would be too long
    assert events[-1] == whole_answer[-1]
    seqs = [1, *(event.seq for event in events)]
    assert [seq - getattr(event, "joined", 1) for seq, event in zip(seqs[1:], events, strict=True)] == seqs[:-1]


async def test_a_stand_in_without_requests_ends_and_its_name_is_free(pair: Pair) -> None:
    pid, box = await pair.stand_in("echo", idle_s=0.01), Mailbox()
    agent.subscribe(pid, box.pid)
    assert (await agent.chat(pid, "hello")).content == "hello"
    box.close()
    assert await ended(pid) is NORMAL
    again = await pair.stand_in("echo")
    with pytest.raises(Exception, match="not in use") as refused:
        await pair.stand_in("echo")
    assert isinstance(getattr(refused.value, "reason", None), AlreadyStarted)
    assert find_agent("echo") == again
