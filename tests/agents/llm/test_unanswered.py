"""After a streamed answer without an event, one request asks for the whole answer, and that answer counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents.core.deltas import Delta, Failed, Finished
from agents.core.errors import ApiError, ConnectionClosed
from agents.llm.call import Route
from agents.llm.endpoint import Api, Endpoint
from tests.agents.llm.test_model_call import asked, providers, text_of

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
SILENCES = {
    "chunked, cut": HEAD + b"transfer-encoding: chunked\r\n\r\n",
    "chunked, ended": HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "of length 0": HEAD + b"content-length: 0\r\n\r\n",
    "until closed": HEAD + b"connection: close\r\n\r\n",
    "cut before its length": HEAD + b"content-length: 100\r\n\r\n",
    "comments": HEAD + b"connection: close\r\n\r\n: ping\n\n\r\n: ping\n\n",
}
ERROR = {"error": {"message": "context of 512 tokens exceeded", "type": "invalid_request_error"}}
WHOLE: dict[Api, Any] = {
    Api.CHAT: {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]},
    Api.RESPONSES: {
        "object": "response",
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
    },
}


class Server:
    """A server: streamed requests get `silence`, others `whole`. asked: for each request whether it was streamed."""

    def __init__(self, silence: bytes, whole: bytes) -> None:
        self.asked: list[bool] = []
        self._silence, self._whole = silence, whole

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = json.loads(await reader.readexactly(size))
        assert body["stream"] or "stream_options" not in body
        self.asked.append(body["stream"])
        writer.write(self._silence if body["stream"] else self._whole)
        await writer.drain()
        writer.close()


def document(value: Any, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    return head.encode() + json.dumps(value).encode()


@asynccontextmanager
async def answers(server: Server, api: Api, **options: object) -> AsyncIterator[Route]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening, providers():
        port = listening.sockets[0].getsockname()[1]
        yield Route(Endpoint(f"http://127.0.0.1:{port}/v1", "any"), "m", api, options)


async def answer(server: Server, api: Api, *, stream: bool = True, **options: object) -> list[Delta]:
    async with answers(server, api, **options) as route:
        return await asked(route, stream=stream)


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error", "200 OK"])
async def test_a28_the_words_of_the_whole_answer_are_the_fault(status: str, silence: str, api: Api) -> None:
    server = Server(SILENCES[silence], document(ERROR, status))
    (failed,) = await answer(server, api)
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ApiError)
    assert failed.fault.message == ERROR["error"]["message"]
    assert server.asked == [True, False]


@pytest.mark.parametrize("api", list(Api))
async def test_a28_a_whole_answer_is_used(api: Api) -> None:
    server = Server(SILENCES["chunked, cut"], document(WHOLE[api]))
    deltas = await answer(server, api)
    assert text_of(deltas) == "Hi"
    assert isinstance(deltas[-1], Finished)
    assert server.asked == [True, False]


@pytest.mark.parametrize("whole", [SILENCES["of length 0"], SILENCES["chunked, cut"]])
async def test_a28_a_server_that_never_says_a_word_closed_the_connection(whole: bytes) -> None:
    server = Server(SILENCES["chunked, cut"], whole)
    assert await answer(server, Api.CHAT) == [Failed(ConnectionClosed())]
    assert server.asked == [True, False]


async def test_a28_a_connection_that_was_about_to_close_is_not_the_last_word() -> None:
    server = Server(SILENCES["chunked, cut"], b"")
    assert await answer(server, Api.CHAT) == [Failed(ConnectionClosed())]
    assert server.asked == [True, False, False]


async def test_a28_an_answer_that_broke_off_after_a_word_is_not_requested_again() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    for body in (event, event[:20], b"data: "):
        server = Server(HEAD + b"connection: close\r\n\r\n" + body, document(WHOLE[Api.CHAT]))
        assert (await answer(server, Api.CHAT))[-1] == Failed(ConnectionClosed())
        assert server.asked == [True]


async def test_a28_a_connection_that_closes_before_any_answer_is_not_asked_for_in_one_piece() -> None:
    server = Server(b"", document(WHOLE[Api.CHAT]))
    assert await answer(server, Api.CHAT) == [Failed(ConnectionClosed())]
    assert server.asked == [True]


async def test_a28_an_answer_that_was_asked_for_in_one_piece_is_not_asked_for_again() -> None:
    server = Server(b"", SILENCES["of length 0"])
    assert await answer(server, Api.CHAT, stream=False) == [Failed(ConnectionClosed())]
    assert server.asked == [False]
