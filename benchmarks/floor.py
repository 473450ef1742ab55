"""The floor: a bare socket, cut at blank lines, each event's text decoded; no HTTP client, no agent.

This is not a usable client: it ignores status and chunk sizes, since it knows its only server. Every reader of a stream
in Python pays at least this.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from benchmarks.workload import QUESTION, Listener, NewReader, Read

DONE: Final = b"data: [DONE]"


class Delta(Struct, gc=False):
    content: str | None = None


class Choice(Struct, gc=False):
    delta: Delta


class Event(Struct, gc=False):
    choices: list[Choice]


_decode = msgspec.json.Decoder(Event).decode


class Connection(asyncio.Protocol):
    """A connection with one stream at a time. answered: done when its last byte has arrived."""

    transport: asyncio.Transport
    answered: asyncio.Future[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # the class of uvloop's transport does not say so

    def ask(self, request: bytes, listener: Listener) -> asyncio.Future[None]:
        self.rest, self.listener = b"", listener
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            start = event.index(b"data: ")
            if event.startswith(DONE, start):
                continue
            choices = _decode(event[start + 6 :]).choices
            if choices and (text := choices[0].delta.content):
                self.listener.token(text)
        if self.rest.endswith(b"\r\n0\r\n\r\n"):
            self.answered.set_result(None)


@asynccontextmanager
async def bare_socket(base_url: str) -> AsyncIterator[NewReader]:
    address = urlsplit(base_url)
    idle: list[Connection] = []

    async def new_reader(model: str) -> Read:
        request = _request(address.path, model)

        async def read(listener: Listener) -> None:
            connection = idle.pop() if idle else await _connected(address)
            await connection.ask(request, listener)
            idle.append(connection)

        return read

    yield new_reader
    for connection in idle:
        connection.transport.close()


async def _connected(address: SplitResult) -> Connection:
    host, port = address.hostname or "", address.port or 80
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection


def _request(path: str, model: str) -> bytes:
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": QUESTION}]}).encode()
    head = f"POST {path}/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
