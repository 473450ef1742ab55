"""Clients that read nothing or disconnect: they cost little, delay no other client, and can continue."""

import asyncio
import random
import socket as sockets
import zlib
from base64 import b64encode
from typing import Any, cast

import msgspec

from actors import Down, Mailbox, Pid, ended, process_info, processes
from actors.system.current import current_system
from agents.settings import GatewaySettings, StreamingSettings
from tests.agents.gateway.raw import Raw, connected, request
from tests.agents.gateway.site import Site, Sse, parsed, text_of

GATEWAY = GatewaySettings(port=0, write_timeout=1500)
STREAMING = StreamingSettings(buffer_size=64, enable_compression=True)
WORDS = " ".join(f"{number:0700}" for number in range(3000))  # more than all buffers on the way hold
RANDOM = " ".join(b64encode(random.Random(number).randbytes(6000)).decode() for number in range(300))
"""A text that stays long when it is compressed, and whose events are sent as one piece once it is complete."""
GZIP = "Accept-Encoding: gzip"
SCRIPT = f"""
[models.long]
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]

[models.random]
turns = [{{ steps = [{{ text = "{RANDOM}" }}] }}]
"""


async def asks(raw: Raw, site: Site, agent_id: str, *headers: str) -> None:
    """Ask for a stream and read none of it."""
    body = msgspec.json.encode({"message": "go", "stream_id": "s"})
    more = ("Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    await sends(raw, request("POST", f"/agents/{agent_id}/stream", *more, host=f"localhost:{site.port}") + body)


async def sends(raw: Raw, data: bytes) -> None:
    """Send the request and read only the head of its answer."""
    raw.writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 32768)
    raw.writer.write(data)
    await raw.head()


def body_of(answer: bytes) -> bytes:
    """Return the body without the lengths of chunks, and without an incomplete chunk."""
    body = b""
    while answer:
        length, _, rest = answer.partition(b"\r\n")
        size = int(length, 16)
        body += rest[:size]
        answer = rest[size + 2 :]
    return body


def events_of(body: bytes) -> list[Sse]:
    return [event for block in body.split(b"\n\n")[:-1] for event in parsed(block)]


async def test_a_client_that_reads_nothing_is_cut_with_a_reason_and_continues_at_its_place(site: Site) -> None:
    await site.agent("long")
    async with connected(site, limit_bytes=4096) as raw:
        await asks(raw, site, "a")
        await site.events("s")  # until it has ended
        await all_cut()
        had = events_of(body_of(await raw.rest()))
    cut = had.pop()
    assert (cut.name, cut.data["code"], cut.id) == ("cut", "slow_reader", None)
    assert had[-1].id is not None
    rest = await site.events("s", had[-1].id)
    assert (text_of(had) + text_of(rest) == WORDS) is True  # a diff would be too long
    assert rest[-1].name == "complete"
    assert max(event.data.get("joined", 1) for event in rest if event.name == "token") > 1


async def test_a_client_of_compressed_events_that_reads_nothing_can_read_the_reason(site: Site) -> None:
    await site.agent("random")
    async with connected(site, limit_bytes=4096) as raw:
        await asks(raw, site, "a", GZIP)
        await site.events("s")  # until it has ended
        await all_cut()
        had = events_of(unzipped(body_of(await raw.rest())))
    cut = had.pop()
    assert (cut.name, cut.data["code"]) == ("cut", "slow_reader")
    rest = await site.events("s", had[-1].id or 0)
    assert (text_of(had) + text_of(rest) == RANDOM) is True  # a diff would be too long


async def test_a_client_that_is_cut_after_the_last_compressed_event_has_a_whole_answer(site: Site) -> None:
    await site.agent("random")
    await site.stream("a", "go", stream_id="s")
    async with connected(site, limit_bytes=4096) as raw:
        await sends(raw, request("GET", "/streams/s/events", GZIP, host=f"localhost:{site.port}"))
        await all_cut()
        had = events_of(unzipped(body_of(await raw.rest())))
    assert (text_of(had) == RANDOM) is True
    assert had[-1].name == "complete"


def unzipped(data: bytes) -> bytes:
    """Return the content of a whole gzip file."""
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    found = decoder.decompress(data)
    assert decoder.eof
    return found


async def test_a_client_that_reads_too_little_is_cut_with_a_reason_and_continues_at_its_place(site: Site) -> None:
    await site.agent("long")
    async with connected(site, limit_bytes=4096) as raw:
        await asks(raw, site, "a")
        cutting = asyncio.create_task(all_cut_after(site, "s"))
        answer = b""
        while not cutting.done():
            answer += await raw.reader.read(1000)
            await asyncio.sleep(0.05)  # this client reads slower than the gateway sends
        had = events_of(body_of(answer + await raw.rest()))
    cut = had.pop()
    assert (cut.name, cut.data["code"], cut.id) == ("cut", "slow_reader", None)
    assert (text_of(had) + text_of(await site.events("s", had[-1].id or 0)) == WORDS) is True


async def all_cut_after(site: Site, stream_id: str) -> None:
    await site.events(stream_id)  # until it has ended
    await all_cut()


async def test_a_client_that_reads_nothing_uses_only_its_buffer_and_delays_no_other(site: Site) -> None:
    await site.agent("long")
    await site.agent("echo", "fast")
    async with connected(site, limit_bytes=4096) as raw:
        await asks(raw, site, "a")
        unread = 0
        while (await site.json("GET", "/streams/s"))[1]["status"] != "complete":
            unread = max(unread, longest_mailbox())
        found = await site.stream("fast", "one two three")
    assert unread <= 64 + 2  # plus the rest at the end: a text and the last event
    assert [event.id for event in found] == [1, 2, 3, 4, 5]


async def all_cut() -> None:
    """Return when the gateway has cut every client. Each client's events go to a mailbox."""
    for reader in [process for process in current_system().processes.values() if process.label == "mailbox"]:
        await ended(reader.pid)


def longest_mailbox() -> int:
    return max(len(process.mailbox) for process in current_system().processes.values() if process.label == "mailbox")


async def test_a_socket_that_reads_nothing_is_cut_with_a_code(site: Site) -> None:
    await site.agent("long")
    async with site.http.ws_connect(f"{site.url}/ws", max_msg_size=0) as socket:
        transport: Any = cast("Any", socket._conn).transport
        transport.pause_reading()
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "go", "stream_id": "s"})
        await site.events("s")  # until it has ended
        await all_cut()
        transport.resume_reading()
        found = []
        while (message := await socket.receive(timeout=60)).type.name == "TEXT":
            found.append(msgspec.json.decode(message.data))
        assert socket.close_code == 1013
    assert found[-1]["type"] == "cut"
    assert found[-1]["data"]["code"] == "slow_reader"
    tokens = [each for each in found if each["type"] == "token"]
    rest = await site.events("s", tokens[-1]["seq"])
    assert ("".join(each["data"] for each in tokens) + text_of(rest) == WORDS) is True


async def test_a_client_that_disconnects_leaves_nothing_behind(site: Site) -> None:
    await site.agent("echo")
    for number in range(20):
        async with connected(site) as raw:
            body = msgspec.json.encode({"message": "one two", "stream_id": f"s{number}"})
            more = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            raw.writer.write(request("POST", "/agents/a/stream", *more, host=f"localhost:{site.port}") + body)
            await raw.head()
    async with Mailbox() as box:
        theirs = [pid for pid in processes() if pid != box.pid and label(pid) == "mailbox"]
        for pid in theirs:
            box.monitor(pid)
        for _ in theirs:
            assert isinstance(await box.receive(30), Down)


def label(pid: Pid) -> str | None:
    info = process_info(pid)
    return info.label if info is not None else None


async def test_a_client_of_mcp_that_reads_nothing_holds_no_task(site: Site) -> None:
    await site.agent("long")
    accept = {"accept": "application/json, text/event-stream"}
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
    async with site.http.post(f"{site.url}/mcp", json=begin, headers=accept) as answer:
        session = answer.headers["mcp-session-id"]
    params = {"name": "a", "arguments": {"message": "go"}}
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
    more = ("Content-Type: application/json", f"Content-Length: {len(body)}", f"Accept: {accept['accept']}")
    async with connected(site, limit_bytes=4096) as raw:
        head = request("POST", "/mcp", *more, f"Mcp-Session-Id: {session}", host=f"localhost:{site.port}")
        await sends(raw, head + body)
        while tasks := site.server.server_state.tasks:
            await asyncio.wait(list(tasks))
        assert b'"isError":false' in await raw.rest()  # it was on its way, and then the connection is closed
    assert [stream["status"] for stream in (await site.json("GET", "/agents/a"))[1]["streams"]] == ["complete"]
