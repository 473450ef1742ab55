"""The listener for other nodes: the addresses that are safe, and the peers that it refuses."""

import asyncio
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from actors import ended
from agents.cluster.errors import CannotListen, HandshakeRefused, NotSafe, Unreachable
from agents.cluster.link.address import NodeAddress, PeerNode, Protection, TcpAddress, UnixAddress, address_of
from agents.cluster.link.handshake import WRONG_A_SECOND
from agents.cluster.link.opening import PATH, REFUSED, dial
from agents.cluster.link.wire import CallAnswered, Hello, Proof, SessionCall
from agents.settings.cluster import ClusterSettings
from tests.agents.cluster.link.certificates import authority, certificate
from tests.agents.cluster.link.nodes import (
    LOOPBACK,
    PLAIN,
    A,
    B,
    Node,
    RawPeer,
    identity,
    node,
    peer_at,
    raw_peer,
    unix,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/u/7.sock", UnixAddress(Path("/run/u/7.sock"))),
        ("10.0.0.4:8766", TcpAddress("10.0.0.4", 8766)),
        ("node-a:8766", TcpAddress("node-a", 8766)),
        ("[::1]:8766", TcpAddress("::1", 8766)),
    ],
)
def test_an_address_is_written_as_it_is_read(text: str, address: NodeAddress) -> None:
    assert address_of(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "unix", "unix:relative", "host", ":8766", "h:0x1", "h:99999", "u@h:1", "h:1/p", "[::1"]
)
def test_another_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(NotSafe) as refused:
        address_of(text)
    assert str(refused.value) == f"expected 'unix:/PATH', or a host and a port, got {text!r}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "node-a", "localhost.example"])
async def test_an_address_that_others_reach_without_tls_is_not_safe(host: str) -> None:
    address = TcpAddress(host, 0)
    line = f"expected a Unix socket or a loopback address between nodes, got {str(address)!r}: "
    with pytest.raises(NotSafe) as refused:
        async with node(address):
            pass
    assert str(refused.value).startswith(line)
    with pytest.raises(NotSafe) as refused:
        await dial(peer_at(address), A, None, PLAIN)  # type: ignore[arg-type]  # refused before it is used
    assert str(refused.value).startswith(line)


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key", "tls_ca"])
def test_tls_needs_a_certificate_a_key_and_an_authority(tmp_path: Path, missing: str) -> None:
    files: dict[str, Any] = dict.fromkeys(("tls_certificate", "tls_key", "tls_ca"), tmp_path / "x.pem")
    del files[missing]
    with pytest.raises(NotSafe, match=r"^expected cluster.tls_certificate, tls_key and tls_ca together"):
        Protection.by(ClusterSettings(**files))
    assert Protection.by(ClusterSettings()) == Protection()


def test_files_that_are_no_certificates_are_named_in_one_line(tmp_path: Path) -> None:
    good = certificate(authority(tmp_path / "ca"), "node")
    (tmp_path / "text").write_text("hello")
    for changed in (
        {"tls_certificate": tmp_path / "none"},
        {"tls_key": tmp_path / "text"},
        {"tls_ca": tmp_path / "text"},
    ):
        with pytest.raises(NotSafe, match="expected a certificate, its key and an authority, as PEM, in ") as refused:
            Protection.by(good.model_copy(update=changed))
        assert "\n" not in str(refused.value)


async def test_the_unix_socket_is_this_users_own_and_is_removed_at_the_end(tmp_path: Path) -> None:
    address = unix(tmp_path)
    for _ in range(2):
        async with node(address):
            assert stat.S_IMODE(address.path.stat().st_mode) == 0o600
            assert stat.S_IMODE(address.path.parent.stat().st_mode) == 0o700
        assert not address.path.exists()


async def test_a_socket_that_an_earlier_program_left_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    address = unix(tmp_path)
    address.path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(address.path))
    async with node(address) as far:
        assert (await far.dialed_by()).peer.name == "b"
    address.path.write_text("a file")
    with pytest.raises(CannotListen, match=r"^can't listen on unix:.*2.sock for other nodes: Address already in use$"):
        async with node(address):
            pass
    assert address.path.read_text() == "a file"


async def test_a_folder_that_others_can_enter_is_not_safe(tmp_path: Path) -> None:
    address = unix(tmp_path)
    address.path.parent.mkdir(mode=0o755)
    with pytest.raises(NotSafe, match=r"^expected a folder of this user with mode 0700, got .* with mode 0755$"):
        async with node(address):
            pass


async def test_a_path_that_is_too_long_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="AF_UNIX path too long"):
        async with node(unix(tmp_path / ("x" * 120))):
            pass


async def test_a_port_in_use_is_refused_in_one_line() -> None:
    async with node(LOOPBACK) as far:
        with pytest.raises(CannotListen, match="Address already in use"):
            async with node(far.address):
                pass


async def test_a_peer_without_a_certificate_of_the_authority_is_refused(tmp_path: Path) -> None:
    ours, others = authority(tmp_path / "ours"), authority(tmp_path / "others")
    protection = Protection.by(certificate(ours, "node"))
    stranger = Protection.by(certificate(others, "stranger", trusted=ours))
    async with node(LOOPBACK, protection) as far:
        for client in (stranger, PLAIN):
            with pytest.raises(Unreachable, match=r"^node b at 127.0.0.1:\d+: "):
                await Node(far.address, far.box, client).dialed_by()
        assert (await far.dialed_by()).peer.name == "b"
        assert far.asked_nothing


async def test_a_listener_without_a_certificate_for_its_address_is_not_dialed(tmp_path: Path) -> None:
    ours, others = authority(tmp_path / "ours"), authority(tmp_path / "others")
    mine = Protection.by(certificate(ours, "mine"))
    elsewhere = Protection.by(certificate(ours, "elsewhere", "DNS:elsewhere"))
    stranger = Protection.by(certificate(others, "stranger", trusted=ours))
    for theirs in (elsewhere, stranger):
        async with node(LOOPBACK, theirs) as far:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await Node(far.address, far.box, mine).dialed_by()


@pytest.mark.parametrize(
    ("me", "line"),
    [
        (identity("a", 1, secret=bytes(32)), "expected a proof of the cluster's secret, got a wrong one"),
        (identity("a", 1, cluster="other"), "expected a node of the cluster 'other', got one of 'c'"),
        (identity("a", 1, cluster="ü" * 200), "expected a node of the cluster 'ü"),
        (identity("a", 2), "expected another node, got one of this node's own epoch, 2"),
    ],
)
async def test_a_dialer_learns_in_one_line_why_it_is_refused(tmp_path: Path, me: Any, line: str) -> None:
    async with node(unix(tmp_path)) as far:
        with pytest.raises(HandshakeRefused) as refused:
            await far.dialed_by(me)
        assert line in str(refused.value)
        assert "\n" not in str(refused.value)
        assert far.asked_nothing


async def test_a_dead_node_is_refused_after_its_proof(tmp_path: Path) -> None:
    asked = []

    async def lives(epoch: int, incarnation: str) -> bool:
        asked.append((epoch, incarnation))
        return False

    async with node(unix(tmp_path), lives=lives) as far:
        with pytest.raises(HandshakeRefused):
            await far.dialed_by(identity("a", 1, secret=bytes(32)))
        assert asked == []
        with pytest.raises(HandshakeRefused, match="the peer refused: expected a living node, got that of epoch 1"):
            await far.dialed_by()
        assert asked == [(A.epoch, A.incarnation)]


async def test_another_node_at_the_address_is_not_dialed(tmp_path: Path) -> None:
    async with node(unix(tmp_path)) as far:
        for peer in (PeerNode(3, B.incarnation, far.address), PeerNode(2, "another incarnation", far.address)):
            with pytest.raises(HandshakeRefused, match=r"expected the node of epoch \d, got another one, of epoch 2"):
                await dial(peer, A, far.box.pid, PLAIN)


async def test_an_address_without_a_listener_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"^node b at unix:.*2.sock: "):
        await dial(peer_at(unix(tmp_path)), A, None, PLAIN)  # type: ignore[arg-type]  # no link, no request


async def test_a_replayed_hello_is_refused() -> None:
    async with node(LOOPBACK) as far:
        async with raw_peer(far.address) as peer:
            hello = await peer.greet()
        async with raw_peer(far.address) as replay:
            await replay.receive()
            await replay.send(hello, SessionCall(1, "s", b"never"))
            assert await replay.close_code() == REFUSED
        async with raw_peer(far.address) as replay:
            await replay.receive()
            await replay.send(hello)
            assert await replay.close_code() == REFUSED
        assert far.asked_nothing


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hello: [replace(hello, mac=bytes(32))],
        lambda hello: [replace(hello, mac=b"")],
        lambda hello: [hello, SessionCall(1, "s", b"")],
        lambda hello: [SessionCall(1, "s", b"")],
        lambda hello: [Proof(hello.mac)],
        lambda hello: [],
    ],
    ids=["wrong mac", "no mac", "a call in the same frame", "a call", "a proof", "an empty frame"],
)
async def test_nothing_of_a_peer_is_read_before_its_proof(spoil: Callable[[Hello], list[Any]]) -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        sent = list[Hello]()

        class Spoiled(RawPeer):
            async def send(self, *messages: Any) -> None:
                sent.extend(messages)

            async def receive(self) -> Any:
                return await super().receive() if not sent else []

        await Spoiled(peer.websocket).greet()
        await peer.send(*spoil(sent[0]))
        assert await peer.close_code() == REFUSED
        assert far.asked_nothing


async def test_an_address_that_sent_ten_wrong_handshakes_waits_and_an_open_link_goes_on() -> None:
    async with node(LOOPBACK) as far, raw_peer(far.address) as peer:
        await peer.greet()
        codes = []
        for _ in range(WRONG_A_SECOND):
            async with raw_peer(far.address) as wrong:
                await wrong.websocket.send_bytes(b"wrong")
                codes.append(await wrong.close_code())
        assert codes == [REFUSED] * WRONG_A_SECOND
        with pytest.raises(Unreachable, match="429"):
            await far.dialed_by()
        await peer.send(SessionCall(1, "s", b""))
        (await far.requested()).link.reply(CallAnswered(1, b"still here"))
        assert await peer.receive() == [CallAnswered(1, b"still here")]


async def test_a_dialer_that_hangs_up_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    """It hangs up at once, and after each part of its request."""
    async with node(LOOPBACK) as far:
        assert isinstance(far.address, TcpAddress)
        place = far.address.host, far.address.port
        upgrade = (
            f"GET {PATH} HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        for length in (0, 10, len(upgrade)):
            for _ in range(5):
                reader, writer = await asyncio.open_connection(*place)
                writer.write(upgrade[:length])
                reset = pack("ii", 1, 0)  # so that the close is a reset
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                writer.close()
                del reader
        for _ in range(3):
            assert (await far.dialed_by()).peer.name == "b"
    assert [record.message for record in caplog.records if record.name.startswith("aiohttp")] == []


@pytest.mark.parametrize("path", ["/", "/link", "/agents"])
async def test_a_plain_request_gets_no_link(path: str) -> None:
    async with (
        node(LOOPBACK) as far,
        aiohttp.ClientSession() as session,
        session.get(f"http://{far.address}{path}") as response,
    ):
        assert response.status == (400 if path == PATH else 404)


async def test_links_end_with_their_listener(tmp_path: Path) -> None:
    async with node(unix(tmp_path)) as far:
        link = await far.dialed_by()
    await ended(link.pid)
    assert link.ended
