"""Starts and stops of a GenServer by code that waits for them. Erlang: gen_server:start/4, start_link/4, stop/3."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.kernel.address import Address
from actors.kernel.bound import Bound
from actors.kernel.errors import CallFailed, CallTimeout, StartFailed
from actors.kernel.pid import Pid
from actors.kernel.signals import KILL, NORMAL
from actors.server.bounded import keep_to
from actors.server.gen_server import GenServer, ask
from actors.server.messages import Caller, Terminate
from actors.server.outcomes import Ignore
from actors.server.server_process import ServerProcess, Started
from actors.system.current import current_system, starter


async def start(
    server: type[GenServer[Any]],
    *args: Any,
    name: str | None = None,
    timeout_s: float | None = None,
    bound: Bound | None = None,
) -> Pid:
    """Start a server without a link, and wait for its init. Erlang: gen_server:start/4.

    bound: the bound of its mailbox, instead of its class's. Raises NameTaken and StartFailed. The reason of StartFailed
    is Crash(exception) if init raised, the reason of a Stop or an Error, IGNORE, or "timeout". After timeout_s the
    process is killed.
    """
    return await _started(prepare(server, name=name, bound=bound), args, timeout_s)


async def start_link(
    server: type[GenServer[Any]],
    *args: Any,
    name: str | None = None,
    timeout_s: float | None = None,
    bound: Bound | None = None,
) -> Pid:
    """Start a server linked to the calling process, its parent. See `start`. Erlang: gen_server:start_link/4."""
    return await _started(prepare(server, name=name, link=True, bound=bound), args, timeout_s)


async def _started(process: ServerProcess, args: tuple[Any, ...], timeout_s: float | None) -> Pid:
    started = process.start(args)
    if isinstance(started, asyncio.Future):
        started = await _within(timeout_s, process, started)
    if isinstance(started, StartFailed):
        raise started
    if isinstance(started, Ignore):
        raise StartFailed(process.label, started)
    return started


async def _within(timeout_s: float | None, process: ServerProcess, starting: asyncio.Future[Started]) -> Started:
    """Wait for an init that waits. The process is killed after timeout_s, and if the starter is cancelled.

    A timeout returns after the process has ended, so its name is free. proc_lib waits for the end, too.
    """
    try:
        await asyncio.wait({starting}, timeout=timeout_s)
    except asyncio.CancelledError:
        process.exit_signal(process.pid, KILL, linked=False)
        raise
    if starting.done():
        return starting.result()
    process.exit_signal(process.pid, KILL, linked=False)
    await starting
    return StartFailed(process.label, "timeout")


async def stop(server: Address, reason: Any = NORMAL, timeout_s: float | None = None) -> None:
    """End a server with reason, after its terminate, and return when it has ended. Erlang: gen_server:stop/3.

    Raises CallFailed(NOPROC) if the server is dead, and CallTimeout if it does not end within timeout_s. Other
    processes are ended by `exit`.
    """
    try:
        await ask_server(server, lambda _: Terminate(reason), timeout_s)
    except CallTimeout:
        raise
    except CallFailed as failed:
        if failed.reason != reason:
            raise


async def ask_server(server: Address, message: Callable[[Caller], Any], timeout_s: float | None) -> Any:
    """Send a message that only a GenServer answers, and wait for the reply. Raises CallFailed for other processes."""
    process = server.process if isinstance(server, Pid) else current_system().find(server)
    if process is not None and not isinstance(process, ServerProcess):
        raise CallFailed(server, f"expected a GenServer, got {process.label}, which knows no system messages")
    return await ask(server, message, timeout_s)


def prepare(
    server: type[GenServer[Any]], *, name: str | None = None, link: bool = False, bound: Bound | None = None
) -> ServerProcess:
    """Make a server's process, a child of the calling process, without running its init.

    Raises NameTaken and InvalidName; then nothing was started.
    """
    system = current_system()
    if name is not None:
        system.names.check_free(name)
    parent = starter(system, link=link)
    process = ServerProcess(system, server(), parent, link=link)
    keep_to(process, bound)
    if name is not None:
        system.names.register(name, process)
    return process
