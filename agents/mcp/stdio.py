"""An MCP server as a child process: JSON-RPC messages on its stdin and stdout, one per line.

This is a transport of the official client. It replaces that library's own for four reasons: a line is bounded, a flood
of lines leaves room for others on the loop, stderr is logged, and an exit is known although another process still holds
the pipes.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED

from actors.kernel.ending import finish
from agents.mcp.line_log import LineLog
from agents.mcp.lines import MAX_MESSAGE_BYTES, Flow, Incoming, Outgoing
from agents.mcp.spec import ServerSpec
from agents.tools.errors import ServerDown, WorkerDied
from agents.tools.worker.confine import environment

GRACE_S: Final = 1.0  # from the end of its stdin to SIGTERM, and from there to SIGKILL
CLOSED: Final = "it closed its stdout"
STDERR_CHUNK: Final = 64 * 1024
TIED: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0); "
    "os.getppid() == int(sys.argv[1]) or os._exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
)
"""Makes the kernel kill the server when this OS process ends, and then becomes the server. Source: prctl(2)."""


class StdioServer:
    """The OS process of a server, as a transport: `async with` starts it, gives its streams, and ends it.

    lost: resolved with the reason when the server has gone.
    """

    def __init__(self, spec: ServerSpec) -> None:
        self._spec = spec
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[str] = self._loop.create_future()

    async def __aenter__(self) -> tuple[Incoming, Outgoing]:
        self._process = _spawned(self._spec)
        try:
            return await self._streams()
        except BaseException:  # no descriptor left, or the start was cancelled
            self._signal(signal.SIGKILL)
            self._process.wait()
            raise

    async def __aexit__(self, *_: object) -> None:
        await finish(self._close())

    async def why(self, failed: MCPError) -> str | None:
        """Return why the server has gone; None if it has not. Its exit may follow the end of its stdout by a moment."""
        if failed.code != CONNECTION_CLOSED:
            return None
        await asyncio.wait({self._exited}, timeout=GRACE_S)
        return self.lost.result() if self.lost.done() else CLOSED

    async def _streams(self) -> tuple[Incoming, Outgoing]:
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        messages, self._stdout = await self._reader(stdout, MAX_MESSAGE_BYTES)
        lines, self._stderr = await self._reader(stderr, STDERR_CHUNK)
        self._stdin, flow = await self._loop.connect_write_pipe(Flow, stdin)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._logging = self._loop.create_task(_logged(lines, LineLog("mcp_server_stderr", self._spec.name)))
        return Incoming(messages, self._spec.name, self._no_more, self._lose), Outgoing(self._stdin, flow)

    async def _close(self) -> None:
        self._stdin.close()
        await asyncio.wait({self._exited}, timeout=GRACE_S)
        if not self._exited.done():
            self._signal(signal.SIGTERM)
            await asyncio.wait({self._exited}, timeout=GRACE_S)
        self._signal(signal.SIGKILL)  # also the processes that the server has started
        await asyncio.wait({self._exited}, timeout=GRACE_S)
        self._process.poll()  # reaps it: until then nothing else has its number
        self._stdout.close()
        self._stderr.close()
        self._logging.cancel()

    async def _reader(self, pipe: IO[bytes] | None, limit: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
        reader = asyncio.StreamReader(limit)
        transport, _ = await self._loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return reader, transport

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        how = _exit_of(self._pidfd)
        os.close(self._pidfd)
        self._exited.set_result(None)
        self._lose(f"it ended: {how}")

    def _no_more(self) -> None:
        """Lose the server, unless its exit, which says more, comes soon."""
        self._loop.call_later(GRACE_S, self._lose, CLOSED)

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)


def _spawned(spec: ServerSpec) -> subprocess.Popen[bytes]:
    """Start the server. Raises ServerDown if its command does not exist.

    This blocks the loop for the milliseconds of one fork and exec. A thread can't do it: its end would kill the server.
    """
    settings = spec.server
    secret = {name: value.get_secret_value() for name, value in settings.secret_env.items()}
    variables = {**environment(os.environ), **settings.env, **secret}
    program = settings.command[0]
    found = Path(settings.cwd or "", program) if "/" in program else program
    if shutil.which(found, path=variables.get("PATH")) is None:
        raise ServerDown(spec.name, f"the command does not exist: {program!r}")
    try:
        return subprocess.Popen(  # noqa: S603 (the host's command, no shell)
            [sys.executable, "-I", "-S", "-c", TIED, str(os.getpid()), *settings.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            cwd=settings.cwd,
            start_new_session=True,
        )
    except OSError as failed:
        raise ServerDown(spec.name, f"its process can't be started: {failed}") from failed


def _exit_of(pidfd: int) -> str:
    """Return how the process ended, in words. It stays a zombie, so that its number is not used again."""
    try:
        found = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:  # the host reaps every child
        return "its exit code is unknown"
    assert found is not None
    return WorkerDied.of(found.si_status if found.si_code == os.CLD_EXITED else -found.si_status).how


async def _logged(lines: asyncio.StreamReader, log: LineLog) -> None:
    """Log what the server writes to stderr, line by line, to its end."""
    while True:
        try:
            line = await lines.readuntil()
        except asyncio.LimitOverrunError as overrun:
            line = await lines.read(overrun.consumed or STDERR_CHUNK)
        except asyncio.IncompleteReadError as end:
            log.add(end.partial)
            return
        log.add(line)
        await asyncio.sleep(0)
