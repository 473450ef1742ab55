"""A program whose writes fail at one place after the other: in turns, and while a store is opened.

    LD_PRELOAD=failing.so python -m tests.agents.crash.writes BASE_URL DIRECTORY

Turn N of a kind fails at its Nth write, and each turn has an agent of its own. A kind ends with the first turn that has
fewer writes. The kind `once` fails one write. The kind `on` also fails every later write of the turn. client.jsonl has
the events that a client saw, one per line.
"""

import asyncio
import ctypes
import errno
import sqlite3
import sys
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import msgspec
from pydantic import SecretStr

from actors import Mailbox, new_event_loop
from agents import StreamComplete, StreamError, agent, application
from agents.sessions import SessionError, Store
from agents.settings import Durability, SessionSettings, Settings, ToolSettings
from agents.tools.tool import tool
from supervisors import agent_supervisor

STORE, SEEN = "store.db", "client.jsonl"
ENDLESS = 2**31
SHIM = ctypes.CDLL(None)  # finds the functions of the preloaded library


@tool
async def look() -> str:
    """Look."""
    return "seen"


def fail(folder: Path, first: int, last: int) -> None:
    SHIM.fail_writes(f"{folder}/".encode(), ctypes.c_long(first), ctypes.c_long(last), errno.EIO)


async def turns(base_url: str, folder: Path) -> None:
    """Run all turns whose writes fail, and a last one without failures."""
    sessions = SessionSettings(url=f"sqlite:///{folder / STORE}", durability=Durability.SYNC)
    settings = Settings(base_url=base_url, api_key=SecretStr("any"), sessions=sessions, tools=ToolSettings(workers=1))
    async with application.running(settings), Mailbox() as box:
        for kind, width in (("once", 0), ("on", ENDLESS)):
            for number in count(1):
                if not await turn(box, folder, f"{kind}-{number}", number, number + width):
                    break
        await turn(box, folder, "last", 0, 0)


async def turn(box: Mailbox, folder: Path, stream_id: str, first: int, last: int) -> int:
    """Run one turn, and return the number of failed writes."""
    pid = await agent_supervisor.start_agent({"id": stream_id, "model": "brief", "tools": [f"{__name__}:look"]})
    fail(folder, first, last)
    agent.stream_chat(pid, "go", stream_id=stream_id)
    with (folder.parent / SEEN).open("ab") as seen:
        while True:
            event = await box.receive(20)
            seen.write(msgspec.json.encode(event) + b"\n")
            if isinstance(event, StreamComplete | StreamError):
                break
    assert isinstance(event, StreamError) or is_complete(folder, stream_id), "expected a published end to be on disk"
    failed: int = SHIM.failed_writes()
    fail(folder, 0, 0)
    await agent_supervisor.stop_agent(pid)
    return failed


def is_complete(folder: Path, stream_id: str) -> bool:
    """Return True if another program finds the stream complete in the store."""
    with closing(sqlite3.connect(f"file:{folder / STORE}?mode=ro", uri=True)) as reader:
        found = reader.execute("SELECT status FROM streams WHERE id = ?", (stream_id,)).fetchone()
    return bool(found == ("complete",))


async def openings(folder: Path) -> None:
    """Check that a store that can't be opened raises SessionError, and later has all its data."""
    whole = await sessions_in(folder)
    for number in count(1):
        fail(folder, number, number)
        with suppress(SessionError):
            await sessions_in(folder)
        failed = SHIM.failed_writes()
        fail(folder, 0, 0)
        assert await sessions_in(folder) == whole
        if not failed:
            return


async def sessions_in(folder: Path) -> object:
    store = await Store.open(f"sqlite:///{folder / STORE}")
    try:
        await store.claim()
        return await store.sessions(), await store.conversation("last")
    finally:
        await store.close()


def main() -> None:
    base_url, folder = sys.argv[1], Path(sys.argv[2]) / "store"
    folder.mkdir()
    for work in (turns(base_url, folder), openings(folder)):
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(work)


if __name__ == "__main__":
    sys.modules["tests.agents.crash.writes"] = sys.modules["__main__"]
    main()
