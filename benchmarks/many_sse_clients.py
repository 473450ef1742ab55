"""Many clients of server-sent events that cost next to nothing: they count tokens, and the time between them.

    python -m benchmarks.many_sse_clients PORT PATH TOKEN CLIENTS

`{}` in PATH is the client's number. Prints the seconds, the tokens, and the p99 of the gaps in milliseconds, as JSON.
A paced token's length is known, so joined tokens count as what they are.
"""

import asyncio
import json
import re
import sys
from time import perf_counter
from typing import Final, cast

from actors import new_event_loop
from benchmarks.answers import LAST, STAMP
from benchmarks.workload import QUESTION, Measured

RAMP_S: Final = 1.0  # the clients begin one after the other within this time: they are not in step

_TEXT: Final = re.compile(rb'event: token\ndata: {"text": ?"([^"]*)"')


class Client(asyncio.Protocol):
    """One question and its answer. ended: done when the last byte has arrived."""

    def __init__(self, request: bytes) -> None:
        self.request, self.rest = request, b""
        self.tokens, self.last_s, self.gaps_s = 0, 0.0, list[float]()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self.request)  # the class of uvloop's transport does not say so

    def data_received(self, data: bytes) -> None:
        now_s = perf_counter()
        events, _, self.rest = (self.rest + data).rpartition(b"\n\n")
        if tokens := sum(map(len, _TEXT.findall(events))) // len(STAMP):
            if self.tokens:
                self.gaps_s.append(now_s - self.last_s)
            self.tokens, self.last_s = self.tokens + tokens, now_s
        if self.rest.endswith(LAST) and not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(f"the answer ended before its end: {self.rest[:200]!r}"))


async def read(port: int, path: str, token: str, clients: int) -> Measured:
    loop = asyncio.get_running_loop()
    body = json.dumps({"message": QUESTION})

    async def one(number: int) -> Client:
        await asyncio.sleep(number / clients * RAMP_S)
        head = (
            f"POST {path.format(number)} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        transport, client = await loop.create_connection(lambda: Client((head + body).encode()), "127.0.0.1", port)
        await client.ended
        transport.close()
        return client

    began_s = perf_counter()
    ended = await asyncio.gather(*map(one, range(clients)))
    seconds = perf_counter() - began_s
    gaps_s = sorted(gap for client in ended for gap in client.gaps_s)
    tokens = sum(client.tokens for client in ended)
    return {"seconds": seconds, "tokens": tokens, "gap_ms": gaps_s[len(gaps_s) * 99 // 100] * 1000}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        print(json.dumps(runner.run(read(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))))
