"""The sockets of a running daemon, and all places where its token and keys must not be found."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.client import Client, Refused
from agents.core.events import StreamComplete, StreamError
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import Daemon, daemon, identities

pytestmark = pytest.mark.timeout(180)
KEY = "rehearsal-key"  # the key that daemons.begun sets
OWN_KEY = "sk-of-one-provider-0123456789"
CONFIG = """
[{agents, [{providers, [
    {named, #{"other" => [{base_url, "http://127.0.0.1:1/v1"}, {api_key, {file, "KEY"}}]}}
]}]}].
"""
LISTEN, LOOPBACK = "0A", {"0100007F", "00000000000000000000000001000000"}


def pids(running: Daemon) -> list[int]:
    return [pid for pid, _ in identities(running.process.pid)]


def sockets(pid: int) -> Iterator[str]:
    """Return the inodes of its sockets."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        kind, _, inode = os.readlink(descriptor).partition(":")
        if kind == "socket":
            yield inode.strip("[]")


def inet_rows(pid: int) -> Iterator[tuple[str, list[str]]]:
    """Return the rows of its network sockets, each with its table."""
    own = set(sockets(pid))
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own:
                yield table, fields


def unix_names(pid: int) -> Iterator[str]:
    own = set(sockets(pid))
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[6] in own and len(fields) > 7:
            yield fields[7]


async def a_day(client: Client) -> None:
    """Do all that may leave traces: tools, failures of a provider, an agent stopped in a turn, faulty requests."""
    await client.post("/agents", {"id": "a", "model": "rehearsal", "tools": ["calculator"]})
    *_, last = [event async for event in client.ask("a", "go")]
    assert isinstance(last, StreamComplete)
    for model in ("fault-server_error", "fault-html", "no-such-model"):
        await client.post("/agents", {"id": model, "model": model, "streaming_config": {"max_retries": 0}})
        *_, last = [event async for event in client.ask(model, "go")]
        assert isinstance(last, StreamError)
    await client.post("/agents", {"id": "cut", "model": "endless"})
    async for event in client.ask("cut", "go"):
        if event.seq == 3:
            await client.delete("/agents/cut")
    for path in ("/agents/none", "/streams/none", "/nothing"):
        with pytest.raises(Refused):
            await client.get(path)
    assert KEY not in str(await client.get("/config"))
    assert KEY not in str(await client.get("/tree"))


async def test_it_listens_only_on_loopback_and_reveals_no_secret(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "KEY").touch(0o600)
    (tmp_path / "KEY").write_text(OWN_KEY)
    config = tmp_path / "sys.config"
    config.write_text(CONFIG)
    flags = ("--config", str(config), "--set", "logging.level=debug", "--set", "streaming.debug_streaming=true")
    async with daemon(server, folder, *flags) as running:
        async with running.client() as client:
            await a_day(client)
            all_pids = pids(running)
            assert len(all_pids) > 1  # its workers
            check_places(all_pids, int(running.url.rpartition(":")[2]))
            secrets = [running.token, KEY, OWN_KEY]
            for pid in all_pids:
                assert found(secrets, Path(f"/proc/{pid}/cmdline").read_bytes()) == []
            for pid in all_pids[1:]:
                assert found(secrets, Path(f"/proc/{pid}/environ").read_bytes()) == []
            assert found(secrets, *files(folder)) == []  # as a copy of it would be, while it runs
        running.signal(signal.SIGHUP)
        assert await running.stopped() == 0
        assert found(secrets, (await running.log_output()).encode(), *files(folder)) == []


def check_places(all_pids: list[int], port: int) -> None:
    listening = set()
    for pid in all_pids:
        for table, row in inet_rows(pid):
            address = row[1].partition(":")
            assert address[0] in LOOPBACK, (table, row)
            if table.startswith("tcp") and row[3] == LISTEN:
                listening.add(int(address[2], 16))
            assert not table.startswith(("udp", "raw"))
        assert [name for name in unix_names(pid) if not name.startswith("@")] == []
    assert listening == {port}


def files(folder: Path) -> Iterator[bytes]:
    """Return all files except the token's."""
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "token")


def found(secrets: list[str], *places: bytes) -> list[str]:
    return [secret for secret in secrets for place in places if secret.encode() in place]
