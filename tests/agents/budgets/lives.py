"""A program whose agents spend, in many lives: each is killed at a random moment, and the last one finishes.

    python -m tests.agents.budgets.lives BASE_URL DIRECTORY SEED LIVES

Each life is a fork, so modules are imported only once.
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from pydantic import SecretStr

import agents.llm.http.openai_client  # noqa: F401 (imported once for all lives)
from actors import Mailbox, new_event_loop
from agents import StreamComplete, StreamError, agent, application
from agents.agent_registry import find_agent
from agents.sessions import Store, open_journal
from agents.settings import Settings

TURNS = 4
BOSS = "boss"


def settings(base_url: str, directory: Path) -> Settings:
    clerk = {"name": "clerk", "model": "clerk", "description": "Writes."}
    boss = {"name": BOSS, "model": BOSS, "tools": [("agent", "clerk")], "owner": "ann"}
    return Settings.model_validate(
        {
            "base_url": base_url,
            "api_key": SecretStr("any"),
            "sessions": {"url": f"sqlite:///{directory / 'store.db'}", "durability": "batched", "max_recoveries": 1000},
            "agents": [{"id": "clerk", **clerk}, {"id": BOSS, **boss}],
            "budgets": [{"owner": "*", "per": "day", "tokens": 10_000_000}],
        }
    )


async def live(given: Settings) -> None:
    """Finish the turns that were cut, and begin the missing ones."""
    async with application.running(given), Mailbox() as box:
        journal, pid = await open_journal(), find_agent(BOSS)
        assert journal is not None
        assert pid is not None
        agent.subscribe(pid, box.pid)
        begun = await journal.store.streams(BOSS)
        for number in range(len(begun), TURNS):
            agent.stream_chat(pid, f"turn {number}", stream_id=f"turn-{number}")
        while not await over(journal.store):
            while not isinstance(await box.receive(20), StreamComplete | StreamError):
                pass
        await journal.durable()


async def over(store: Store) -> bool:
    streams = await store.streams(BOSS)
    return len(streams) == TURNS and all(each.ended_at is not None for each in streams)


def fork(given: Settings, lives_s: float | None) -> int:
    """Run one life, and kill it after this time. Return its exit code, or the negative signal that ended it."""
    child = os.fork()
    if child:
        if lives_s is not None:
            time.sleep(lives_s)
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(live(given))
    except BaseException:  # noqa: BLE001 (this fork ends here after any error)
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


async def make_store(given: Settings) -> None:
    await (await Store.open(given.sessions.url)).close()


def main(base_url: str, directory: str, seed: str, lives: str) -> None:
    given = settings(base_url, Path(directory))
    with asyncio.Runner() as runner:
        runner.run(make_store(given))
    chosen = random.Random(seed)
    for _ in range(int(lives)):
        if fork(given, chosen.uniform(0.05, 0.6)) == 0:
            break
    sys.exit(fork(given, None))


if __name__ == "__main__":
    main(*sys.argv[1:])
