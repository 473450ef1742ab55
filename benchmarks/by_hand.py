"""Servers of token streams as one writes them by hand, beside the daemon. Each prints its port.

python -m benchmarks.by_hand proxied|prepared|bare http://127.0.0.1:8080/v1

POST /stream/tokens-300-every-50ms answers with server-sent events. proxied: FastAPI around AsyncOpenAI, which asks the
provider. prepared: FastAPI with a timer and prepared bytes. bare: the event loop with a timer and a write.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

from actors import new_event_loop
from benchmarks.answers import LAST, STAMP, Asked
from benchmarks.workload import QUESTION

BACKLOG: Final = 4096
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def frame(text: str) -> bytes:
    return f"event: token\ndata: {json.dumps({'text': text})}\n\n".encode()


PREPARED: Final = frame(STAMP)
CHUNK: Final = b"%x\r\n%b\r\n" % (len(PREPARED), PREPARED)


def fastapi(kind: str, base_url: str) -> FastAPI:
    app, client = FastAPI(), AsyncOpenAI(api_key="none", base_url=base_url)

    async def proxied(model: str) -> AsyncIterator[bytes]:
        question: Any = [{"role": "user", "content": QUESTION}]
        async for chunk in await client.chat.completions.create(model=model, messages=question, stream=True):
            if chunk.choices and (text := chunk.choices[0].delta.content):
                yield frame(text)

    async def prepared(model: str) -> AsyncIterator[bytes]:
        asked = Asked.of(model)
        for _ in range(asked.tokens):
            await asyncio.sleep((asked.every_ms or 0) / 1000)
            yield PREPARED

    @app.post("/stream/{model}")
    async def stream(model: str) -> StreamingResponse:
        events = proxied(model) if kind == "proxied" else prepared(model)
        return StreamingResponse(events, media_type="text/event-stream")

    return app


class Bare(asyncio.Protocol):
    """One request per connection: its head and its body come in one piece."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # the class of uvloop's transport does not say so

    def data_received(self, data: bytes) -> None:
        asked = Asked.of(data.split(None, 2)[1].decode().removeprefix("/stream/"))
        self.left, self.every_s = asked.tokens, (asked.every_ms or 0) / 1000
        self.due_s = asyncio.get_running_loop().time()
        self.transport.write(HEAD)
        self.next()

    def next(self) -> None:
        self.due_s += self.every_s
        asyncio.get_running_loop().call_at(self.due_s, self.play)

    def play(self) -> None:
        if not self.left:
            self.transport.write(LAST)
            return
        self.left -= 1
        self.transport.write(CHUNK)
        self.next()


async def serve(kind: str, base_url: str, listener: socket.socket) -> None:
    if kind == "bare":
        server = await asyncio.get_running_loop().create_server(Bare, sock=listener, backlog=BACKLOG)
        await server.serve_forever()
    await uvicorn.Server(uvicorn.Config(fastapi(kind, base_url), log_level="error")).serve([listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        print(listening.getsockname()[1], flush=True)
        runner.run(serve(sys.argv[1], sys.argv[2], listening))
