"""Links under garbage and cuts: nothing of garbage is executed, and a follow that continues has each event once."""

import asyncio
import gc
import resource
from collections.abc import AsyncIterator
from struct import pack

import msgspec
import pytest
from aiohttp import WSCloseCode

from actors import Down, Mailbox, Pid, spawn
from agents.cluster.errors import LinkError
from agents.cluster.link.address import TcpAddress
from agents.cluster.link.feed import Feed
from agents.cluster.link.link import Arrived, Link, Requested
from agents.cluster.link.opening import dial
from agents.cluster.link.wire import (
    MAX_FRAME,
    CallAnswered,
    FollowEnded,
    OpenFollow,
    SessionCall,
)
from tests.agents.cluster.link.garbage import GARBAGE
from tests.agents.cluster.link.nodes import LOOPBACK, PLAIN, WAIT_S, A, Cutter, Node, node, peer_at, raw_peer


@pytest.fixture
async def far() -> AsyncIterator[Node]:
    async with node(LOOPBACK) as running:
        yield running


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_a_peer_that_sends_garbage_loses_its_link_and_no_other_link_notices(far: Node, garbage: bytes) -> None:
    link, box = await far.dialed_by(), Mailbox()
    async with raw_peer(far.address) as peer:
        await peer.greet()
        await peer.websocket.send_bytes(garbage)
        assert await peer.close_code() == WSCloseCode.UNSUPPORTED_DATA
    id_ = link.call("session", b"real", box.pid)
    while not isinstance((requested := await far.requested()).request, SessionCall):
        pass
    assert requested.request == SessionCall(id_, "session", b"real")  # so no call of the garbage arrived
    requested.link.reply(CallAnswered(id_, b"answer"))
    assert await box.receive(WAIT_S) == CallAnswered(id_, b"answer")


async def test_text_in_place_of_a_frame_ends_the_link(far: Node) -> None:
    async with raw_peer(far.address) as peer:
        await peer.greet()
        await peer.websocket.send_str("hello")
        await peer.close_code()
    assert far.asked_nothing


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**31, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("greeted", [True, False], ids=["after the handshake", "before it"])
async def test_a_frame_that_claims_a_great_length_ends_the_link_before_its_bytes(
    far: Node, length: int, greeted: bool
) -> None:
    async with raw_peer(far.address) as peer:
        if greeted:
            await peer.greet()
        peer.write(b"\x82\xff" + pack("!Q", length) + b"mask" + b"x" * 1000)
        await peer.close_code()
    assert far.asked_nothing


async def test_garbage_costs_no_memory(far: Node) -> None:
    """aiohttp keeps each closed connection until its last timer, so there are few rounds."""

    async def send_garbage() -> None:
        for garbage in GARBAGE.values():
            async with raw_peer(far.address) as peer:
                await peer.greet()
                await peer.websocket.send_bytes(garbage)
                await peer.close_code()
        while far.box.process.mailbox:
            await far.box.receive()
        gc.collect()

    for _ in range(3):
        await send_garbage()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        await send_garbage()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**10  # KiB


async def test_unknown_messages_are_dropped_and_counted_and_the_link_goes_on(far: Node) -> None:
    async with raw_peer(far.address) as peer:
        await peer.greet()
        later = [["teleport", 1, "s"], ["call", "no number", "s", b""], 7]
        known = ["call", 5, "session", b"request", "a later field"]
        await peer.websocket.send_bytes(msgspec.msgpack.encode([*later, known]))
        requested = await far.requested()
        assert requested.request == SessionCall(5, "session", b"request")
        requested.link.reply(CallAnswered(5, b"answer"))
        assert await peer.receive() == [CallAnswered(5, b"answer")]
        assert requested.link.dropped == len(later)


EVENTS = 3000
EVENT = b"an event of some length, so that the exchange takes several frames: %d"


async def _relay(feed: Feed, after: int) -> None:
    for seq in range(after + 1, EVENTS + 1):
        await feed.room()
        feed.send(EVENT % seq)
    feed.end("normal")


async def serve(far: Node) -> None:
    """Answer the requests of peers: a call with its own bytes, a follow with the events above its bytes."""
    while True:
        match await far.box.receive():
            case Requested(link, SessionCall(id_, _, request)):
                link.reply(CallAnswered(id_, request))
            case Requested(_, OpenFollow(request=request), feed):
                assert feed is not None
                relay = spawn(_relay, feed, int(request))
                if not feed.begin(relay):
                    feed.close()


async def exchange(link: Link, box: Mailbox, seen: list[bytes]) -> bool:
    """Follow from the last seen event, with a call in between. Return whether the end has come."""
    box.monitor(link.pid)
    id_ = link.open("session", str(len(seen)).encode(), box.pid)
    call = link.call("session", b"question", box.pid)
    while True:
        match await box.receive(WAIT_S):
            case Arrived(number, events):
                assert number == id_
                seen += events
                link.credit(id_, len(events))
            case CallAnswered(number, value):
                assert (number, value) == (call, b"question")
            case FollowEnded(number, "normal"):
                assert number == id_
                return True
            case Down(pid=pid) if pid == link.pid:
                return False


async def dialed(address: TcpAddress, server: Pid) -> Link:
    return await dial(peer_at(address), A, server, PLAIN)


@pytest.mark.parametrize("chunks", range(30))
async def test_a_link_cut_anywhere_loses_and_repeats_no_event_of_a_follow_that_continues(
    far: Node, chunks: int
) -> None:
    serving, seen, box = asyncio.create_task(serve(far)), list[bytes](), Mailbox()
    assert isinstance(far.address, TcpAddress)
    cutter, over = Cutter(far.address, chunks), False
    async with cutter.running() as address:
        try:
            over = await exchange(await dialed(address, box.pid), box, seen)
        except LinkError:  # it was cut in the handshake
            assert seen == []
    if not over:
        assert cutter.left == 0
        assert await exchange(await dialed(far.address, box.pid), box, seen)
    assert seen == [EVENT % seq for seq in range(1, EVENTS + 1)]
    serving.cancel()
