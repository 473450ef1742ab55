"""The client's events are those of the grammar, wherever the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.client.frames import Frame, Frames

STREAM = (
    b'id: 1\nevent: start\ndata: {"agent_id":"a"}\n\n:\n\n'
    b"id:2\nevent:token\ndata:first\ndata: second\n\nevent: cut\ndata: {}\n\n"
)
EVENTS = [
    Frame("start", b'{"agent_id":"a"}', 1),
    Frame("token", b"first\nsecond", 2),
    Frame("cut", b"{}", None),
]


@given(
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    cuts=st.lists(st.integers(0, len(STREAM) * 2), max_size=8).map(sorted),
)
def test_wherever_the_bytes_are_cut_the_events_are_the_same(end: bytes, mark: bytes, cuts: list[int]) -> None:
    stream = mark + STREAM.replace(b"\n", end)
    frames = Frames()
    chunks = [stream[begin:until] for begin, until in zip([0, *cuts], [*cuts, None], strict=True)]
    assert [frame for chunk in chunks for frame in frames.feed(chunk)] == EVENTS


@pytest.mark.parametrize("id_", [b"x", b"-1", b"1.5", b"\xc2\xb2"])
def test_an_id_that_is_not_a_seq_is_none(id_: bytes) -> None:
    assert Frames().feed(b"id: " + id_ + b"\ndata: a\n\n") == [Frame("message", b"a", None)]
