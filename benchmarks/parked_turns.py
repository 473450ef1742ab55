"""The cost of turns that wait for people: processes and CPU time while they are parked, and the time to wake one.

python -m benchmarks.parked_turns [COUNT] [IDLE_S]
"""

import asyncio
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from pydantic import SecretStr

from actors import Mailbox, ended
from actors.observer import processes
from agents import StreamApprovalRequired, StreamComplete, agent, application
from agents.core.events import TERMINAL
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import open_journal
from agents.settings import Durability, SessionSettings, Settings
from agents.tools.tool import tool
from supervisors import agent_supervisor

SCRIPT: Final = """
[models.asker]
[[models.asker.turns]]
steps = [{ tool_calls = [{ name = "agrees", arguments = {} }] }, { text = "{result:0}" }]
"""
AT_ONCE: Final = 50
WOKEN: Final = 50
SETTLE_S: Final = 3.0
"""The time for what the work before left to do."""


@tool(requires_approval=True, approval_timeout_s=86_400.0)
async def agrees() -> str:
    """Agree."""
    return "yes"


async def main(count: int, idle_s: float) -> None:
    """Print the figures of this number of parked turns."""
    with TemporaryDirectory() as folder:
        async with RehearsalServer(parse(SCRIPT, "parked")) as server:
            url = f"sqlite:///{Path(folder) / 's.db'}"
            kept = SessionSettings(url=url, durability=Durability.BATCHED, park_after=1)
            settings = Settings(base_url=server.base_url, api_key=SecretStr("rehearsal"), sessions=kept)
            async with application.running(settings):
                await _parked(["first"])
                idle = await _cpu_ms_per_s(idle_s)
                before = len(processes())
                ids = [f"a{number}" for number in range(count)]
                for place in range(0, count, AT_ONCE):
                    await _parked(ids[place : place + AT_ONCE])
                journal = await open_journal()
                assert journal is not None
                assert len(await journal.store.parked(ids)) == count
                parked = await _cpu_ms_per_s(idle_s)
                more = len(processes()) - before
                print(f"{count} parked turns: {more} more processes")
                print(f"CPU over {idle_s:g} s: {idle:.3f} ms/s without them, {parked:.3f} ms/s with them")
                times = [await _woken_ms(id_) for id_ in ids[:WOKEN]]
                answered, whole = (median(each) for each in zip(*times, strict=True))
                print(f"decision on disk after {answered:.1f} ms, whole turn after {whole:.1f} ms")


async def _parked(ids: list[str]) -> None:
    """Begin a turn of each agent, and return when all are parked."""
    config = {"model": "asker", "tools": ["benchmarks.parked_turns:agrees"]}
    pids = [await agent_supervisor.start_agent({**config, "id": id_}) for id_ in ids]
    for id_, pid in zip(ids, pids, strict=True):
        agent.stream_chat(pid, "go", pid, stream_id=f"s-{id_}")
    await asyncio.gather(*map(ended, pids))


async def _cpu_ms_per_s(idle_s: float) -> float:
    await asyncio.sleep(SETTLE_S)
    before_s = process_time()
    await asyncio.sleep(idle_s)
    return (process_time() - before_s) * 1000 / idle_s


async def _woken_ms(id_: str) -> tuple[float, float]:
    """Return the time until a decision is on disk, and until the turn has ended."""
    journal = await open_journal()
    assert journal is not None
    events = await journal.store.events(f"s-{id_}")
    call = next(event.tool_call for event in events if isinstance(event, StreamApprovalRequired))
    async with Mailbox() as box:
        begun_s = perf_counter()
        await agent.approve(id_, call.id)
        answered_s = perf_counter()
        await agent.follow(id_, f"s-{id_}", box.pid, after=events[-1].seq)
        while not isinstance(event := await box.receive(60), TERMINAL):
            pass
        assert isinstance(event, StreamComplete), event
        return (answered_s - begun_s) * 1000, (perf_counter() - begun_s) * 1000


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]] + [1000.0, 30.0][len(sys.argv) - 1 :]
    asyncio.run(main(int(given[0]), given[1]))
