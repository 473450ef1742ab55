"""Messages and events become frames: in order, within the limit, as few as possible."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.errors import TooLarge
from agents.cluster.link.outbox import Outbox
from agents.cluster.link.wire import (
    MAX_FRAME,
    MAX_WHOLE,
    CallAnswered,
    CloseFollow,
    Credit,
    Events,
    FollowEnded,
    LinkMessage,
    SessionCall,
    decoded,
)

KIB = 2**10

entries = st.one_of(
    st.tuples(st.just("message"), st.integers(1, 9), st.integers(0, 700 * KIB)),
    st.tuples(st.just("event"), st.integers(1, 4), st.integers(0, 600 * KIB)),
    st.tuples(st.just("credit"), st.integers(1, 4), st.integers(1, 9)),
)


def received(outbox: Outbox) -> list[LinkMessage]:
    frames = [*iter(outbox.take, None)]
    assert all(len(each) <= MAX_FRAME for each in frames)
    return [message for each in frames for message in decoded(each)[0]]


def facts(messages: list[LinkMessage]) -> list[tuple[str, int, int]]:
    """Return the messages and events, in their order, and then the sum of credits by follow."""
    found = list[tuple[str, int, int]]()
    credits_ = list[tuple[str, int, int]]()
    for message in messages:
        match message:
            case SessionCall(id_, _, request):
                found.append(("message", id_, len(request)))
            case Events(batches):
                found += [("event", id_, len(event)) for id_, events in batches for event in events]
            case Credit(counts):
                credits_ += [("credit", id_, count) for id_, count in counts]
    return found + sorted(credits_)


@given(st.lists(entries, max_size=12))
def test_everything_arrives_in_the_order_of_each_follow_in_frames_within_the_limit(
    given_: list[tuple[str, int, int]],
) -> None:
    outbox, sums, ordered = Outbox(), dict[int, int](), list[tuple[str, int, int]]()
    for kind, id_, size in given_:
        if kind == "message":
            outbox.put(SessionCall(id_, "s", bytes(size)))
        elif kind == "event":
            outbox.put_event(id_, bytes(size))
        else:
            outbox.put_credit(id_, size)
            sums[id_] = sums.get(id_, 0) + size
            continue
        ordered.append((kind, id_, size))
    arrived = facts(received(outbox))
    assert [each for each in arrived if each[0] == "credit"] == sorted(("credit", *each) for each in sums.items())
    for id_ in range(1, 5):
        wanted = [each for each in ordered if each[0] == "message" or each[1] == id_]
        assert [each for each in arrived if each[0] == "message" or each[:2] == ("event", id_)] == wanted
    assert received(outbox) == []


def test_the_events_of_one_turn_share_a_frame_and_a_message() -> None:
    outbox = Outbox()
    for _ in range(20):
        for id_ in range(50):
            outbox.put_event(id_, b"token")
    (one,) = iter(outbox.take, None)
    assert decoded(one) == ([Events([(id_, [b"token"] * 20) for id_ in range(50)])], 0)


def test_events_before_an_end_arrive_before_it() -> None:
    outbox = Outbox()
    outbox.put_event(1, b"a")
    outbox.put(FollowEnded(1, "normal"))
    outbox.put_event(2, b"b")
    assert received(outbox) == [Events([(1, [b"a"])]), FollowEnded(1, "normal"), Events([(2, [b"b"])])]


def test_many_small_events_are_split_at_the_limit_of_a_frame() -> None:
    outbox = Outbox()
    for _ in range(100_000):
        outbox.put_event(2**62, b"0123456789")
    frames = [*iter(outbox.take, None)]
    assert len(frames) == 2
    assert max(map(len, frames)) <= MAX_FRAME


def test_an_event_or_a_message_above_the_limit_is_refused_and_the_rest_is_sent() -> None:
    outbox = Outbox()
    outbox.put_event(1, b"a")
    with pytest.raises(TooLarge):
        outbox.put(CallAnswered(1, bytes(MAX_WHOLE)))
    with pytest.raises(TooLarge):
        outbox.put_event(1, bytes(MAX_FRAME))
    outbox.put(CloseFollow(1))
    assert received(outbox) == [Events([(1, [b"a"])]), CloseFollow(1)]


def test_events_alternate_with_messages_only_where_the_order_needs_it() -> None:
    outbox = Outbox()
    for id_ in (1, 2, 1, 2, 1):
        outbox.put_event(id_, b"e")
    outbox.put(CloseFollow(9))
    outbox.put(CloseFollow(8))
    outbox.put_event(3, b"e")
    kinds = [kind.__name__ for kind, _ in groupby(map(type, received(outbox)))]
    assert kinds == ["Events", "CloseFollow", "Events"]
