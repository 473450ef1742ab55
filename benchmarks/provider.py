"""A model provider for benchmarks: its own OS process, which answers with bytes that were made before.

    python -m benchmarks.provider          # prints its base URL, serves until its stdin closes

POST /v1/chat/completions answers with a chat stream as OpenAI sends it: an HTTP chunk an event, padding included. The
model's name says how much: "tokens-20" is written at once, "tokens-20-every-10ms" an event at a time.
"""

import asyncio
import json
import re
import sys
from functools import cache
from typing import Final, cast

from actors import new_event_loop

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n"
    b"openai-processing-ms: 5\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\n\r\n"
)
LAST: Final = b"0\r\n\r\n"
PADDING: Final = "Zr3kQx8VbN1mWs"
WORDS: Final = (" the", " process", " restarts", " its", " child", ",", " and", " goes", " on", ".")

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_MODEL = re.compile(r"tokens-(\d+)(?:-every-(\d+)ms)?")


@cache
def frames(tokens: int) -> tuple[bytes, ...]:
    """The body of a stream, an HTTP chunk an event: role, tokens, finish, usage, [DONE]."""
    role = {"role": "assistant", "content": "", "refusal": None}
    events = [_chunk({"delta": role}, 0)]
    events += [_chunk({"delta": {"content": WORDS[number % len(WORDS)]}}, number) for number in range(tokens)]
    events.append(_chunk({"delta": {}, "finish_reason": "stop"}, 0))
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9}
    events.append(_chunk(None, 0, usage))
    return tuple(_framed(event) for event in (*events, b"[DONE]"))


@cache
def body(tokens: int) -> bytes:
    return b"".join((HEAD, *frames(tokens), LAST))


def _chunk(choice: dict[str, object] | None, number: int, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if choice is None else [{"index": 0, "logprobs": None, "finish_reason": None, **choice}]
    event = {
        "id": "chatcmpl-C0ffee0123456789abcdefghijklm",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": choices,
        "usage": usage,
        "obfuscation": PADDING[: 4 + number % 10],
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _framed(payload: bytes) -> bytes:
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


class Connection(asyncio.Protocol):
    """Keep-alive HTTP/1.1, one request after another."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = b""
        self.pace: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

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
            self.answer(json.loads(rest[:size])["model"])

    def answer(self, model: str) -> None:
        asked = _MODEL.fullmatch(model)
        assert asked, f"expected a model like tokens-20 or tokens-20-every-10ms, got {model!r}"
        if asked[2] is None:
            self.transport.write(body(int(asked[1])))
        else:
            self.transport.write(HEAD)
            self.play(frames(int(asked[1])), 0, int(asked[2]) / 1000, asyncio.get_running_loop().time())

    def play(self, events: tuple[bytes, ...], position: int, every_s: float, due_s: float) -> None:
        """Write the event at position, and the next one every_s later."""
        if position == len(events):
            self.transport.write(LAST)
            return
        self.transport.write(events[position])
        due_s += every_s
        loop = asyncio.get_running_loop()
        self.pace = loop.call_at(due_s, self.play, events, position + 1, every_s, due_s)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    orphaned = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), orphaned.set)
    await orphaned.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve())
