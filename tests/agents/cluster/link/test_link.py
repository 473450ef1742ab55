"""Links between two nodes, over real sockets: requests, events, credit, and their ends."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from actors import KILL, SHUTDOWN, Down, Mailbox, Shutdown, ended, exit, spawn  # noqa: A004 (OTP's word)
from agents.cluster.errors import TooLarge
from agents.cluster.link.address import Protection
from agents.cluster.link.credit import MAX_EVENTS
from agents.cluster.link.feed import Feed
from agents.cluster.link.link import CONGESTED, HIGH_WATER, Arrived, Link
from agents.cluster.link.wire import (
    MAX_FRAME,
    MAX_WHOLE,
    CallAnswered,
    CallRefused,
    CloseFollow,
    Events,
    FollowEnded,
    Hello,
    MessagePart,
    NotHere,
    OpenFollow,
    SessionCall,
    encoded,
)
from tests.agents.cluster.link.certificates import authority, certificate
from tests.agents.cluster.link.nodes import LOOPBACK, WAIT_S, Node, node, raw_peer, unix


@pytest.fixture(params=["unix", "loopback", "tls"])
async def far(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Node]:
    """A node, reached in each of the ways that are safe."""
    protection, address = Protection(), unix(tmp_path) if request.param == "unix" else LOOPBACK
    if request.param == "tls":
        protection = Protection.by(certificate(authority(tmp_path / "ca"), "node"))
    async with node(address, protection) as running:
        yield running


async def relay(feed: Feed, count: int, event: bytes = b"event") -> None:
    for number in range(count):
        await feed.room()
        feed.send(event + str(number).encode())
    feed.end("normal")


async def arrived(box: Mailbox, link: Link, id_: int) -> list[bytes]:
    """Return the events of a follow up to its end. Credit is given for each."""
    events = list[bytes]()
    while True:
        match await box.receive(WAIT_S):
            case Arrived(number, more) if number == id_:
                events += more
                link.credit(id_, len(more))
            case FollowEnded(number, reason) if number == id_:
                assert reason == "normal"
                return events


async def test_a_call_is_answered_refused_or_sent_on(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    ids = [link.call(f"session {number}", b"request", box.pid) for number in range(3)]
    for number, id_ in enumerate(ids):
        requested = await far.requested()
        assert requested.request == SessionCall(id_, f"session {number}", b"request")
        assert requested.link.peer.name == "a"
        match number:
            case 0:
                requested.link.reply(CallAnswered(id_, b"value"))
            case 1:
                requested.link.reply(CallRefused(id_, "busy", "a turn runs"))
            case 2:
                requested.link.reply(NotHere(id_, 7))
    answers = [await box.receive(WAIT_S) for _ in ids]
    assert answers == [CallAnswered(ids[0], b"value"), CallRefused(ids[1], "busy", "a turn runs"), NotHere(ids[2], 7)]
    assert link.idle
    assert requested.link.idle


async def test_a_follower_gets_all_events_in_order_and_then_the_end(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    follows = [link.open("session", b"from 0", box.pid) for _ in range(3)]
    for id_ in follows:
        requested = await far.requested()
        assert requested.request == OpenFollow(id_, "session", b"from 0")
        assert requested.feed is not None
        spawn(relay, requested.feed, 10 * MAX_EVENTS)
    boxes = {id_: list[bytes]() for id_ in follows}
    open_ = set(follows)
    while open_:
        match await box.receive(WAIT_S):
            case Arrived(id_, events):
                boxes[id_] += events
                link.credit(id_, len(events))
            case FollowEnded(id_, "normal"):
                open_.remove(id_)
    expected = [b"event" + str(number).encode() for number in range(10 * MAX_EVENTS)]
    assert all(events == expected for events in boxes.values())
    assert link.idle
    assert requested.link.idle


async def test_both_ends_may_ask_over_one_link(far: Node) -> None:
    box, near_box = Mailbox(), Mailbox()
    link = await far.dialed_by(server=near_box.pid)
    id_ = link.call("there", b"1", box.pid)
    requested = await far.requested()
    back = requested.link.call("here", b"2", box.pid)
    asked = await near_box.receive(WAIT_S)
    assert asked.request == SessionCall(back, "here", b"2")
    assert asked.link is link
    link.reply(CallAnswered(back, b"3"))
    assert await box.receive(WAIT_S) == CallAnswered(back, b"3")
    requested.link.reply(CallAnswered(id_, b"4"))
    assert await box.receive(WAIT_S) == CallAnswered(id_, b"4")


async def test_a_session_that_is_elsewhere_ends_the_follow(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    id_ = link.open("session", b"", box.pid)
    requested = await far.requested()
    requested.link.reply(NotHere(id_, None))
    assert await box.receive(WAIT_S) == NotHere(id_, None)
    assert link.idle
    assert requested.link.idle


async def test_a_follower_that_leaves_ends_its_relay_and_no_other_one(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    follows = [link.open("session", b"", box.pid) for _ in range(2)]
    relays = []
    for _ in follows:
        feed = (await far.requested()).feed
        assert feed is not None
        relays.append(spawn(relay, feed, 10 * MAX_EVENTS))
        assert feed.begin(relays[-1])
    link.close(follows[0])
    assert await ended(relays[0]) is SHUTDOWN
    assert len(await arrived(box, link, follows[1])) == 10 * MAX_EVENTS


async def test_a_follow_that_was_closed_before_its_relay_began_is_refused(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    link.close(link.open("session", b"", box.pid))
    link.call("session", b"", box.pid)
    opened, _ = await far.requested(), await far.requested()
    assert opened.feed is not None
    assert not opened.feed.begin(box.pid)
    opened.feed.send(b"late")
    opened.feed.end("normal")
    assert opened.link.outbox.size == 0


async def test_events_for_a_follower_that_has_ended_close_its_follow(far: Node) -> None:
    gone, link = Mailbox(), await far.dialed_by()
    link.open("session", b"", gone.pid)
    feed = (await far.requested()).feed
    assert feed is not None
    gone.close()
    relaying = spawn(relay, feed, 10 * MAX_EVENTS)
    feed.begin(relaying)
    assert await ended(relaying) is SHUTDOWN
    assert link.idle


async def test_a_slow_follower_gets_at_most_a_window_and_holds_no_other_one_back(far: Node) -> None:
    slow, quick, link = Mailbox(), Mailbox(), await far.dialed_by()
    link.open("slow", b"", slow.pid)
    stalled = (await far.requested()).feed
    id_ = link.open("quick", b"", quick.pid)
    flowing = (await far.requested()).feed
    assert stalled is not None
    assert flowing is not None
    spawn(relay, stalled, 10 * MAX_EVENTS)
    spawn(relay, flowing, 10 * MAX_EVENTS)
    assert len(await arrived(quick, link, id_)) == 10 * MAX_EVENTS
    held = 0
    while slow.process.mailbox:
        held += len((await slow.receive()).events)
    assert held == MAX_EVENTS


async def test_a_link_that_nobody_uses_ends_and_one_with_an_open_follow_stays(tmp_path: Path) -> None:
    async with node(unix(tmp_path), idle_s=60.0) as far:
        box, used = Mailbox(), await far.dialed_by(idle_s=0.02)
        id_ = used.open("session", b"", box.pid)
        requested = await far.requested()
        for _ in range(2):
            idle = await far.dialed_by(idle_s=0.02)
            assert await ended(idle.pid) == Shutdown("idle")
        assert used.pid.alive
        assert requested.feed is not None
        requested.feed.end("normal")
        assert await box.receive(WAIT_S) == FollowEnded(id_, "normal")
        assert await ended(used.pid) == Shutdown("idle")
        assert await ended(requested.link.pid) == Shutdown("the peer closed it with code 1000")


async def test_the_end_of_a_link_ends_its_relays_and_its_users_learn_of_it(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    link.open("session", b"", box.pid)
    requested = await far.requested()
    assert requested.feed is not None
    relaying = spawn(relay, requested.feed, 10 * MAX_EVENTS)
    requested.feed.begin(relaying)
    box.monitor(link.pid)
    exit(requested.link.pid, KILL)
    assert await ended(relaying) is SHUTDOWN
    while not isinstance(last := await box.receive(WAIT_S), Down):
        pass
    assert last.pid == link.pid
    for each in (link, requested.link):
        assert each.ended
        each.call("session", b"lost", box.pid)
        each.reply(CallAnswered(1, b"lost"))
        assert each.outbox.size == 0
        assert each.idle


async def test_what_is_too_large_is_refused_and_the_link_goes_on(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    with pytest.raises(TooLarge):
        link.call("session", bytes(MAX_WHOLE), box.pid)
    assert link.idle
    largest = bytes(MAX_WHOLE - 100)
    id_ = link.call("session", largest, box.pid)
    requested = await far.requested()
    assert requested.request.request == largest
    with pytest.raises(TooLarge):
        requested.link.reply(CallAnswered(id_, bytes(MAX_WHOLE)))
    requested.link.reply(CallRefused(id_, "too_large", "read it from the store"))
    assert await box.receive(WAIT_S) == CallRefused(id_, "too_large", "read it from the store")


async def test_a_message_that_no_frame_can_hold_arrives_whole_and_in_its_order(far: Node) -> None:
    box, link = Mailbox(), await far.dialed_by()
    sizes = [1, MAX_FRAME - 20, MAX_FRAME, 3 * MAX_FRAME, 2]
    for size in sizes:
        link.call("session", bytes(size), box.pid)
    asked = [await far.requested() for _ in sizes]
    assert [len(each.request.request) for each in asked] == sizes
    for each in asked:
        each.link.reply(CallAnswered(each.request.id, each.request.request))
    answers = [await box.receive(WAIT_S) for _ in sizes]
    assert [len(answer.value) for answer in answers] == sizes


@pytest.mark.parametrize(
    "parts",
    [
        [MessagePart(bytes(MAX_FRAME // 2), last=False)] * 40,
        [MessagePart(encoded(MessagePart(b"", last=True)), last=True)],
        [MessagePart(encoded(Hello("c", "x", 1, "i", "1", b"")), last=True)],
    ],
    ids=["endless", "part of a part", "no message of an open link"],
)
async def test_parts_that_no_node_sends_close_the_link(parts: list[MessagePart]) -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        with suppress(ConnectionError):
            for part in parts:
                await peer.send(part)
        assert await peer.close_code() == 1003


async def test_the_events_of_one_turn_of_the_loop_are_one_frame() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        await peer.send(*(OpenFollow(id_, "s", b"") for id_ in range(100)))
        feeds = [(await far.requested()).feed for _ in range(100)]
        for feed in feeds:
            assert feed is not None
            for _ in range(5):
                feed.send(b"token")
        assert await peer.receive() == [Events([(id_, [b"token"] * 5) for id_ in range(100)])]


async def test_a_peer_that_reads_nothing_costs_bounded_memory_and_other_links_nothing() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        await peer.send(*(OpenFollow(id_, "s", b"") for id_ in range(200)))
        peer.read_nothing()
        stalled = [await far.requested() for _ in range(200)]
        for requested in stalled:
            assert requested.feed is not None
            spawn(relay, requested.feed, 1000, bytes(1000))
        box, link = Mailbox(), await far.dialed_by()
        id_ = link.open("quick", b"", box.pid)
        quick = (await far.requested()).feed
        assert quick is not None
        spawn(relay, quick, 10 * MAX_EVENTS)
        assert len(await arrived(box, link, id_)) == 10 * MAX_EVENTS
        slow = stalled[0].link
        assert not slow.flowing.is_set()
        assert slow.outbox.size < 2 * CONGESTED


async def test_a_peer_that_reads_nothing_loses_its_link_when_answers_pile_up() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        await peer.send(*(SessionCall(id_, "s", b"") for id_ in range(100)))
        peer.read_nothing()
        link = (await far.requested()).link
        for id_ in range(100):
            link.reply(CallAnswered(id_, bytes(MAX_FRAME)))
        assert link.outbox.size < 2 * HIGH_WATER
        assert await ended(link.pid) == Shutdown("the peer reads too slowly")
        assert link.outbox.size == 0


async def test_a_congested_link_goes_on_as_soon_as_its_peer_reads() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        await peer.send(*(OpenFollow(id_, "s", b"") for id_ in range(50)))
        peer.read_nothing()
        for _ in range(50):
            requested = await far.requested()
            assert requested.feed is not None
            spawn(relay, requested.feed, 100, bytes(1000))
        peer.read_on()
        open_, events = set(range(50)), 0
        while open_:
            for message in await peer.receive():
                match message:
                    case Events(batches):
                        events += sum(len(batch) for _, batch in batches)
                    case FollowEnded(id_, "normal"):
                        open_.remove(id_)
        assert events == 50 * 100


async def test_relays_that_fill_a_link_as_fast_as_it_is_written_all_come_to_their_end() -> None:
    """The outbox fills while a frame is being written, so each relay waits for the link again and again."""
    follows, count = 8, 2000
    async with node(LOOPBACK) as far:
        box, link = Mailbox(), await far.dialed_by()
        for _ in range(follows):
            link.open("session", b"", box.pid)
            requested = await far.requested()
            assert requested.feed is not None
            spawn(relay, requested.feed, count, bytes(400))
        events = ended_ = 0
        while ended_ < follows:
            match await box.receive(WAIT_S):
                case Arrived(id_, more):
                    events += len(more)
                    link.credit(id_, len(more))
                case FollowEnded(_, "normal"):
                    ended_ += 1
        assert events == follows * count


async def test_a_follow_may_be_closed_twice() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        await peer.send(OpenFollow(1, "s", b""), CloseFollow(1), CloseFollow(1), SessionCall(2, "s", b""))
        await far.requested()
        (await far.requested()).link.reply(CallAnswered(2, b""))
        assert await peer.receive() == [CallAnswered(2, b"")]
