"""The daemon as an OS process of its own, its child processes, and a client of it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from agents.client import Client
from agents.node.state_files import address_in
from agents.rehearsal import RehearsalServer
from tests.agents.cli.terminal import environment
from tests.agents.tools.observed import Watch
from tests.waiting import eventually

UNDERSTUDY = str(Path(sys.executable).with_name("understudy"))
START_S = 60.0
END_S = 60.0

SCRIPT = """
[models.slow]
token_delay_s = 0.05
turns = [{ steps = [{ text = "{user} one two three four five six seven eight nine ten eleven twelve thirteen." }] }]

[models.endless]
token_delay_s = 0.2
turns = [{ steps = [{ text = "TEXT" }] }]
""".replace("TEXT", " ".join(f"w{number}" for number in range(3000)))


class Daemon:
    """A running daemon. pids: of it and of its child processes, as identities that no later process gets."""

    def __init__(self, process: Process, folder: Path, line: str) -> None:
        self.process, self.folder = process, folder
        self.url = line.removeprefix("understudy listens on ").strip()
        self.token = (folder / "token").read_text().strip()
        self.identities = set(identities(process.pid))

    def client(self) -> Client:
        return Client(self.url, self.token)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    async def ended(self) -> int:
        """Return its exit code once it and its child processes are gone."""
        self.identities |= set(identities(self.process.pid))
        async with asyncio.timeout(END_S):
            code = await self.process.wait()
            await Watch([pid for pid, since in self.identities if alive((pid, since))]).ended()
        return code

    async def stopped(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def log_output(self) -> str:
        """Return its log after its end."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@asynccontextmanager
async def daemon(
    server: RehearsalServer, folder: Path, *arguments: str, port: int = 0, under: Sequence[str] = (), **env: str
) -> AsyncIterator[Daemon]:
    """Run a daemon with its state in the folder, from ready to gone, within the block.

    under: a command that replaces itself with the command after it.
    """
    process = await begun(server, folder, "--port", str(port), *arguments, under=under, **env)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await process.stdout.readline()).decode()
        assert line, (await process.communicate())[1].decode()
        yield Daemon(process, folder, line)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def begun(
    server: RehearsalServer, folder: Path, *arguments: str, under: Sequence[str] = (), **env: str
) -> Process:
    command = (*under, UNDERSTUDY, "serve", "--state-dir", str(folder), *arguments)
    keys = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "rehearsal-key", **env}
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment(**keys))


async def refused(
    server: RehearsalServer, folder: Path, *arguments: str, under: Sequence[str] = ()
) -> tuple[int | None, str]:
    """Return the exit code and stderr of a daemon that does not start."""
    code, out, err = await _ended(await begun(server, folder, *arguments, under=under))
    assert not out, out
    return code, err


async def _ended(process: Process) -> tuple[int | None, str, str]:
    try:
        async with asyncio.timeout(START_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def listening(folder: Path) -> None:
    """Wait until a client finds a daemon with this folder."""
    await eventually(lambda: address_in(folder), what="the address of a daemon", within_s=START_S)


def identities(pid: int) -> Iterator[tuple[int, str]]:
    """Return pid and start time of the process and its descendants."""
    started = _stat(pid)
    if started is not None:
        yield pid, started
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:  # the process ended meanwhile
            return
        for task in tasks:
            try:
                children = (task / "children").read_text().split()
            except OSError:
                continue
            for child in children:
                yield from identities(int(child))


def alive(identity: tuple[int, str]) -> bool:
    pid, started = identity
    return _stat(pid) == started


def _stat(pid: int) -> str | None:
    """Return the fields of the process, or None if it is dead or waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
