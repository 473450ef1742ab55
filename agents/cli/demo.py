"""`understudy demo`: a whole turn on this machine, with a tool killed while it runs.

The rehearsal server plays a scripted model. Everything else is the code that real programs run.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from pydantic import SecretStr

from actors import Pid
from agents import application
from agents.cli.demo_tools import search_archive
from agents.cli.exit_codes import ExitCode
from agents.cli.printing import say
from agents.cli.program import Program, run
from agents.cli.refusal import refuse
from agents.cli.rehearsal_process import Rehearsal, RehearsalFailed, rehearsal
from agents.cli.turn import exit_code, show_turn
from agents.cli.view.processes import tree_text
from agents.cli.view.screen import Screen, open_screen
from agents.cli.view.view import Note
from agents.core.events import Event, StreamFunctionExecutionStart
from agents.settings import Settings, ToolSettings
from agents.tools.pool import WorkerPool
from agents.tools.pool_server import open_pool
from supervisors import tree
from supervisors.agent_supervisor import start_agent

SCRIPT = Path(__file__).with_name("demo.toml")
MODEL = "understudy-demo"
VICTIM = search_archive.name

FILES = {
    "cast.txt": "Ada Byron is ill, so her understudy Grace Lovelace plays the lead.",
    "house.txt": "The house has 18 rows of 24 seats.",
}

QUESTION = "Our lead is ill. Who goes on, how many seats are there, is this a first?"

OPENING = """\
The model is a rehearsal: a script on a local server. No key, no network.
Everything else is real: HTTP, streams, supervisors, tools in their own OS processes.
One of these OS processes will be killed while it works.
"""

CLOSING = """
The model was a rehearsal; the killed OS process was real. With a real model:
  OPENAI_API_KEY=... understudy chat --tools calculator "What is 18 * 24 - 7?"
"""

# Time to see the call run; time to read the announcement; interval of the search for the call's worker.
WATCHED_S = 0.3
WARNED_S = 0.9
LOOK_S = 0.02


@click.command()
def demo() -> None:
    """Watch a supervised agent answer and call tools while a tool's process is killed.

    The demo needs no API key and no network.
    """
    sys.exit(run(_demo))


async def _demo(program: Program) -> int:
    say(click.style("understudy demo", bold=True))
    say(OPENING)
    try:
        with _workspace() as root:
            async with rehearsal(SCRIPT) as server, application.running(_settings(server, root)):
                with program.interrupts.until_the_end():
                    return await _play(server, program)
    except RehearsalFailed as failed:
        return refuse(f"the rehearsal server did not start: {failed}", code=ExitCode.OUTAGE)


async def _play(server: Rehearsal, program: Program) -> int:
    """Show the turn, with the kill in it; return the exit code."""
    agent = await start_agent({"name": "stage manager", "tools": ["calculator", "file_ops", search_archive]})
    say(_scene(server, agent))
    screen = open_screen(sys.stdout, sys.stdout)
    with _assassin(screen) as watch:
        code = exit_code(await show_turn(agent, QUESTION, screen, program, watch))
    if code == 0:
        say(CLOSING, nl=False)
    return code


@contextmanager
def _assassin(screen: Screen) -> Iterator[Callable[[Event], None]]:
    """Yield a watcher of the turn's events. It kills the worker of VICTIM once the calls run."""
    tasks: list[asyncio.Task[None]] = []

    def watch(event: Event) -> None:
        if isinstance(event, StreamFunctionExecutionStart):
            tasks.append(asyncio.create_task(_kill_worker(screen)))

    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()


async def _kill_worker(screen: Screen) -> None:
    """Announce the kill to the reader, then kill the OS process that runs VICTIM.

    The process is stopped at once. On a busy machine it would otherwise finish before the kill.
    """
    pool = await open_pool()
    pid = await _started(pool, VICTIM)
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(WATCHED_S)
    screen.show(Note(f"demo: {VICTIM} runs in OS process {pid}, which gets SIGKILL in one second"))
    await asyncio.sleep(WARNED_S)
    if pool.running.get(pid) == VICTIM:
        os.kill(pid, signal.SIGKILL)


async def _started(pool: WorkerPool, name: str) -> int:
    """Wait until a worker runs the tool; return the worker's pid."""
    while True:
        for pid, tool in pool.running.items():
            if tool == name:
                return pid
        await asyncio.sleep(LOOK_S)


def _scene(server: Rehearsal, agent: Pid) -> str:
    """Return a description of the OS processes, and of the processes in this one."""
    return "\n".join(
        (
            f"OS process {server.os_pid}: rehearsal server on {server.base_url}",
            f"OS process {os.getpid()}: its processes, the agent being {agent}",
            tree_text(tree()),
            f"\n> {QUESTION}\n",
        )
    )


def _settings(server: Rehearsal, root: Path) -> Settings:
    tools = ToolSettings(file_ops_root=root)
    return Settings(model=MODEL, base_url=server.base_url, api_key=SecretStr("rehearsal"), tools=tools)


@contextmanager
def _workspace() -> Iterator[Path]:
    """A temporary folder with two files for file_ops."""
    with TemporaryDirectory(prefix="understudy-demo-") as folder:
        root = Path(folder)
        for name, text in FILES.items():
            (root / name).write_text(text)
        yield root
