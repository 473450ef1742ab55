"""A model provider for benchmarks: a separate OS process, which answers with prepared bytes.

    python -m benchmarks.provider          # prints its base URL, serves until its stdin closes

POST /v1/chat/completions answers by the model's name: see answers.py.
"""

import asyncio
import json
import re
import sys
from typing import Any, Final, cast

from actors import new_event_loop
from benchmarks.answers import HEAD, LAST, Asked, body, frames, stamped

BACKLOG: Final = 4096

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """Keep-alive HTTP/1.1, one request after another."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = b""
        self.pace: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # the class of uvloop's transport does not say so

    def connection_lost(self, exc: Exception | None) -> None:
        if self.pace is not None:
            self.pace.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank, rest = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if blank and len(rest) >= size:
            self.received = rest[size:]
            self.answer(json.loads(rest[:size]))

    def answer(self, request: dict[str, Any]) -> None:
        asked = Asked.of(request["model"])
        if asked.every_ms is None:
            called = request["messages"][-1]["role"] == "tool"
            self.transport.write(body(asked, calls=bool(asked.calls) and not called))
        else:
            self.transport.write(HEAD)
            self.play(frames(asked), 0, asked.every_ms / 1000, asyncio.get_running_loop().time())

    def play(self, events: tuple[bytes, ...], position: int, every_s: float, due_s: float) -> None:
        """Write the event at position, and the next event every_s later."""
        if position == len(events):
            self.transport.write(LAST)
            return
        self.transport.write(stamped(events[position]))
        due_s += every_s
        loop = asyncio.get_running_loop()
        self.pace = loop.call_at(due_s, self.play, events, position + 1, every_s, due_s)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=BACKLOG)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    orphaned = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), orphaned.set)
    await orphaned.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve())
