"""The gateway behind nginx and behind Caddy, with the files of deploy/: `make test-nginx`."""

import io
import json
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from agents.client import Client
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import daemon
from tests.agents.gateway.certificates import self_signed
from tests.deploy.proxies import HOST, caddy, nginx
from tests.waiting import eventually

pytestmark = pytest.mark.proxy
WORDS: Final = 12
SCRIPT = """
[models.slow]
token_delay_s = 0.15
turns = [{ steps = [{ text = "WORDS" }] }]
[models.endless]
token_delay_s = 0.05
turns = [{ steps = [{ text = "ENDLESS" }] }]
""".replace("WORDS", " ".join(f"w{number}" for number in range(WORDS))).replace("ENDLESS", "word " * 4000)
CONFIG = f"""
[{{understudy, [
    {{agents, [[{{id, "slow"}}, {{model, "slow"}}], [{{id, "endless"}}, {{model, "endless"}}]]}},
    {{gateway, [
        {{heartbeat, 1000}},
        {{allowed_hosts, ["{HOST}:80"]}},
        {{allowed_origins, ["https://{HOST}"]}}]}}
]}}].
"""
PROXIES = {"nginx": nginx, "caddy": caddy}
WAIT_S: Final = 30.0


class OnLoopback(AbstractResolver):
    """A resolver by which every name is loopback."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class Site(Struct):
    """A proxy that runs. url: its address. http: a client of it. direct: a client of the daemon."""

    url: str
    http: aiohttp.ClientSession
    direct: Client

    async def status(self, stream_id: str) -> str:
        return str((await self.direct.get(f"/streams/{stream_id}"))["status"])


@pytest.fixture(params=list(PROXIES))
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    if shutil.which(request.param, path="/usr/sbin:/usr/bin") is None:
        assert "CI" not in os.environ, f"expected {request.param}: CI must not skip this test"
        pytest.skip(f"needs {request.param}")
    config = tmp_path / "sys.config"
    config.write_text(CONFIG)
    signed = await self_signed(tmp_path, HOST)
    trust = ssl.create_default_context(cafile=signed.certificate)
    async with (
        RehearsalServer(builtin() | parse(SCRIPT)) as server,
        daemon(server, tmp_path / "state", "--config", str(config)) as running,
        PROXIES[request.param](tmp_path, int(running.url.rpartition(":")[2]), signed) as port,
        running.client() as direct,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=OnLoopback(), ssl=trust, force_close=True),
            headers={"authorization": f"Bearer {running.token}", "host": HOST},
        ) as http,
    ):
        yield Site(f"https://{HOST}:{port}", http, direct)


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Yield the type and the data of each event of a stream."""
    kind = ""
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


async def test_each_token_comes_before_the_next_one_is_sent(site: Site) -> None:
    body = {"message": "Go.", "stream_id": "s1"}
    async with site.http.post(f"{site.url}/agents/slow/stream", json=body) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        while_running = 0
        async for kind, _ in events(response):
            if kind == "token" and await site.status("s1") == "running":
                while_running += 1
        assert kind == "complete"
    assert while_running >= WORDS - 3


async def test_a_websocket_passes_with_the_origin_of_the_page(site: Site) -> None:
    address = site.url.replace("https", "wss") + "/ws"
    async with site.http.ws_connect(address, origin=f"https://{HOST}") as ws:
        await ws.send_json({"action": "stream_chat", "agent_id": "slow", "message": "Go.", "stream_id": "s1"})
        running, kinds = 0, []
        while "complete" not in kinds:
            message = await ws.receive_json(timeout=WAIT_S)
            kinds.append(message["type"])
            running += message["type"] == "token" and await site.status("s1") == "running"
        assert running >= WORDS - 3
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.http.ws_connect(address, origin="https://other.example")
    assert refused.value.status == 403


async def test_the_turn_of_a_client_that_disconnects_is_cancelled(site: Site) -> None:
    async def running_turns() -> list[Any]:
        return list((await site.direct.get("/overview"))["turns"])

    body = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": "Go."}]}
    async with site.http.post(f"{site.url}/v1/chat/completions", json=body) as response:
        assert response.status == 200
        await response.content.readline()
        (turn,) = await running_turns()
        response.close()
    await eventually(running_turns, lambda turns: not turns, what="the end of the turn", within_s=WAIT_S)
    assert turn["state"] != "complete"


async def test_a_client_that_reconnects_goes_on_where_it_was(site: Site) -> None:
    body = {"message": "Go.", "stream_id": "s1"}
    async with site.http.post(f"{site.url}/agents/slow/stream", json=body) as response:
        async for line in response.content:
            if line.startswith(b"id: "):
                seq = int(line.removeprefix(b"id: "))
                break
        response.close()
    headers = {"last-event-id": str(seq)}
    async with site.http.get(f"{site.url}/streams/s1/events", headers=headers) as response:
        found = [kind async for kind, _ in events(response)]
    assert found[-1] == "complete"
    assert found.count("token") >= WORDS - 3


async def test_the_gateway_decides_about_hosts_and_large_bodies(site: Site) -> None:
    async with site.http.get(f"{site.url}/agents") as response:
        assert response.status == 200
    async with site.http.get(f"{site.url}/agents", headers={"host": "rebound.example"}) as response:
        assert response.status == 421 or await response.read() == b""  # Caddy answers for its own hosts only
    large, headers = io.BytesIO(b" " * 12_000_000), {"content-type": "application/json"}  # parts may have 10 MiB
    async with site.http.post(f"{site.url}/agents/slow/chat", data=large, headers=headers) as response:
        assert response.status == 422
