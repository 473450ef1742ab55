"""A program that runs an agent on a kept session, in two lives: one is killed at a given point, the next continues.

    python -m tests.agents.crash.program BASE_URL DIRECTORY < points.json

A point: {"name", "durability", "on_restart", "kill"}. kill: "event:N", when the client has seen N events, or
"tool:NAME", when that tool has had its effect. Each life is a fork, so modules are imported only once.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

import agents.llm.http.openai_client  # noqa: F401 (imported once for all lives)
from actors import Mailbox, new_event_loop
from agents import Event, Image, StreamComplete, StreamError, Text, agent, application
from agents.instance.waking import wake
from agents.sessions import Store, open_journal
from agents.settings import SessionSettings, Settings, ToolSettings
from agents.settings.agent import AgentSettings
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.parts.samples import PNG

AGENT, STREAM = "agent", "stream"
STORE = "store.db"
PICTURE = PNG + b"seen"


class Life:
    """The state of this life that the tools need."""

    directory: Path
    kill = ""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def effect(name: str) -> None:
    with (Life.directory / name).open("a") as file:
        file.write("done\n")
    if Life.kill == f"tool:{name}":
        die()


@tool
async def pay() -> str:
    """Must run at most once."""
    effect("pay")
    return "paid"


@tool(idempotent=True)
async def look() -> list[str | Image]:
    """May run twice."""
    effect("look")
    return ["seen", Image(PICTURE)]


def record(event: Event) -> int:
    """Write the event down as the client saw it, and return how many it has seen."""
    seen = Life.directory / "client.jsonl"
    with seen.open("ab") as file:
        file.write(msgspec.json.encode(event) + b"\n")
    return len(seen.read_bytes().splitlines())


async def live(base_url: str, point: dict[str, Any], *, again: bool) -> None:
    sessions = SessionSettings(
        url=f"sqlite:///{Life.directory / STORE}", durability=point["durability"], on_restart=point["on_restart"]
    )
    config = {"id": AGENT, "model": "busy", "tools": [f"{__name__}:pay", f"{__name__}:look"]}
    settings = Settings(
        base_url=base_url,
        api_key=SecretStr("any"),
        sessions=sessions,
        tools=ToolSettings(workers=1),
        agents=(AgentSettings.model_validate(config),) if again else (),
    )
    async with application.running(settings), Mailbox() as box:
        if again:
            await follow(box)
        else:
            pid = await agent_supervisor.start_agent(config)
            agent.stream_chat(pid, [Text("go"), Image(PNG)], stream_id=STREAM)
        await see(box, point["kill"] if not again else "")


async def follow(box: Mailbox) -> None:
    """Reconnect to the stream after the last event that was seen."""
    seen = Life.directory / "client.jsonl"
    lines = seen.read_bytes().splitlines() if seen.exists() else []
    after = json.loads(lines[-1])["seq"] if lines else 0
    pid = await wake(AGENT)
    assert pid is not None
    if await agent.follow(pid, STREAM, after=after):
        return
    journal = await open_journal()
    assert journal is not None
    for event in await journal.store.events(STREAM, after=after):
        box.put(event)


async def see(box: Mailbox, kill: str) -> None:
    while True:
        event = await box.receive(20)
        if kill == f"event:{record(event)}":
            die()
        if isinstance(event, StreamComplete | StreamError):
            return


def fork(base_url: str, directory: Path, point: dict[str, Any], *, again: bool) -> int:
    """Run one life. Return its exit code, or the negative signal that ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    Life.directory, Life.kill = directory, "" if again else point["kill"]
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(live(base_url, point, again=again))
    except BaseException:  # noqa: BLE001 (this fork ends here after any error)
        import traceback

        (directory / "error.txt").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


async def make_store(path: Path) -> None:
    """Make an empty store once, since that takes longer than a life."""
    await (await Store.open(f"sqlite:///{path}")).close()


def main() -> None:
    base_url, root = sys.argv[1], Path(sys.argv[2])
    empty = root / STORE
    asyncio.run(make_store(empty))
    for point in json.load(sys.stdin):
        directory = root / point["name"]
        directory.mkdir()
        shutil.copy(empty, directory)
        first = fork(base_url, directory, point, again=False)
        second = fork(base_url, directory, point, again=True)
        (directory / "lives.json").write_text(json.dumps([first, second]))


if __name__ == "__main__":
    sys.modules["tests.agents.crash.program"] = sys.modules["__main__"]
    main()
