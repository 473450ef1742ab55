"""A client that writes raw bytes, such as requests that no HTTP library would send."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.agents.gateway.site import TOKEN, Site

READ_S = 60.0


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def rest(self) -> bytes:
        """Return all bytes until the other side closes or resets the connection."""
        found = b""
        try:
            async with asyncio.timeout(READ_S):
                while data := await self.reader.read(65536):
                    found += data
        except ConnectionResetError:
            pass
        return found

    async def status(self) -> int:
        line = await asyncio.wait_for(self.reader.readline(), READ_S)
        return int(line.split()[1])

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), READ_S)


@asynccontextmanager
async def connected(site: Site, limit_bytes: int = 2**16) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=limit_bytes)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def request(method: str, path: str, *headers: str, host: str | None = None, token: str = TOKEN) -> bytes:
    """Return the bytes of a request. host: "PORT" stands for the site's port."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or 'localhost'}", f"Authorization: Bearer {token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def asked_to_upgrade(site: Site, raw: Raw, *headers: str) -> bytes:
    """Send an upgrade, and return the head of the answer."""
    key = base64.b64encode(os.urandom(16)).decode()
    more = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}")
    raw.writer.write(request("GET", "/ws", *more, *headers, host=f"localhost:{site.port}"))
    return await raw.head()


async def upgraded(site: Site, raw: Raw, *headers: str) -> bytes:
    head = await asked_to_upgrade(site, raw, *headers)
    assert b" 101 " in head
    return head


CLOSE = 0x88


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    length = (
        struct.pack("!BH", 126 | (0x80 * masked), len(payload))
        if len(payload) > 125
        else bytes([len(payload) | (0x80 * masked)])
    )
    return bytes([opcode | (0x80 * fin)]) + length + (b"\0\0\0\0" if masked else b"") + payload


def close_code(answer: bytes) -> int:
    """Return the code of the close frame. The frames before it are short: a ping's payload may hold any byte."""
    while answer[0] != CLOSE:
        answer = answer[2 + answer[1] :]
    return int.from_bytes(answer[2:4], "big")
