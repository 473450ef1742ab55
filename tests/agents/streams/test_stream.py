"""Laws of a stream's subscribers: each reads the same, at any speed and from any place. In virtual time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from actors import KILL, MAILBOX_FULL, AsyncioSystemBase, Bound, Mailbox, Overflow, send_blocking, system_info
from actors import exit as send_exit
from actors.system.current import system_of
from actors.testing import Simulation
from agents.core.conversation import Function, ToolCall
from agents.core.events import (
    TERMINAL,
    Event,
    StreamComplete,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamStart,
    StreamToken,
)
from agents.core.response import Response
from agents.streams.stream import LINGER_S, Stream

WHOLE = ["StreamStart", "token", "reasoning", "call 0", "call 1", "StreamFunctionExecutionStart", "StreamComplete"]


def simulated(work: Coroutine[Any, Any, None], seed: int = 0) -> None:
    with Simulation(seed) as simulation:
        simulation.run(_in_a_system(work))


async def _in_a_system(work: Coroutine[Any, Any, None]) -> None:
    async with AsyncioSystemBase():
        await work


class Publisher:
    """Publishes events of all kinds with consecutive seqs."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.events: list[Event] = []

    def publish(self, kind: str) -> None:
        seq = len(self.events) + 1
        event = _event(kind, f"{seq} ", {"stream_id": self.stream.id, "seq": seq})
        self.events.append(event)
        self.stream.publish(event)

    def tokens(self, count: int) -> None:
        for _ in range(count):
            self.publish("token")


def _event(kind: str, text: str, envelope: dict[str, Any]) -> Event:
    match kind:
        case "StreamStart":
            return StreamStart("agent", **envelope)
        case "token":
            return StreamToken(text, **envelope)
        case "reasoning":
            return StreamReasoning(text, **envelope)
        case "call 0" | "call 1":
            return StreamFunctionArgumentsDelta(int(kind[-1]), text, **envelope)
        case "call":
            return StreamFunctionCallStarted(ToolCall("c", Function("f", "")), **envelope)
        case "StreamFunctionExecutionStart":
            return StreamFunctionExecutionStart(**envelope)
    return StreamComplete(Response(text, text), **envelope)


def texts(events: list[Event]) -> dict[Any, str]:
    """Return all text, by its channel."""
    said: dict[Any, str] = {}
    for event in events:
        match event:
            case StreamToken(text) | StreamReasoning(text):
                said[type(event)] = said.get(type(event), "") + text
            case StreamFunctionArgumentsDelta(index, text):
                said[index] = said.get(index, "") + text
    return said


def others(events: list[Event]) -> list[Event]:
    return [event for event in events if not hasattr(event, "joined")]


def assert_all_of(published: list[Event], got: list[Event], after: int) -> None:
    """Check that got has the published events above after, without gap or repeat, and one terminal event."""
    expected = published[after:]
    seq = after
    for event in got:
        assert event.seq - getattr(event, "joined", 1) == seq
        seq = event.seq
    assert texts(got) == texts(expected)
    assert others(got) == others(expected)
    assert [isinstance(event, TERMINAL) for event in got] == [False] * (len(got) - 1) + [True] * bool(got)


async def rest_of(box: Mailbox) -> list[Event]:
    """Return the messages until the mailbox has been silent for longer than any pause of a stream."""
    got: list[Event] = []
    while True:
        try:
            got.append(await box.receive(LINGER_S * 2))
        except TimeoutError:
            return got


def waiting(box: Mailbox) -> int:
    return len(box.process.mailbox)


# The property


class Reader(Struct):
    """A subscriber. box: its mailbox. after: the seq before its first event. limit: unread events during the stream."""

    box: Mailbox
    after: int
    limit: int
    got: list[Event] = field(default_factory=list)


bounds = st.none() | st.builds(Bound, st.integers(1, 5), st.sampled_from(Overflow))
acts = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(["token"] * 4 + ["reasoning", "call 0", "call 1", "call"])),
    st.tuples(st.just("publish many"), st.integers(2, 12)),
    st.tuples(st.just("subscribe"), bounds),
    st.tuples(st.just("follow"), st.tuples(st.integers(0, 30), bounds)),
    st.tuples(st.just("read"), st.tuples(st.integers(0, 5), st.integers(1, 10))),
    st.tuples(st.just("kill"), st.integers(0, 5)),
    st.tuples(st.just("pause"), st.floats(0.01, 0.3)),
)


@given(plan=st.lists(acts, max_size=30), buffer_size=st.integers(1, 6), seed=st.integers(0, 9))
@settings(max_examples=200)
def test_every_subscriber_reads_the_same_whenever_it_comes_and_however_slowly_it_reads(
    plan: list[tuple[str, Any]], buffer_size: int, seed: int
) -> None:
    simulated(_carried_out(plan, buffer_size), seed)


async def _carried_out(plan: list[tuple[str, Any]], buffer_size: int) -> None:
    stream = Stream("s", buffer_size=buffer_size)
    publisher, readers = Publisher(stream), list[Reader]()
    publisher.publish("StreamStart")
    for what, how in plan:
        await _act(what, how, publisher, readers)
        for reader in readers:
            assert waiting(reader.box) <= reader.limit
    publisher.publish("StreamComplete")
    late = _reader(stream, 0, None)
    stream.follow(late.box.pid, 0)
    alive = [reader for reader in [*readers, late] if reader.box.pid.alive]
    for reader, rest in zip(alive, await asyncio.gather(*[rest_of(reader.box) for reader in alive]), strict=True):
        assert_all_of(publisher.events, reader.got + rest, reader.after)


async def _act(what: str, how: Any, publisher: Publisher, readers: list[Reader]) -> None:
    stream = publisher.stream
    match what, how:
        case "publish", kind:
            publisher.publish(kind)
        case "publish many", count:
            publisher.tokens(count)
        case "subscribe", bound:
            readers.append(_reader(stream, len(publisher.events), bound))
            stream.subscribe(readers[-1].box.pid)
        case "follow", (after, bound):
            readers.append(_reader(stream, min(after, len(publisher.events)), bound))
            stream.follow(readers[-1].box.pid, readers[-1].after)
        case "read", (number, count) if number < len(readers):
            for _ in range(min(count, waiting(readers[number].box))):
                readers[number].got.append(await readers[number].box.receive())
        case "kill", number if number < len(readers):
            readers[number].box.close()
        case "pause", delay_s:
            await asyncio.sleep(delay_s)


def _reader(stream: Stream, after: int, bound: Bound | None) -> Reader:
    assert stream.buffer_size is not None
    limit = stream.buffer_size if bound is None else min(stream.buffer_size, bound.max_length)
    return Reader(Mailbox(bound), after, limit)


# Its parts


def test_a_late_follower_gets_earlier_events_with_joined_texts_and_then_new_ones() -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=100), Mailbox()
        publisher = Publisher(stream)
        for kind in ("StreamStart", "reasoning", "reasoning", "token", "token", "call 0", "call 1", "call 1"):
            publisher.publish(kind)
        stream.follow(box.pid, 0)
        publisher.publish("token")
        publisher.publish("StreamComplete")
        got = await rest_of(box)
        assert [(event.seq, getattr(event, "joined", None)) for event in got] == [
            (1, None), (3, 2), (5, 2), (6, 1), (8, 2), (9, 1), (10, None),
        ]  # fmt: skip
        assert_all_of(publisher.events, got, 0)

    simulated(scenario())


@pytest.mark.parametrize("after", range(8))
def test_a_client_that_reconnects_gets_the_missing_events_during_a_stream_and_after_its_end(after: int) -> None:
    async def scenario() -> None:
        stream, early, late = Stream("s", buffer_size=100), Mailbox(), Mailbox()
        publisher = Publisher(stream)
        for kind in WHOLE[:-1]:
            publisher.publish(kind)
        stream.follow(early.pid, min(after, 6))
        publisher.publish(WHOLE[-1])
        stream.follow(late.pid, after)
        assert_all_of(publisher.events, await rest_of(early), min(after, 6))
        assert_all_of(publisher.events, await rest_of(late), after)

    simulated(scenario())


def test_following_twice_or_beside_a_subscription_repeats_nothing() -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=3), Mailbox()
        publisher = Publisher(stream)
        stream.subscribe(box.pid)
        publisher.tokens(2)
        stream.follow(box.pid, 0)
        publisher.tokens(10)
        stream.follow(box.pid, 0)
        stream.subscribe(box.pid)
        publisher.publish("StreamComplete")
        assert_all_of(publisher.events, await rest_of(box), 0)

    simulated(scenario())


def test_a_slow_subscriber_gets_at_most_its_buffer_and_then_the_missed_text_joined() -> None:
    async def scenario() -> None:
        stream, slow, quick = Stream("s", buffer_size=4), Mailbox(), Mailbox()
        stream.subscribe(slow.pid)
        stream.subscribe(quick.pid)
        publisher = Publisher(stream)
        for _ in range(100):
            publisher.publish("token")
            assert (await quick.receive()) == publisher.events[-1]
        assert waiting(slow) == 4
        for _ in range(2):
            await slow.receive()
        publisher.publish("token")
        got = [await slow.receive() for _ in range(3)]
        assert [(event.seq, event.joined) for event in got] == [(3, 1), (4, 1), (101, 97)]
        publisher.publish("token")
        assert await slow.receive() == publisher.events[-1]

    simulated(scenario())


def test_a_subscriber_that_has_caught_up_does_not_wait_for_the_models_next_event() -> None:
    async def scenario() -> None:
        stream, slow = Stream("s", buffer_size=2), Mailbox()
        stream.subscribe(slow.pid)
        Publisher(stream).tokens(10)
        got = [await slow.receive(1) for _ in range(3)]
        assert [(event.seq, event.joined) for event in got] == [(1, 1), (2, 1), (10, 8)]

    simulated(scenario())


def test_the_end_comes_at_once_even_to_an_unread_mailbox() -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=2), Mailbox()
        stream.subscribe(box.pid)
        publisher = Publisher(stream)
        publisher.tokens(10)
        publisher.publish("StreamComplete")
        assert waiting(box) == 4
        assert_all_of(publisher.events, [await box.receive() for _ in range(4)], 0)

    simulated(scenario())


def test_without_a_buffer_size_every_event_is_sent_at_once() -> None:
    async def scenario() -> None:
        stream, box = Stream("s"), Mailbox()
        stream.subscribe(box.pid)
        Publisher(stream).tokens(10_000)
        assert waiting(box) == 10_000

    simulated(scenario())


def test_a_subscriber_that_has_died_is_sent_nothing_more_and_the_others_all() -> None:
    async def scenario() -> None:
        stream, dying, living = Stream("s", buffer_size=100), Mailbox(), Mailbox()
        stream.subscribe(dying.pid)
        stream.subscribe(living.pid)
        publisher = Publisher(stream)
        publisher.tokens(2)
        send_exit(dying.pid, KILL)
        publisher.tokens(2)
        publisher.publish("StreamComplete")
        assert waiting(dying) == 0
        assert_all_of(publisher.events, await rest_of(living), 0)

    simulated(scenario())


def test_a_slow_subscriber_that_ends_or_leaves_is_sent_nothing_more() -> None:
    async def scenario() -> None:
        stream, dying, leaving = Stream("s", buffer_size=2), Mailbox(), Mailbox()
        stream.subscribe(dying.pid)
        stream.subscribe(leaving.pid)
        publisher = Publisher(stream)
        publisher.tokens(5)
        send_exit(dying.pid, KILL)
        stream.unsubscribe(leaving.pid)
        publisher.publish("StreamComplete")
        assert waiting(dying) == 0
        assert [event.seq for event in await rest_of(leaving)] == [1, 2]

    simulated(scenario())


# Mailboxes with a bound of their own


@pytest.mark.parametrize("policy", Overflow)
def test_a_bounded_mailbox_loses_nothing_of_a_stream_whatever_its_policy(policy: Overflow) -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=4096), Mailbox(Bound(3, policy))
        stream.subscribe(box.pid)
        publisher = Publisher(stream)
        publisher.tokens(50)
        publisher.publish("StreamComplete")
        assert waiting(box) == 3
        assert_all_of(publisher.events, await rest_of(box), 0)
        assert system_info().dead_letters == 0

    simulated(scenario())


def test_senders_that_wait_for_room_come_before_the_stream() -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=4096), Mailbox(Bound(1, Overflow.BLOCK_SENDER))
        stream.subscribe(box.pid)
        publisher = Publisher(stream)
        publisher.tokens(5)
        blocked = [asyncio.create_task(send_blocking(box.pid, f"letter {number}")) for number in range(3)]
        await asyncio.sleep(0)
        publisher.publish("StreamComplete")
        got: list[Any] = await rest_of(box)
        await asyncio.gather(*blocked)
        assert [each for each in got if isinstance(each, str)] == ["letter 0", "letter 1", "letter 2"]
        assert_all_of(publisher.events, [each for each in got if not isinstance(each, str)], 0)

    simulated(scenario())


@pytest.mark.parametrize("policy", Overflow)
def test_the_policy_of_an_unread_bounded_mailbox_decides_about_the_end(
    policy: Overflow,
) -> None:
    async def scenario() -> None:
        stream, box = Stream("s", buffer_size=4096), Mailbox(Bound(2, policy))
        stream.subscribe(box.pid)
        publisher = Publisher(stream)
        publisher.tokens(5)
        publisher.publish("StreamComplete")
        await asyncio.sleep(LINGER_S / 2)
        assert waiting(box) == 2
        await asyncio.sleep(LINGER_S)
        if policy is Overflow.CRASH_RECEIVER:
            assert not box.pid.alive
            return
        got = await rest_of(box)
        ends = [isinstance(event, StreamComplete) for event in got]
        assert ends == ([False, True] if policy is Overflow.DROP_OLDEST else [False, False])
        assert [letter.reason for letter in system_of(box.process).dead_letters] == [MAILBOX_FULL]

    simulated(scenario())
