"""The messages of a link, and its frames."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.errors import Garbage, TooLarge
from agents.cluster.link.wire import (
    MAX_WHOLE,
    CallAnswered,
    CallRefused,
    CloseFollow,
    Credit,
    Events,
    FollowEnded,
    Hello,
    LinkMessage,
    NotHere,
    OpenFollow,
    Proof,
    SessionCall,
    decoded,
    encoded,
    frame,
)

ids = st.integers(1, 2**63 - 1)
text = st.text(st.characters(codec="utf-8"), max_size=20)
data = st.binary(max_size=40)
messages: st.SearchStrategy[LinkMessage] = st.one_of(
    st.builds(Hello, text, text, ids, text, text, data, data),
    st.builds(Proof, data),
    st.builds(SessionCall, ids, text, data),
    st.builds(CallAnswered, ids, data),
    st.builds(CallRefused, ids, text, text),
    st.builds(OpenFollow, ids, text, data),
    st.builds(CloseFollow, ids),
    st.builds(Events, st.lists(st.tuples(ids, st.lists(data, max_size=5)), max_size=5)),
    st.builds(Credit, st.lists(st.tuples(ids, ids), max_size=5)),
    st.builds(FollowEnded, ids, text),
    st.builds(NotHere, ids, st.none() | ids),
)


def as_arrays(sent: list[LinkMessage]) -> list[list[object]]:
    arrays: list[list[object]] = msgspec.msgpack.decode(frame([encoded(each) for each in sent]))
    return arrays


@given(st.lists(messages, max_size=8))
def test_a_frame_brings_the_messages_that_it_was_made_of(sent: list[LinkMessage]) -> None:
    assert decoded(frame([encoded(each) for each in sent])) == (sent, 0)


@given(st.lists(messages, max_size=8), st.lists(st.integers(0, 2**63) | text, max_size=3))
def test_fields_that_a_later_version_adds_are_skipped(sent: list[LinkMessage], fields: list[object]) -> None:
    received = msgspec.msgpack.encode([[*array, *fields] for array in as_arrays(sent)])
    assert decoded(received) == (sent, 0)


def test_fields_that_an_earlier_version_lacks_have_their_defaults() -> None:
    assert decoded(msgspec.msgpack.encode([["not_here", 7]])) == ([NotHere(7)], 0)


@pytest.mark.parametrize("unknown", [["later", 1, 2], [], {}, 7, None, "call", ["call"], ["call", "x", "s", b""]])
def test_a_message_that_this_version_cannot_read_is_dropped_and_counted(unknown: object) -> None:
    before, after = NotHere(1), CloseFollow(2)
    arrays = [*as_arrays([before]), unknown, *as_arrays([after]), unknown]
    assert decoded(msgspec.msgpack.encode(arrays)) == ([before, after], 2)


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"\xc1",
        b"\x93\x01",
        b"\xdd\x7f\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff\x91\xa1x",
        b"\xc6\x7f\xff\xff\xffabc",
        b"\xdf\x7f\xff\xff\xff",
        b"\x91" * 100_000,
        b"\x80",
        b"GET / HTTP/1.1\r\n\r\n",
        frame([encoded(NotHere(1))]) + b"\x00",
    ],
)
def test_bytes_that_are_not_a_frame_are_refused_in_one_line(received: bytes) -> None:
    with pytest.raises(Garbage, match="expected an array of messages, got") as refused:
        decoded(received)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else_than_garbage(received: bytes) -> None:
    try:
        read, dropped = decoded(received)
    except Garbage:
        return
    assert dropped >= 0
    assert all(isinstance(each, msgspec.Struct) for each in read)


def test_a_message_that_is_too_large_is_refused_before_it_is_sent() -> None:
    with pytest.raises(TooLarge, match=r"at most \d+ bytes between nodes, got 'call' with 1677\d+"):
        encoded(SessionCall(1, "s", bytes(MAX_WHOLE)))
