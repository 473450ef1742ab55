"""The gateway's own server: its address, and connections that exceed a limit."""

import asyncio
import socket as sockets
import ssl
import struct
import sys
from datetime import UTC, datetime
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from agents.gateway import Gateway, InvalidCertificate, LiveSessions, NotSafe, check_listen, serving
from agents.settings import GatewaySettings, Settings
from tests.agents.gateway.certificates import self_signed
from tests.agents.gateway.raw import Raw, asked_to_upgrade, close_code, connected, frame, request, upgraded
from tests.agents.gateway.site import TOKEN, Site
from tests.waiting import eventually

HEAD_S = 0.3


@pytest.fixture
def short_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["agents.gateway.server_connections"], "HEADER_S", HEAD_S)


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An app."""


# Address

SAFE = [
    {"host": "127.0.0.1"},
    {"host": "::1"},
    {"host": "localhost"},
    {"host": "127.9.9.9"},
    {"host": "0.0.0.0", "allow_remote": True},
    {"host": "0.0.0.0", "tls_certificate": Path("c"), "tls_key": Path("k")},
]
NOT_SAFE = [
    {"host": "0.0.0.0"},
    {"host": "::"},
    {"host": "192.0.2.1"},
    {"host": "example.org"},
    {"host": ""},
    {"host": "localhost.example.org"},
    {"host": "127.0.0.1.example.org"},
    {"host": "127.0.0.1", "tls_key": Path("k")},
    {"host": "0.0.0.0", "tls_certificate": Path("c")},
]


@pytest.mark.parametrize("gateway", SAFE)
def test_settings_under_which_no_other_machine_can_read_are_accepted(gateway: dict[str, object]) -> None:
    check_listen(GatewaySettings.model_validate(gateway))


@pytest.mark.parametrize("gateway", NOT_SAFE)
async def test_it_does_not_start_where_others_could_read(gateway: dict[str, object]) -> None:
    settings = Settings.model_validate({"gateway": {"port": 0, **gateway}})
    with pytest.raises(NotSafe, match="expected"):
        async with serving(nothing, settings):
            pass


async def test_a_port_in_use_raises_an_os_error(site: Site) -> None:
    with pytest.raises(OSError, match="in use"):
        async with serving(nothing, Settings(gateway=GatewaySettings(port=site.port))):
            pass


def listening_sockets() -> list[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return [row[1] for row in rows if row[3] == "0A"]


async def test_it_listens_only_on_loopback(site: Site) -> None:
    listening = listening_sockets()
    ours = [address for address in listening if int(address.partition(":")[2], 16) == site.port]
    assert ours == [f"0100007F:{site.port:04X}"]


async def test_no_part_of_an_answer_waits_until_the_client_has_acknowledged_another(site: Site) -> None:
    async with connected(site):
        await site.json("GET", "/agents")
        (served, *_) = site.server.server_state.connections
        socket = served.transport.get_extra_info("socket")
        assert socket.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY) != 0


async def test_a_server_that_has_ended_has_no_connection_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["agents.gateway.serving"], "END_S", 0.3)
    async with aiohttp.ClientSession() as http:
        async with serving(PlainTextResponse("kept"), site.settings) as server:
            async with http.get(f"http://127.0.0.1:{server.port}/") as response:
                assert await response.text() == "kept"
            (served, *_) = server.server_state.connections
            monkeypatch.setattr(served, "shutdown", lambda: None)  # as if it had come while the server ended
        assert not server.server_state.connections


async def test_answers_are_dated_also_when_a_connection_is_kept_and_on_an_upgrade(site: Site) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    dates = [(await site.http.get(f"{site.url}/agents")).headers["date"] for _ in range(2)]
    async with connected(site) as raw:
        head = BytesParser().parsebytes((await asked_to_upgrade(site, raw)).partition(b"\r\n")[2])
    dates.append(head["date"])
    assert all(began <= parsedate_to_datetime(date) <= datetime.now(UTC) for date in dates)


async def test_it_speaks_tls_if_the_settings_have_a_certificate(site: Site, tmp_path: Path) -> None:
    certificate, key = await self_signed(tmp_path)
    settings = Settings(gateway=GatewaySettings(port=0, tls_certificate=certificate, tls_key=key))
    app = Gateway(site.settings, LiveSessions(), TOKEN)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with serving(app, settings) as served:
        place = f"localhost:{served.port}"
        url = f"https://{place}/agents"
        for origin, status in ((f"https://{place}", 200), (f"http://{place}", 403)):
            async with site.http.get(url, ssl=trusting, headers={"origin": origin}) as response:
                assert response.status == status


async def test_an_unusable_certificate_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    good, other = await self_signed(tmp_path), await self_signed(tmp_path, "example.org")
    locked = await self_signed(tmp_path, "example.com", passphrase="secret")
    for certificate, key, expected in (
        (tmp_path / "empty", tmp_path / "empty", "expected a certificate and its key, as PEM, .*, got something else"),
        (good.certificate, other.key, "got key values mismatch"),
        (good.certificate, tmp_path / "gone", "got no .*/gone"),
        (tmp_path, good.key, "expected a certificate"),
        (locked.certificate, locked.key, "expected a key without a passphrase"),
    ):
        settings = Settings(gateway=GatewaySettings(port=0, tls_certificate=certificate, tls_key=key))
        with pytest.raises(InvalidCertificate, match=expected):
            async with serving(nothing, settings):
                pass


async def test_new_settings_apply_while_it_serves(site: Site) -> None:
    await site.agent("echo")
    app = Gateway(site.settings, LiveSessions(), TOKEN)
    async with serving(app, site.settings) as served:
        there = Site(served, site.http, site.settings)
        async with there.socket() as before:
            changed = {
                "port": 0,
                "allowed_origins": ["https://page.test"],
                "max_body_bytes": 10,
                "max_message_bytes": 50,
            }
            other = Settings.model_validate({"gateway": changed, "streaming": {"enable_compression": True}})
            app.take(other)
            served.take(other)
            await before.send_str('{"action": "ping"}'.ljust(60))
            assert await before.receive_json(timeout=30) == {"type": "pong"}
        assert (await there.json("GET", "/agents", headers={"origin": "https://page.test"}))[0] == 200
        assert (await there.json("POST", "/agents", {"model": "echo"}))[0] == 413
        async with there.http.get(f"{there.url}/tree", headers={"accept-encoding": "gzip"}) as response:
            assert response.headers["content-encoding"] == "gzip"
            await response.read()
        async with there.socket() as after:
            await after.send_str('{"action": "ping"}'.ljust(60))
            await after.receive(timeout=30)
            assert after.close_code == 1009
        with pytest.raises(ValueError, match="expected a host"):
            app.take(Settings(gateway=GatewaySettings(allowed_hosts=("http://x",))))
        assert (await there.json("GET", "/agents", headers={"origin": "https://page.test"}))[0] == 200


# Heads


@pytest.mark.usefixtures("short_head")
@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"G"])
async def test_a_head_that_does_not_end_in_time_ends_its_connection(site: Site, sent: bytes) -> None:
    async with connected(site) as raw:
        raw.writer.write(sent)
        assert await raw.rest() == b""


@pytest.mark.usefixtures("short_head")
async def test_slow_single_bytes_are_not_a_head_also_for_a_second_request(site: Site) -> None:
    async with connected(site) as raw:
        raw.writer.write(request("GET", "/agents", host=f"localhost:{site.port}"))
        assert await raw.status() == 200
        await raw.head()
        dripping = asyncio.create_task(drip(raw))
        rest = await raw.rest()
        dripping.cancel()
    assert b"HTTP/1.1" not in rest


async def drip(raw: Raw) -> None:
    while True:
        raw.writer.write(b"G")
        await asyncio.sleep(HEAD_S / 30)  # the pace of a client that sends bytes all the time


@pytest.mark.usefixtures("short_head")
async def test_an_answer_may_take_longer_than_a_head(site: Site) -> None:
    await site.agent("echo")
    async with site.socket() as open_all_the_time:
        for _ in range(2):
            await asyncio.sleep(HEAD_S)  # so it is open for longer than a head may take
            await open_all_the_time.send_json({"action": "ping"})
            assert await open_all_the_time.receive_json(timeout=30) == {"type": "pong"}


@pytest.mark.parametrize(("size", "status"), [(16_000, 200), (17_000, 431), (10_000_000, 400)])
async def test_a_head_has_a_limit(site: Site, size: int, status: int) -> None:
    async with connected(site) as raw:
        raw.writer.write(request("GET", "/agents", f"X-Long: {'x' * size}", host=f"localhost:{site.port}"))
        assert await raw.status() == status


# Connections


@pytest.mark.parametrize("site", [GatewaySettings(port=0, max_connections=3)], indirect=True)
async def test_connections_have_a_limit_and_a_closed_one_frees_its_place(site: Site) -> None:
    sockets = [await site.http.ws_connect(f"{site.url}/ws") for _ in range(3)]
    async with connected(site) as raw:
        refusal = await raw.rest()
        assert refusal.startswith(b"HTTP/1.1 503")
        assert b"\r\nretry-after: 5\r\n" in refusal
    await sockets[1].send_json({"action": "ping"})
    assert await sockets[1].receive_json(timeout=30) == {"type": "pong"}
    await sockets[0].close()
    await eventually(lambda: once(site), lambda status: status != 503, what="a place for a connection")
    for each in sockets:
        await each.close()


async def once(site: Site) -> int:
    async with connected(site) as raw:
        raw.writer.write(request("GET", "/healthz", host=f"localhost:{site.port}"))
        try:
            return await raw.status()
        except (ConnectionResetError, IndexError):
            return 503


async def test_a_forwarded_address_from_a_client_is_ignored(site: Site) -> None:
    wrong = {"authorization": "Bearer " + "w" * 43}
    statuses = []
    for number in range(200):
        headers = {**wrong, "x-forwarded-for": f"192.0.2.{number}"}
        async with site.http.get(f"{site.url}/agents", headers=headers) as response:
            statuses.append(response.status)
    assert 429 in statuses


# Frames


async def test_a_refused_upgrade_is_answered_and_no_error_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(site) as raw:
        assert b" 403 " in await asked_to_upgrade(site, raw, "Origin: http://example.org")
        assert b"allowed_origins" in await raw.rest()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


WRONG_FRAMES = {
    "not masked": (frame(1, b"{}", masked=False), 1002),
    "unknown opcode": (frame(3), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "a long ping": (frame(9, b"x" * 126), 1002),
    "no UTF-8": (frame(1, b"\xff\xfe"), 1007),
    "too large": (b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0", 1009),
    "too large in pieces": (frame(1, b"x" * 60_000, fin=False) + frame(0, b"x" * 60_000, fin=False) * 5, 1009),
    "without end": (frame(1, fin=False) + frame(0, fin=False) * 2000, 1009),
}


@pytest.mark.parametrize("what", WRONG_FRAMES)
async def test_a_wrong_frame_closes_its_socket_with_a_code_and_no_other(site: Site, what: str) -> None:
    sent, code = WRONG_FRAMES[what]
    async with site.socket() as other, connected(site) as raw:
        await upgraded(site, raw)
        raw.writer.write(sent)
        assert close_code(await raw.rest()) == code
        await other.send_json({"action": "ping"})
        assert await other.receive_json(timeout=30) == {"type": "pong"}


async def test_pings_whose_pongs_are_not_read_are_not_all_answered(site: Site) -> None:
    """Send pings and read no pong. A server that answered each ping would keep all pongs in memory."""
    async with connected(site) as raw:
        await upgraded(site, raw)
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]  # what it is on every loop of ours
        flood = frame(9, b"x" * 125) * 1000
        for _ in range(100):
            raw.writer.write(flood)
            await asyncio.wait_for(raw.writer.drain(), 60)
        raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
        raw.writer.write(frame(8, struct.pack("!H", 1000)))
        pongs = await raw.rest()
    assert len(pongs) < 100_000 * 127 / 2


async def test_a_server_that_ends_closes_its_sockets(site: Site) -> None:
    app = Gateway(site.settings, LiveSessions(), TOKEN)
    async with serving(app, Settings(gateway=GatewaySettings(port=0))) as served:
        socket = await Site(served, site.http, site.settings).socket()
    assert (await socket.receive(timeout=30)).data == 1012
    with pytest.raises(aiohttp.ClientConnectorError):
        await site.http.get(f"http://127.0.0.1:{served.port}/")
