"""The requests of another node that no agent of this node answers, and links that are shared and dialed again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import (
    KILL,
    NORMAL,
    AsyncioSystemBase,
    Caller,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Stop,
    call,
    ended,
    exit,  # noqa: A004 (OTP's word)
    register,
    send,
    start,
    unregister,
)
from agents.agent_registry import name_of
from agents.cluster.errors import Unreachable
from agents.cluster.finding import OwnedBy, agent_here
from agents.cluster.link.address import PeerNode, TcpAddress
from agents.cluster.link.link import Arrived, Link
from agents.cluster.link.server import listening
from agents.cluster.link.wire import CallRefused, FollowEnded, NotHere
from agents.cluster.links import CountLinks, Links, LinkTo
from agents.cluster.relay import FAILED, OVER, UNKNOWN_REQUEST
from agents.cluster.remote import Remote
from agents.cluster.requests import OPENINGS, AskStream, FollowStream, SubscribeTo, packed_request
from agents.cluster.stand_in import StandIn
from agents.core.errors import Busy
from agents.core.events import StreamError
from agents.instance.requests import GetInfo
from agents.instance.state import StreamChat
from tests.agents.cluster.link.nodes import PLAIN, WAIT_S, A, B, everybody_lives, unix
from tests.waiting import eventually

INFO, SUBSCRIBE = packed_request(GetInfo()), OPENINGS.packed(SubscribeTo())
FOLLOW = OPENINGS.packed(FollowStream("stream", 0))


async def find(session: str, *, wakes: bool) -> Pid | OwnedBy | None:
    match session:
        case "moved":
            return OwnedBy(7)
        case "broken":
            raise ValueError(session)
    return await agent_here(session, wakes=wakes)


@pytest.fixture
async def near(tmp_path: Path) -> AsyncIterator[tuple[Pid, PeerNode]]:
    """Return the links of A, and the node B, which runs no agent."""
    async with AsyncioSystemBase():
        far = await start(Links, B, PLAIN, find)
        async with listening(unix(tmp_path), B, far, everybody_lives, PLAIN) as address:
            yield await start(Links, A, PLAIN, find), PeerNode(B.epoch, B.incarnation, address)


async def link_to(near: tuple[Pid, PeerNode]) -> Link:
    link = await call(near[0], LinkTo(near[1]))
    assert isinstance(link, Link)
    return link


@pytest.mark.parametrize(
    ("session", "request_", "answer"),
    [
        ("moved", INFO, (NotHere, 7)),
        ("nobody", INFO, (NotHere, None)),
        ("nobody", b"teleport\n{}", (NotHere, None)),
        ("broken", INFO, (CallRefused, FAILED)),
    ],
)
async def test_a_call_that_no_agent_answers_is_sent_on_or_refused(
    near: tuple[Pid, PeerNode], session: str, request_: bytes, answer: tuple[type, Any]
) -> None:
    link, box = await link_to(near), Mailbox()
    id_ = link.call(session, request_, box.pid)
    got = await box.receive(WAIT_S)
    assert (type(got), got.id) == (answer[0], id_)
    assert (got.kind if isinstance(got, CallRefused) else got.epoch) == answer[1]


@pytest.mark.parametrize(
    ("session", "opening", "answer"),
    [
        ("moved", FOLLOW, (NotHere, 7)),
        ("nobody", SUBSCRIBE, (NotHere, None)),
        ("nobody", b'{"type": "teleport"}', (FollowEnded, UNKNOWN_REQUEST)),
        ("broken", FOLLOW, (FollowEnded, FAILED)),
    ],
)
async def test_a_follow_that_no_agent_serves_is_sent_on_or_ended(
    near: tuple[Pid, PeerNode], session: str, opening: bytes, answer: tuple[type, Any]
) -> None:
    link, box = await link_to(near), Mailbox()
    id_ = link.open(session, opening, box.pid)
    got = await box.receive(WAIT_S)
    assert (type(got), got.id) == (answer[0], id_)
    assert (got.reason if isinstance(got, FollowEnded) else got.epoch) == answer[1]
    assert link.idle


class Sleeper(GenServer[bool]):
    """An agent in place of a real one. It ends as an idle one does, with every message unread, unless it is awake."""

    def init(self, awake: bool) -> bool:
        register(name_of("sleeper"), self.pid)
        return awake

    def handle_call(self, request: GetInfo, caller: Caller, awake: bool) -> Stop[bool]:
        return Stop(NORMAL, awake)

    def handle_info(self, message: StreamChat, awake: bool) -> NoReply[bool] | Stop[bool]:
        if not awake:
            return Stop(NORMAL, awake)
        assert message.subscriber is not None
        send(message.subscriber, StreamError(Busy("it is awake"), stream_id=message.stream_id, seq=1))
        return NoReply(awake)

    async def terminate(self, reason: object, awake: bool) -> None:
        unregister(name_of("sleeper"))
        await start(Sleeper, True)


async def test_a_call_that_an_idle_agent_has_not_read_is_sent_again(near: tuple[Pid, PeerNode]) -> None:
    await start(Sleeper, False)
    link, box = await link_to(near), Mailbox()
    id_ = link.call("sleeper", INFO, box.pid)
    assert await box.receive(WAIT_S) == NotHere(id_, None)


async def test_a_message_that_an_idle_agent_has_not_read_goes_to_its_successor(near: tuple[Pid, PeerNode]) -> None:
    await start(Sleeper, False)
    link, box = await link_to(near), Mailbox()
    id_ = link.open("sleeper", OPENINGS.packed(AskStream("stream", "hello")), box.pid)
    events: list[bytes] = []
    while isinstance(got := await box.receive(WAIT_S), Arrived):
        events += got.events
    assert (len(events), b"it is awake" in events[0]) == (1, True)
    assert got == FollowEnded(id_, OVER)


async def test_a_stand_in_does_not_serve_other_nodes(near: tuple[Pid, PeerNode]) -> None:
    """Otherwise two nodes that take each other for the owner would forward a request forever."""

    async def unknown(_session: str) -> None:
        return None

    async def read(*_place: Any) -> list[Any]:
        return []

    await start(StandIn, "lost", Remote(near[0], unknown, read, 5.0, None))
    link, box = await link_to(near), Mailbox()
    id_ = link.call("lost", INFO, box.pid)
    assert await box.receive(WAIT_S) == NotHere(id_, None)


async def test_callers_share_one_link_and_a_lost_one_is_dialed_again(near: tuple[Pid, PeerNode]) -> None:
    first, *others = await asyncio.gather(*(link_to(near) for _ in range(5)))
    assert all(link is first for link in others)
    exit(first.pid, KILL)
    await ended(first.pid)
    again = await link_to(near)
    assert again is not first
    assert not again.ended


async def test_the_listening_node_counts_and_uses_a_link_that_the_other_one_opened(tmp_path: Path) -> None:
    """The other one has not asked anything yet."""
    async with AsyncioSystemBase():
        near, far = await start(Links, A, PLAIN, find), await start(Links, B, PLAIN, find)
        async with listening(unix(tmp_path), B, far, everybody_lives, PLAIN) as address:
            link, box = await link_to((near, PeerNode(B.epoch, B.incarnation, address))), Mailbox()
            await eventually(lambda: call(far, CountLinks()), what="a link at the other node", within_s=WAIT_S)
            back = await call(far, LinkTo(PeerNode(A.epoch, A.incarnation, unix(tmp_path / "nowhere"))))
            assert isinstance(back, Link)
            assert back.peer.epoch == A.epoch
            id_ = back.call("nobody", INFO, box.pid)
            assert await box.receive(WAIT_S) == NotHere(id_, None)
            exit(link.pid, KILL)
            await ended(back.pid)
            assert await call(far, CountLinks()) == 0


async def test_a_caller_that_waits_for_a_link_gets_the_one_that_its_peer_opens(tmp_path: Path) -> None:
    """The peer can dial this node, but not the other way round."""
    async with AsyncioSystemBase():
        near, far = await start(Links, A, PLAIN, find), await start(Links, B, PLAIN, find)
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            peer = PeerNode(A.epoch, A.incarnation, TcpAddress(*deaf.getsockname()))
            async with listening(unix(tmp_path), B, far, everybody_lives, PLAIN) as address:
                waiting = asyncio.create_task(call(far, LinkTo(peer)))
                assert await call(far, CountLinks()) == 0
                await link_to((near, PeerNode(B.epoch, B.incarnation, address)))
                link = await waiting
        assert isinstance(link, Link)
        assert link.peer.epoch == A.epoch


async def test_a_node_that_cannot_be_dialed_is_an_answer_and_is_tried_again(
    near: tuple[Pid, PeerNode], tmp_path: Path
) -> None:
    nowhere = PeerNode(9, "nobody", unix(tmp_path / "nowhere"))
    for _ in range(2):
        got = await call(near[0], LinkTo(nowhere))
        assert isinstance(got, Unreachable)
        assert str(got).startswith("node 9 at unix:")
