"""Whole chunks by the framing of RFC 9112, and bytes that only look like chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm.http.framing import next_chunk, whole_chunks

LAST = b"0\r\n\r\n"


def framed(payloads: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(payload), payload) for payload in payloads)


@given(st.lists(st.binary(min_size=1)), st.data())
def test_wherever_the_bytes_are_cut_the_whole_chunks_are_found(payloads: list[bytes], data: st.DataObject) -> None:
    wire = framed(payloads)
    cut = data.draw(st.integers(0, len(wire)))
    before, rest = whole_chunks(wire[:cut])
    after, end = whole_chunks(wire[rest:])
    assert [*before, *after] == payloads
    assert rest + end == len(wire)


@pytest.mark.parametrize(
    "odd",
    [
        LAST,
        b"5;name=value\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"1_0\r\nhello\r\n",
        b"5\nhello\n",
        b"",
    ],
)
def test_anything_except_a_plain_whole_chunk_is_left_to_the_parser(odd: bytes) -> None:
    assert whole_chunks(framed([b"one"]) + odd) == ([b"one"], len(framed([b"one"])))


@pytest.mark.parametrize("size", [*range(1, 600), *range(4080, 4110), *range(65_500, 65_560)])
def test_a_chunk_of_any_size_is_found_and_one_byte_less_is_not(size: int) -> None:
    wire = framed([b"x" * size])
    assert whole_chunks(wire) == ([b"x" * size], len(wire))
    assert whole_chunks(wire.upper()) == ([b"X" * size], len(wire))
    assert whole_chunks(wire[:-3] + b"\r\n") == ([], 0)


def test_a_chunk_longer_than_its_size_line_is_left_to_the_parser() -> None:
    assert whole_chunks(b"3\r\nhello\r\n") == ([], 0)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"5\r\nhello\r\n", (0, 10, b"hello")),
        (b"lo\r\n3\r\none\r\n3\r\ntw", (4, 12, b"one")),
        (b"lo\r\n3\r\non", (9, 9, b"")),
        (b"lo\r\n0\r\n\r\n", (9, 9, b"")),
        (b"no chunk", (8, 8, b"")),
    ],
)
def test_the_next_chunk_is_found_after_the_rest_of_another(data: bytes, found: tuple[int, int, bytes]) -> None:
    assert next_chunk(data) == found
