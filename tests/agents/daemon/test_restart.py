"""A daemon that was killed, and its successor: the reader of a stream misses nothing."""

import asyncio
import signal
from pathlib import Path

import pytest

from agents.core.events import StreamComplete, StreamReset, StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon, listening
from tests.agents.daemon.proxy import Proxy

pytestmark = pytest.mark.timeout(180)
TEXT = "go one two three four five six seven eight nine ten eleven twelve thirteen."


async def test_a_stream_and_its_reader_continue_after_a_kill(server: RehearsalServer, folder: Path) -> None:
    seqs: list[int] = []
    half_way = asyncio.Event()
    async with daemon(server, folder) as first:
        async with first.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow"})
        port = int(first.url.rpartition(":")[2])

        async def read() -> str:
            text = ""
            async with first.client() as client:
                async for event in client.ask("a", "go"):
                    seqs.append(event.seq)
                    match event:
                        case StreamToken(token):
                            text += token
                            if len(seqs) > 5:
                                half_way.set()
                        case StreamReset(_, content):
                            text = content
                        case StreamComplete(response):
                            assert response.content == text
                return text

        reading = asyncio.create_task(read())
        await half_way.wait()
        first.signal(signal.SIGKILL)
        await first.ended()
    async with daemon(server, folder, port=port) as second:
        assert await reading == TEXT
        assert seqs == sorted(set(seqs))
        assert await second.stopped() == 0


async def test_tail_follows_a_stream_to_a_daemon_at_another_port(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as first:
        async with first.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow"})
            async for _ in client.ask("a", "go", stream_id="kept"):
                break
        tailing = asyncio.create_task(understudy("tail", "kept", "--state-dir", str(folder)))
        first.signal(signal.SIGKILL)
        await first.ended()
        (folder / "daemon.json").unlink()
    async with daemon(server, folder) as second:
        await listening(folder)
        code, out, err = await tailing
        if code == 4:  # too late for the first daemon
            code, out, err = await understudy("tail", "kept", "--state-dir", str(folder))
        assert (code, out.strip().splitlines()[-1]) == (0, TEXT), err
        assert await second.stopped() == 0


async def test_tail_continues_where_its_connection_broke(server: RehearsalServer, folder: Path) -> None:
    async with Proxy(700, 800, 900) as proxy:  # after the heads of the answers, which take 600 bytes
        hosts = f'["127.0.0.1:{proxy.port}"]'
        async with daemon(server, folder, "--set", f"gateway.allowed_hosts={hosts}") as running:
            proxy.target = int(running.url.rpartition(":")[2])
            async with running.client() as client:
                await client.post("/agents", {"id": "a", "model": "slow"})
                async for _ in client.ask("a", "go", stream_id="s"):
                    break
            url, token_file = f"http://127.0.0.1:{proxy.port}", str(folder / "token")
            code, out, err = await understudy("tail", "s", "--url", url, "--token-file", token_file)
            assert (code, out.strip()) == (0, TEXT), err
            assert proxy.cuts == 3
            assert await running.stopped() == 0
