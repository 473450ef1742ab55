"""The crash matrix of effects: a daemon pays by the service, and is killed at random moments, again and again."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from agents.client import Client
from agents.core.events import StreamToolResult
from agents.core.ledger import EffectState
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store
from agents.sessions.effects import Chosen, effects
from agents.sessions.side_records import EffectRecord
from tests.agents.effects.paying import PORT
from tests.cluster.engine import free_port
from tests.waiting import eventually

AGENTS = ("pays", "pays_apart", "pays_blindly", "pays_again")
SCRIPT = "".join(
    f"""
[[models.{name}.turns]]
steps = [{{ tool_calls = [{{ name = "{name}", arguments = {{ order = "{{user}}" }} }}] }}, {{ text = "{{result:0}}" }}]
"""
    for name in AGENTS
)
MOST = 3
"""The most requests to pay in a life, after which the daemon is killed."""

LONGEST_S = 0.15
"""The longest wait between the last of them and the death: an effect and its answer come within 0.12 s."""

END_S = 60.0


class Found(Struct):
    """The figures of a run. states: the calls by their state in the ledger. told: by their error in the stream."""

    kills: int
    states: dict[str, int]
    counts: dict[str, int]
    effects: list[tuple[EffectRecord, StreamToolResult | None]]
    told: dict[str, int]


class Daemons:
    def __init__(self, process: asyncio.subprocess.Process, url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder

    @classmethod
    async def ready(cls, folder: Path, config: Path) -> Self:
        port = free_port()
        command = [sys.executable, "-m", "tests.agents.effects.daemons", str(folder), str(port), str(config)]
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        return cls(process, f"http://127.0.0.1:{port}", folder)

    async def line(self) -> int:
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())

    async def start(self) -> int:
        """Start a daemon, and return its pid when it is ready."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        pid = await self.line()
        await eventually(lambda: asyncio.to_thread(self._is_ready), what="a daemon that is ready", within_s=END_S)
        return pid

    async def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert await self.line() == -signal.SIGKILL

    def _is_ready(self) -> bool:
        with suppress(OSError):
            token = (self.folder / "state" / "token").read_text().strip()
            asked = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(asked, timeout=5.0) as answer:
                return bool(answer.status == 200)
        return False

    def client(self) -> Client:
        return Client(self.url, (self.folder / "state" / "token").read_text().strip())


@contextmanager
def service(folder: Path, seed: int) -> Iterator[str]:
    """Run the payment service. Yield its address."""
    command = [sys.executable, "-m", "tests.agents.effects.service", str(seed)]
    with subprocess.Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        (folder / PORT).write_text(port)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


async def pay(client: Client, agent_id: str, orders: "count[int]") -> None:
    """Have an agent pay for one order after the other, until its daemon dies."""
    with suppress(Exception):
        while True:
            async for _ in client.ask(agent_id, f"order-{next(orders)}"):
                pass


async def run(folder: Path, url: str, kills: int, seed: int) -> Found:
    """Kill the daemon this many times. Then let all turns end, and return what happened."""
    chance, orders = random.Random(seed), count(1)
    async with RehearsalServer(parse(SCRIPT)) as server:
        with service(folder, seed) as payments:
            daemons = await Daemons.ready(folder, configured(folder, url, server.base_url))
            for _ in range(kills):
                pid = await daemons.start()
                async with daemons.client() as client:
                    tasks = [asyncio.create_task(pay(client, each, orders)) for each in AGENTS]
                    await asked_for(payments, chance.randint(0, MOST))
                    await asyncio.sleep(chance.uniform(0.0, LONGEST_S))  # the kill comes at any moment
                    await daemons.kill(pid)
                    for task in tasks:  # else it would reconnect to the next daemon
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
            pid = await daemons.start()
            store = await Store.open(url)
            try:
                await eventually(
                    store.open_streams, lambda streams: not streams, what="the end of all turns", within_s=END_S
                )
                await daemons.kill(pid)
                return await found(store, (await counted(payments))["counts"], kills)
            finally:
                await store.close()
                assert daemons.process.stdin is not None
                daemons.process.stdin.close()
                await daemons.process.wait()


async def counted(payments: str) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"{payments}/counts") as answer:
            counts: dict[str, Any] = json.load(answer)
            return counts

    return await asyncio.to_thread(ask)


async def asked_for(payments: str, requests: int) -> None:
    """Wait until the service got this many further requests to pay."""

    async def asked() -> int:
        return int((await counted(payments))["asked"])

    enough = await asked() + requests
    await eventually(
        asked, lambda now: now >= enough, what=f"{requests} requests to pay", within_s=END_S, pause_s=0.005
    )


async def found(store: Store, counts: dict[str, int], kills: int) -> Found:
    records = await effects(store, Chosen(), limit=100_000)
    results: dict[tuple[str, str], StreamToolResult] = {}
    for stream_id in {each.stream_id for each in records}:
        for event in await store.events(stream_id):
            if isinstance(event, StreamToolResult):
                results[stream_id, event.tool_call.id] = event
    states, told = dict.fromkeys(map(str, EffectState), 0), dict[str, int]()
    joined = [(each, results.get((each.stream_id, each.call_id))) for each in records]
    for each, result in joined:
        states[each.state] += 1
        words = "nothing" if result is None else result.result.error or "ok"
        told[words] = told.get(words, 0) + 1
    return Found(kills, states, counts, joined, told)


def check(found: Found) -> None:
    """Check the laws: never twice, never said to have failed when it happened, never said to be done when it did not.

    A tool that can be asked leaves no doubt. So does one whose service knows a key again.
    """
    assert set(found.counts) <= {each.key for each, _ in found.effects}
    assert all(times == 1 for times in found.counts.values()), found.counts
    for each, event in found.effects:
        assert event is not None, each
        happened, error = each.key in found.counts, event.result.error
        match each.state:
            case EffectState.DONE:
                assert (error, happened) == (None, True), each
            case EffectState.FAILED:
                assert not happened, each
                assert error in ("raised", "no_effect"), each
            case EffectState.UNKNOWN:
                assert (error, each.tool) == ("unknown", "pays_blindly"), each
            case _:
                raise AssertionError(f"a call without an end: {each}")


def configured(folder: Path, url: str, base_url: str) -> Path:
    tools = {name: f"tests.agents.effects.paying:{name}" for name in AGENTS}
    agents = ",\n".join(f'[{{id, "{name}"}}, {{model, "{name}"}}, {{tools, ["{tools[name]}"]}}]' for name in AGENTS)
    (folder / "key").touch(0o600)
    (folder / "key").write_text("any")
    path = folder / "sys.config"
    path.write_text(f"""
[{{agents, [
    {{base_url, "{base_url}"}}, {{api_key, {{file, "{folder}/key"}}}},
    {{tools, [{{workers, 2}}]}}]}},
 {{understudy, [
    {{sessions, [{{url, "{url}"}}, {{max_recoveries, 1000}}]}},
    {{agents, [{agents}]}}]}}].
""")
    return path


def figures(found: Found) -> dict[str, Any]:
    """Return what a person reads of a run."""
    return {"kills": found.kills, "calls": len(found.effects), "ledger": found.states, "told": found.told}
