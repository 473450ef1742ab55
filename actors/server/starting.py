"""Starting and stopping a GenServer from code that waits. Erlang: gen_server:start/4, start_link/4, stop/3."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.kernel.address import Address
from actors.kernel.bound import Bound
from actors.kernel.errors import CallFailed, CallTimeout, StartFailed
from actors.kernel.pid import Pid
from actors.kernel.signals import KILL, NORMAL
from actors.server.bounded import keep_to
from actors.server.gen_server import Caller, GenServer, Terminate, ask
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
    """Start a server, linked to nobody, and wait for its init. Erlang: gen_server:start/4.

    bound: of its mailbox, in place of its class's.

    Raises StartFailed (its reason: Crash(exception) if init raised, the reason of a Stop or an Error, IGNORE, or
    "timeout": then the process is killed) and NameTaken.
    """
    return await _started(prepare(server, name=name, bound=bound), args, timeout_s)


async def start_link(
    server: type[GenServer[Any]],
    *args: Any,
    name: str | None = None,
    timeout_s: float | None = None,
    bound: Bound | None = None,
) -> Pid:
    """start, linked to the calling process, which is its parent. Erlang: gen_server:start_link/4."""
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
    """Wait for an init that waits. When time is up, or nobody waits any more, it is killed.

    The answer comes when the process has ended, not before: its name is free then (proc_lib waits for the end, too).
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

    Raises CallFailed(NOPROC) if it is dead, CallTimeout if it has not ended within timeout_s. For another process than
    a GenServer's there is `exit`.
    """
    try:
        await ask_server(server, lambda _: Terminate(reason), timeout_s)
    except CallTimeout:
        raise
    except CallFailed as failed:
        if failed.reason != reason:
            raise


async def ask_server(server: Address, message: Callable[[Caller], Any], timeout_s: float | None) -> Any:
    """ask, with a message that only a GenServer understands: another process would never answer. Raises CallFailed."""
    process = server.process if isinstance(server, Pid) else current_system().find(server)
    if process is not None and not isinstance(process, ServerProcess):
        raise CallFailed(server, f"expected a GenServer, got {process.label}, which knows no system messages")
    return await ask(server, message, timeout_s)


def prepare(
    server: type[GenServer[Any]], *, name: str | None = None, link: bool = False, bound: Bound | None = None
) -> ServerProcess:
    """A server's process, the calling process's child, before its init.

    Raises NameTaken and InvalidName, with nothing started.
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
