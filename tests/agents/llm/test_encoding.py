"""Content encodings over real HTTP: gzip and deflate in every form. Others are refused by name, without a retry."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.deltas import Delta, Failed, TextDelta
from agents.core.errors import ApiError, ConnectionClosed, ParseError
from agents.core.retry import FaultScope, scope
from agents.llm.call import Route
from agents.llm.encoding import decoded, decoders, names
from agents.llm.endpoint import Api, Endpoint
from tests.agents.llm.answer import events
from tests.agents.llm.test_model_call import asked, providers

EVENTS = [
    events(json.dumps({"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]})),
    events(json.dumps({"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]})),
    events(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), "[DONE]"),
]
WHOLE = b"".join(EVENTS)


def deflated(data: bytes, wbits: int) -> bytes:
    stream = zlib.compressobj(wbits=wbits)
    return stream.compress(data) + stream.flush()


def zipped(part: bytes) -> bytes:
    """Return the compressed part without a timestamp, so that parallel test runs collect the same tests."""
    return gzip.compress(part, mtime=0)


def members(parts: Sequence[bytes]) -> bytes:
    return b"".join(zipped(part) for part in parts)


class Server:
    """A server that answers each request with this status, encoding and body. asked: the number of requests."""

    def __init__(self, encoding: str, body: bytes, status: int = 200) -> None:
        self.asked = 0
        self._head = f"HTTP/1.1 {status} X\r\ncontent-type: text/event-stream\r\ncontent-encoding: {encoding}\r\n"
        self._body = body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(self._head.encode() + b"connection: close\r\n\r\n" + self._body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def route_to(server: Server) -> AsyncIterator[Route]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening, providers():
        port = listening.sockets[0].getsockname()[1]
        yield Route(Endpoint(f"http://127.0.0.1:{port}/v1", "any"), "any", Api.CHAT)


async def answer(encoding: str, body: bytes, status: int = 200) -> list[Delta]:
    server = Server(encoding, body, status)
    async with route_to(server) as route:
        deltas = await asked(route)
    assert server.asked == 1
    return deltas


def text_of(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", zipped(WHOLE)),
        ("gzip", members(EVENTS)),
        ("GZIP", members(EVENTS)),
        ("x-gzip", members(EVENTS) + b"\0" * 9),
        ("deflate", deflated(WHOLE, zlib.MAX_WBITS)),
        ("deflate", deflated(WHOLE, -zlib.MAX_WBITS)),
        ("deflate", b"".join(deflated(event, zlib.MAX_WBITS) for event in EVENTS)),
        ("deflate", b"".join(deflated(event, -zlib.MAX_WBITS) for event in EVENTS)),
        ("gzip", zipped(WHOLE) + b"rubbish"),
        ("gzip, identity", zipped(WHOLE)),
        ("deflate, gzip", zipped(deflated(WHOLE, zlib.MAX_WBITS))),
        ("gzip\r\ncontent-encoding: gzip", zipped(zipped(WHOLE))),
        ("identity", WHOLE),
        ("utf-8", WHOLE),
        ("", WHOLE),
    ],
    ids=str,
)
async def test_a26_a_body_in_an_encoding_that_was_asked_for_is_read(encoding: str, body: bytes) -> None:
    assert text_of(await answer(encoding, body)) == "Hello"


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "rot13"])
async def test_a26_an_encoding_that_was_not_asked_for_is_named_and_not_asked_for_again(encoding: str) -> None:
    (failed,) = await answer(encoding, b"\x0b\x02\x80Hi\x03")
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ParseError)
    assert repr(encoding.rpartition(" ")[2]) in failed.fault.message
    assert scope(failed.fault) is FaultScope.ROUTE


async def test_a26_an_error_keeps_its_status_whatever_its_encoding() -> None:
    (failed,) = await answer("br", b"\x0b\x02\x80Hi\x03", 429)
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ApiError)
    assert (failed.fault.code, "'br'" in failed.fault.message) == (429, True)


async def test_a26_the_words_of_an_error_are_read_out_of_several_members() -> None:
    (failed,) = await answer("gzip", members([b'{"error": {"message": "no ', b'such thing"}}']), 400)
    assert failed == Failed(ApiError(400, "no such thing"))


@pytest.mark.parametrize("body", [b"no gzip", zipped(EVENTS[0]) + b"rubbish"])
async def test_a26_a_body_that_is_not_in_its_encoding_is_a_parse_error_after_what_was(body: bytes) -> None:
    *before, failed = await answer("gzip", body)
    assert text_of(before) in ("", "Hel")
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ParseError)
    assert "gzip" in failed.fault.message


async def test_a26_a_cut_body_is_a_broken_connection_and_keeps_its_text() -> None:
    body = members(EVENTS)
    *before, failed = await answer("gzip", body[: len(zipped(EVENTS[0])) + 5])
    assert text_of(before) == "Hel"
    assert failed == Failed(ConnectionClosed())


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": lambda data: deflated(data, zlib.MAX_WBITS),
    "x-deflate": lambda data: deflated(data, -zlib.MAX_WBITS),
}


@given(
    parts=st.lists(st.binary(max_size=40), max_size=4),
    form=st.sampled_from(sorted(FORMS)),
    size=st.integers(1, 50),
)
def test_any_cut_of_an_encoded_body_gives_the_same_bytes(parts: list[bytes], form: str, size: int) -> None:
    body = members(parts) if form == "gzip" else FORMS[form](b"".join(parts))

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), size):
            yield body[begin : begin + size]

    async def plain() -> bytes:
        return b"".join([chunk async for chunk in decoded(pieces(), decoders(names(form)))])

    assert asyncio.run(plain()) == b"".join(parts)
