"""Clients that vanish: they acknowledge no data and send no FIN.

A filter on the client's own socket drops every packet that reaches it, which is what a pulled cable looks like from the
other side, and takes no privilege.
"""

import ctypes
import socket as sockets
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from agents.settings import GatewaySettings
from tests.agents.gateway.raw import Raw, connected, frame, request, upgraded
from tests.agents.gateway.site import Site
from tests.waiting import eventually

SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)  # BPF: return 0, so no byte of the packet is kept
GONE_S = 60.0
GATEWAY = GatewaySettings(port=0, write_timeout=300, heartbeat=200)
SCRIPT = """
[models.endless]
token_delay_s = 0.05
turns = [{ steps = [{ text = "TEXT" }] }]

[models.silent]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 1 } }] }]
""".replace("TEXT", " ".join(f"w{number}" for number in range(3000)))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts of the server."""
    serving = sys.modules["agents.gateway.serving"]
    for patience in ("LINGER_S", "PING_S"):
        monkeypatch.setattr(serving, patience, 0.3)
    monkeypatch.setattr(serving, "KEEP_ALIVE_S", 1)
    monkeypatch.setattr(sys.modules["agents.gateway.server_connections"], "LINGER_S", 0.3)


def vanish(raw: Raw) -> tuple[str, int]:
    """Make the client's machine silent from now on, and return its address."""
    socket = raw.writer.get_extra_info("socket")
    program = ctypes.create_string_buffer(DROP_ALL)
    socket.setsockopt(sockets.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
    address: tuple[str, int] = socket.getsockname()
    return address


def has_connection(site: Site, client: tuple[str, int]) -> bool:
    """Return whether the server's kernel has a connection to this client."""
    return f":{site.port:04X} 0100007F:{client[1]:04X} " in Path("/proc/net/tcp").read_text()


async def forgotten(site: Site, client: tuple[str, int]) -> None:
    await eventually(lambda: not has_connection(site, client), what="the connection's end", within_s=GONE_S)


async def reads_tokens(site: Site, raw: Raw) -> None:
    await asks(site, raw, "endless")


async def reads_silence(site: Site, raw: Raw) -> None:
    await asks(site, raw, "silent")


async def asks(site: Site, raw: Raw, agent_id: str) -> None:
    body = msgspec.json.encode({"message": "go", "stream_id": "s"})
    more = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    raw.writer.write(request("POST", f"/agents/{agent_id}/stream", *more, host=f"localhost:{site.port}") + body)
    await raw.head()


async def has_a_socket_with_a_stream(site: Site, raw: Raw) -> None:
    await upgraded(site, raw)
    action = {"action": "stream_chat", "agent_id": "endless", "message": "go", "stream_id": "s"}
    raw.writer.write(frame(1, msgspec.json.encode(action)))
    await raw.reader.readuntil(b'"type":"token"')


async def has_an_idle_socket(site: Site, raw: Raw) -> None:
    await upgraded(site, raw)


async def has_had_its_answer(site: Site, raw: Raw) -> None:
    raw.writer.write(request("GET", "/agents", host=f"localhost:{site.port}"))
    await raw.head()


CLIENTS = [reads_tokens, reads_silence, has_a_socket_with_a_stream, has_an_idle_socket, has_had_its_answer]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("does", CLIENTS, ids=lambda each: each.__name__)
async def test_the_connection_of_a_vanished_client_is_closed_and_delays_no_other(
    site: Site, does: Callable[[Site, Raw], Awaitable[None]]
) -> None:
    for model in ("endless", "silent", "echo"):
        await site.agent(model, model)
    async with connected(site) as raw:
        await does(site, raw)
        client = vanish(raw)
        assert has_connection(site, client)
        answered = await site.stream("echo", "one two three")
        assert [event.id for event in answered] == [1, 2, 3, 4, 5]
        await forgotten(site, client)
    streams = (await site.json("GET", "/agents/endless"))[1]["streams"]
    assert all(stream["status"] == "running" for stream in streams)  # a stream belongs to its agent, not to its client
