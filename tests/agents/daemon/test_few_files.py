"""A daemon that may open only a few files: it refuses to start, or serves what it has until there is room."""

from pathlib import Path
from resource import RLIMIT_NOFILE, prlimit

import aiohttp
import pytest

from agents.core.events import StreamComplete
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.crowd import connections, descriptors, read_meanwhile, until_back_at
from tests.agents.daemon.daemons import daemon, refused

pytestmark = pytest.mark.timeout(180)
TOO_FEW, FEW = 20, 64


async def test_a_daemon_without_enough_descriptors_does_not_start(server: RehearsalServer, folder: Path) -> None:
    code, err = await refused(server, folder, "--port", "0", under=["prlimit", f"--nofile={TOO_FEW}"])
    assert code == 2
    assert err.splitlines()[-1].startswith("understudy: ")
    assert "Too many open files" in err.splitlines()[-1]
    assert not {"lock", "daemon.json"} & {each.name for each in folder.iterdir()}


async def test_without_a_free_descriptor_turns_continue_and_new_clients_wait_for_room(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running:
        headers = {"Authorization": f"Bearer {running.token}"}
        async with running.client() as client, aiohttp.ClientSession(headers=headers) as http:
            for agent_id, model in (("a", "slow"), ("b", "echo")):
                await client.post("/agents", {"id": agent_id, "model": model})
            async with http.ws_connect(f"{running.url}/ws") as socket:
                before = descriptors(running)
                async with read_meanwhile(running):
                    prlimit(running.process.pid, RLIMIT_NOFILE, (FEW, FEW))
                    with connections(running, 4 * FEW):
                        ends = []
                        for number in range(3):
                            request = {"agent_id": "b", "message": "Hello.", "stream_id": f"s{number}"}
                            await socket.send_json({"action": "stream_chat", **request})
                            while (event := await socket.receive_json(timeout=60))["type"] not in ("complete", "error"):
                                assert event["type"] != "refused"
                            ends.append(event["type"])
                        assert descriptors(running) <= FEW
                await until_back_at(running, before)
            *_, last = [event async for event in client.ask("b", "Hello.")]
            assert isinstance(last, StreamComplete)
        assert await running.stopped() == 0
