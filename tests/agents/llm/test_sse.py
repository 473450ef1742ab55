"""The grammar of server-sent events, on bytes. Source: WHATWG HTML, 9.2.6."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.core.sse import LIMIT_BYTES, EventTooLarge
from agents.llm.sse import ErrorData, SseDecoder


def decode(*chunks: bytes, limit_bytes: int = LIMIT_BYTES) -> list[bytes]:
    decoder = SseDecoder(limit_bytes)
    return [payload for chunk in chunks for payload in decoder.feed(chunk)]


def singly(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def test_a1_only_one_space_after_the_colon_is_dropped() -> None:
    assert decode(b"data:a\n\ndata: b\n\ndata:  c\n\n") == [b"a", b"b", b" c"]


def test_a2_comments_are_not_data() -> None:
    assert decode(b": OPENROUTER PROCESSING\n\ndata: a\n\n:\n\n: ping\ndata: b\n: pong\n\n") == [b"a", b"b"]


def test_a4_an_event_without_data_dispatches_nothing() -> None:
    assert decode(b"retry: 3000\n\nid: 7\n\nevent: ping\n\ndata:\n\ndata\n\ndata: \n\ndata: a\n\n") == [b"a"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a5_each_line_end_is_accepted_and_the_event_comes_at_once(end: bytes) -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a" + end + b"data: b" + end + end) == [b"a\nb"]
    assert decoder.feed(b"data: c" + end + end) == [b"c"]


def test_a5_line_ends_may_be_mixed() -> None:
    stream = b"data: a\r\n\ndata: b\r\rdata: c\n\r\ndata: d\n\n"
    assert decode(stream) == decode(*singly(stream)) == [b"a", b"b", b"c", b"d"]


def test_a6_crlf_cut_between_chunks_gives_no_phantom_blank_line() -> None:
    assert decode(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\ndata: c\r\n\r\n") == [b"a\nb", b"c"]


def test_a7_one_byte_order_mark_is_stripped_even_if_it_is_cut() -> None:
    assert decode(b"\xef\xbb\xbfdata: a\n\n") == [b"a"]
    assert decode(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == [b"a"]
    assert decode(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n") == [b"b"]


def test_a8_several_data_lines_are_joined_with_newlines() -> None:
    assert decode(b'data: {\ndata:  "a": 1\ndata: }\n\n') == [b'{\n "a": 1\n}']


def test_a10_bytes_are_not_decoded_so_a_cut_character_stays_whole() -> None:
    assert decode(*singly("data: naïve 🎭\n\n".encode())) == ["naïve 🎭".encode()]


def test_a11_an_event_of_a_megabyte_passes_and_one_over_the_limit_is_refused() -> None:
    large = b"data: " + b"x" * 1_000_000
    assert decode(large, b"\n\n") == [b"x" * 1_000_000]
    with pytest.raises(EventTooLarge):
        decode(*[b"x" * 1000] * 11, limit_bytes=10_000)


@pytest.mark.parametrize("size", [10, 11, 12, 13])
def test_a11_the_limit_does_not_depend_on_the_chunks(size: int) -> None:
    stream = b"data: a\n\ndata: " + b"x" * (size - 6) + b"\n\n"
    expected = None if size > 12 else [b"a", b"x" * (size - 6)]
    for chunks in ([stream], singly(stream), [stream[:9], stream[9:]]):
        try:
            assert decode(*chunks, limit_bytes=12) == expected
        except EventTooLarge:
            assert expected is None


def test_a11_events_before_a_too_large_event_are_kept() -> None:
    with pytest.raises(EventTooLarge) as refused:
        decode(b"data: a\n\ndata: " + b"x" * 100 + b"\n\n", limit_bytes=50)
    assert refused.value.events == [b"a"]


def test_a12_the_end_gives_the_event_that_has_no_blank_line() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n\ndata: [DONE]") == [b"a"]
    assert decoder.end() == [b"[DONE]"]
    assert decoder.end() == []


def test_a21_only_the_data_of_an_event_named_error_is_marked() -> None:
    stream = b"event: error\ndata: a\n\nevent: delta\ndata: b\n\ndata: c\nevent:error\n\n"
    assert [isinstance(payload, ErrorData) for payload in decode(stream)] == [True, False, True]
    assert isinstance(decode(b"data: a\n\n", b"event: error\ndata: b\n\n")[1], ErrorData)


def test_a_field_named_error_is_an_error() -> None:
    (payload,) = decode(b'error: {"message":"out of slots"}\n\n')
    assert isinstance(payload, ErrorData)


def test_unknown_fields_and_odd_lines_are_ignored() -> None:
    assert decode(b"dat: x\nfoo\n data: y\ndata: a\nid: 3\n\n\n\n\ndata: b\n\n") == [b"a", b"b"]


lines = st.sampled_from([b"data: a", b"data:b", b"data", b"event: error", b"event: x", b": c", b"", b"", b"", b"id: 1"])
PROSE = [b"upstream failed", b"Error: no model", b"<p>"]
ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])


def by_the_letter(stream: bytes) -> list[bytes]:
    """Read a whole stream by the letter of the grammar: a slow reference decoder."""
    payloads: list[bytes] = []
    data: list[bytes] = []
    for line in stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]:
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value[1:] if value.startswith(b" ") else value)
        elif not line:
            payloads += [b"\n".join(data)] if b"\n".join(data) else []
            data = []
    return payloads


def prose_by_the_letter(stream: bytes) -> bytes:
    """Return the lines of PROSE in events without data, and in the event that has no end."""
    *events, rest = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    without_data = [event for event in events if not by_the_letter(event + b"\n\n")]
    return b"\n".join(line for event in [*without_data, rest] for line in event.split(b"\n") if line in PROSE)


def cut_at(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


@given(
    st.lists(st.tuples(lines | st.sampled_from(PROSE), ends), max_size=30), st.lists(st.integers(0, 200), max_size=8)
)
@example([(line, b"\n") for line in (b"data: a", b"", PROSE[0], b"", b"data: b", b"", PROSE[1])], [9])
def test_the_prose_in_a_stream_does_not_depend_on_the_chunks(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in parts)
    silent: set[bool] = set()
    for chunks in ([stream], singly(stream), cut_at(stream, cuts)):
        decoder = SseDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
        assert decoder.prose == prose_by_the_letter(stream)
        silent.add(decoder.silent)
    assert len(silent) == 1


def test_of_long_prose_only_the_beginning_is_kept() -> None:
    page = b"<p>" * 2000
    for chunks in ([page + b"\n\n" + page], singly(page + b"\n\n" + page)):
        decoder = SseDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
        assert page.startswith(decoder.prose)
        assert decoder.prose


@given(st.lists(st.tuples(lines, ends), max_size=30), st.lists(st.integers(0, 200), max_size=8))
def test_any_stream_cut_anywhere_is_read_by_the_letter(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in parts)
    assert decode(*cut_at(stream, cuts)) == decode(*singly(stream)) == by_the_letter(stream)
