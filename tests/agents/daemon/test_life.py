"""The daemon from its start to its end, as an OS process."""

import asyncio
import fcntl
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Self

import aiohttp
import pytest

from agents.client import Client, Refused
from agents.core.errors import Interrupted
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError, StreamReset, StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import begun, daemon
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)


async def answer(client: Client, agent_id: str, message: str = "go") -> Event:
    *_, last = [event async for event in client.ask(agent_id, message)]
    return last


async def running_turns(client: Client, count: int, model: str) -> list[asyncio.Task[Event]]:
    """Start `count` agents, each in the middle of an answer."""
    begun_all: list[asyncio.Event] = []
    tasks = []
    for number in range(count):
        await client.post("/agents", {"id": f"a{number}", "model": model})
        begun = asyncio.Event()
        begun_all.append(begun)
        tasks.append(asyncio.create_task(read_turn(client, f"a{number}", begun)))
    for begun in begun_all:
        await begun.wait()
    return tasks


async def read_turn(client: Client, agent_id: str, begun: asyncio.Event) -> Event:
    async for event in client.ask(agent_id, "go"):
        if isinstance(event, StreamToken):
            begun.set()
        if isinstance(event, TERMINAL):
            return event
    raise AssertionError("a stream ended without its terminal event")


async def test_a_daemon_loads_the_model_client_after_it_listens_and_before_its_first_turn(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "early", "model": "echo"})
        assert isinstance(await answer(client, "early"), StreamComplete)
        mapped = Path(f"/proc/{running.process.pid}/maps").read_text()
    assert "/aiohttp/_http_parser" in mapped


async def test_a_daemon_loads_the_model_client_without_a_turn(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        maps = Path(f"/proc/{running.process.pid}/maps")
        await eventually(lambda: "/aiohttp/_http_parser" in maps.read_text(), what="the model client in the daemon")


async def test_a_daemon_is_ready_answers_and_leaves_nothing_behind(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        async with running.client() as client, aiohttp.ClientSession() as stranger:
            assert await client.get("/readyz") == {"status": "ready"}
            async with stranger.get(f"{running.url}/healthz") as health:
                assert (health.status, await health.text()) == (200, '{"status":"ok"}')
            async with stranger.get(f"{running.url}/readyz") as ready:
                assert (ready.status, await ready.text()) == (200, '{"status":"ready"}')
            for guarded in ("/metrics", "/agents"):
                async with stranger.get(running.url + guarded) as refused:
                    assert refused.status == 401
            await client.post("/agents", {"id": "a", "model": "echo"})
            last = await answer(client, "a", "Hello over HTTP.")
            assert isinstance(last, StreamComplete)
            assert last.response.content == "Hello over HTTP."
        assert await running.stopped() == 0
        assert sorted(path.name for path in folder.iterdir()) == ["sessions.db", "token"]


async def test_only_the_daemons_user_can_read_its_files(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert set(modes.values()) == {0o600}
        assert {"token", "lock", "daemon.json", "sessions.db"} <= set(modes)
        assert (folder / "lock").read_text().strip() == str(running.process.pid)
        assert await running.stopped() == 0


async def test_the_key_and_the_token_are_in_no_log(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder, "--set", "logging.level=debug") as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            await answer(client, "a", "Hello.")
        assert await running.stopped() == 0
        log = await running.log_output()
        assert "stream_completed" in log
        assert running.token not in log
        assert "rehearsal-key" not in log


@pytest.mark.parametrize("count", [1, 100])
async def test_sigterm_lets_running_turns_end(server: RehearsalServer, folder: Path, count: int) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        turns = await running_turns(client, count, "slow")
        running.signal(signal.SIGTERM)
        ends = await asyncio.gather(*turns)
        assert all(isinstance(end, StreamComplete) for end in ends)
        assert await running.ended() == 0


async def test_a_turn_longer_than_the_drain_time_ends_interrupted(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder, "--set", "daemon.drain_time=300") as running, running.client() as client:
        turns = await running_turns(client, 3, "endless")
        running.signal(signal.SIGINT)
        for end in await asyncio.gather(*turns):
            assert isinstance(end, StreamError)
            assert end.reason == Interrupted()
            assert end.content
        assert await running.ended() == 0


async def test_a_draining_daemon_refuses_new_turns_with_a_time_to_retry(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        (turn,) = await running_turns(client, 1, "endless")
        running.signal(signal.SIGTERM)
        await drains(client)
        headers = {"Authorization": f"Bearer {running.token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            for path in ("/agents/a0/chat", "/agents/a0/stream"):
                async with http.post(running.url + path, json={"message": "more"}) as refused:
                    assert refused.status == 503
                    assert int(refused.headers["Retry-After"]) > 0
            async with http.get(running.url + "/healthz") as health:
                assert health.status == 200
        with pytest.raises(Refused) as no:
            await client.post("/agents", {"id": "b", "model": "echo"})
        assert no.value.status == 503
        stream_id = (await client.get("/agents/a0"))["streams"][0]["id"]
        assert (await client.post(f"/streams/{stream_id}/cancel"))["cancelled"]
        assert isinstance(await turn, StreamError)
        assert await running.ended() == 0


async def drains(client: Client) -> None:
    """Wait until the daemon refuses new turns."""
    with pytest.raises(Refused, match="accepts no new turns"):
        await _always_ready(client)


async def _always_ready(client: Client) -> None:
    while True:
        await client.get("/readyz")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_second_signal_ends_at_once(server: RehearsalServer, folder: Path, number: int, code: int) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        (turn,) = await running_turns(client, 1, "endless")
        running.signal(signal.SIGTERM)
        await drains(client)
        running.signal(number)
        assert await running.ended() == code
        assert not (folder / "daemon.json").exists()
        turn.cancel()
    async with daemon(server, folder, "--set", "daemon.drain_time=1") as again:  # it continues the endless turn
        assert await again.stopped() == 0


async def test_a_killed_daemon_leaves_no_process_and_its_folder_to_the_next(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        (turn,) = await running_turns(client, 1, "endless")
        port = running.url.rpartition(":")[2]
        running.signal(signal.SIGKILL)
        assert await running.ended() == -signal.SIGKILL
        turn.cancel()
    async with daemon(server, folder, "--set", "daemon.drain_time=1", port=int(port)) as again:  # it continues the turn
        assert await again.stopped() == 0


async def test_a_daemon_that_is_killed_while_it_drains_leaves_its_turns_to_the_next(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        (turn,) = await running_turns(client, 1, "endless")
        stream_id = (await client.get("/agents/a0"))["streams"][0]["id"]
        running.signal(signal.SIGTERM)
        await drains(client)
        running.signal(signal.SIGKILL)
        assert await running.ended() == -signal.SIGKILL
        turn.cancel()
    async with daemon(server, folder) as again:
        async with again.client() as client:
            async for event in client.events(stream_id):
                if isinstance(event, StreamReset):  # it is begun again
                    assert (await client.post(f"/streams/{stream_id}/cancel"))["cancelled"]
            assert isinstance(event, StreamError)
            assert (await client.get(f"/streams/{stream_id}"))["status"] == "cancelled"
        assert await again.stopped() == 0


async def test_a_leftover_lock_file_with_a_living_pid_locks_nobody_out(server: RehearsalServer, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "lock").write_text(f"{os.getpid()}\n")
    async with daemon(server, folder) as running:
        with (folder / "lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert await running.stopped() == 0


async def test_a_signal_while_it_starts_ends_it_without_a_trace(server: RehearsalServer, folder: Path) -> None:
    process = await begun(server, folder, "--port", "0")
    await eventually((folder / "lock").exists, what="the daemon's lock file")
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)
    async with daemon(server, folder) as again:
        assert await again.stopped() == 0


async def test_stop_daemon_drains(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        (turn,) = await running_turns(client, 1, "slow")
        assert await client.post("/stop") == {"stopping": True}
        assert isinstance(await turn, StreamComplete)
        assert await running.ended() == 0


async def test_systemd_is_notified_of_ready_alive_and_stopping(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    with Listener(tmp_path / "notify") as listener:
        socket_path = str(tmp_path / "notify")
        async with daemon(server, folder, NOTIFY_SOCKET=socket_path, WATCHDOG_USEC="100000") as running:
            ready = await listener.until("READY=1")
            assert f"STATUS=listening on {running.url}" in ready
            await listener.until("WATCHDOG=1")
            running.signal(signal.SIGHUP)
            assert "MONOTONIC_USEC=" in await listener.until("RELOADING=1")
            await listener.until("READY=1")
            assert await running.stopped() == 0
            await listener.until("STOPPING=1")


class Listener:
    """systemd's end of the socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def until(self, word: str) -> str:
        """Return the next message with the word."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            while word not in (message := (await loop.sock_recv(self._socket, 4096)).decode()):
                pass
        return message
