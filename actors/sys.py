"""Inspection and change of a running GenServer. Erlang: sys. Supervisors are GenServers, too.

    await sys.suspend("account")
    status = await sys.get_status("account")
    await sys.change_code("account", AccountV2)
    await sys.resume("account")

A system message waits in the mailbox like any other. A suspended server handles only system messages and its parent's
exit signal. Each function raises CallFailed with the server's exit reason, and CallTimeout after timeout_s, as `call`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, overload

from actors.kernel.address import Address
from actors.server.debug import Event, Received, Replied, Served, Statistics, Stopped
from actors.server.gen_server import GenServer
from actors.server.messages import SystemRequest
from actors.server.starting import ask_server, stop
from actors.server.status import Status
from actors.server.system_messages import (
    ChangeCode,
    Count,
    GetLog,
    GetState,
    GetStatistics,
    GetStatus,
    Install,
    Log,
    ReplaceState,
    Resume,
    Suspend,
    Trace,
)
from actors.system.process_system import CALL_TIMEOUT_S

__all__ = [
    "Event",
    "Received",
    "Replied",
    "Served",
    "Statistics",
    "Status",
    "Stopped",
    "change_code",
    "get_state",
    "get_status",
    "install",
    "log",
    "remove",
    "replace_state",
    "resume",
    "statistics",
    "suspend",
    "terminate",
    "trace",
]

LOG_LENGTH = 10  # events that log(server, True) keeps, as in OTP


async def get_state(server: Address, timeout_s: float | None = CALL_TIMEOUT_S) -> Any:
    """Return the state of a GenServer, for tests and debugging. Erlang: sys:get_state/2."""
    return await _ask(server, GetState(), timeout_s)


async def replace_state(
    server: Address, function: Callable[[Any], Any], timeout_s: float | None = CALL_TIMEOUT_S
) -> Any:
    """Make function(state) the state, and return it. Erlang: sys:replace_state/3.

    The function is plain and runs in the server. If it raises, the state stays, and this raises CallbackFailed.
    """
    return await _ask(server, ReplaceState(function), timeout_s)


async def suspend(server: Address, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Suspend a server: it handles only system messages and its parent's exit signal. Erlang: sys:suspend/2."""
    await _ask(server, Suspend(), timeout_s)


async def resume(server: Address, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Resume a server, with the messages that have arrived, in their order. Erlang: sys:resume/2."""
    await _ask(server, Resume(), timeout_s)


async def get_status(server: Address, timeout_s: float | None = CALL_TIMEOUT_S) -> Status:
    """Return the status of a server, after its format_status. Erlang: sys:get_status/2."""
    status: Status = await _ask(server, GetStatus(), timeout_s)
    return status


async def change_code(
    server: Address, new: type[GenServer[Any]], extra: Any = None, timeout_s: float | None = CALL_TIMEOUT_S
) -> None:
    """Give a server the callbacks of another class and the state of its code_change. Erlang: sys:change_code/5.

    `new.code_change(old_version, state, extra)` is plain; old_version is the old class's `version`. If it raises, the
    old class and its state stay, and this raises CallbackFailed. To change several servers at one moment, suspend them
    all first. trap_exit and the mailbox's bound are set at a start and stay.
    """
    await _ask(server, ChangeCode(new, extra), timeout_s)


async def terminate(server: Address, reason: Any, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """End a server with reason, and return when it has ended. Erlang: sys:terminate/3, which doesn't wait."""
    await stop(server, reason, timeout_s)


async def trace(server: Address, on: bool, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Log each event, by its types, as `traced` at level info. Erlang: sys:trace/3."""
    await _ask(server, Trace(on), timeout_s)


@overload
async def log(server: Address, flag: Literal["get"], timeout_s: float | None = ...) -> list[Event]: ...
@overload
async def log(server: Address, flag: bool | int, timeout_s: float | None = ...) -> None: ...
async def log(
    server: Address, flag: bool | int | Literal["get"], timeout_s: float | None = CALL_TIMEOUT_S
) -> list[Event] | None:
    """Keep the last events, or return them. Erlang: sys:log/3.

    flag: True keeps 10 events, a number that many, False none. "get" returns the events.
    """
    if flag == "get":
        events: list[Event] = await _ask(server, GetLog(), timeout_s)
        return events
    await _ask(server, Log(LOG_LENGTH if flag is True else int(flag)), timeout_s)
    return None


@overload
async def statistics(server: Address, flag: Literal["get"], timeout_s: float | None = ...) -> Statistics | None: ...
@overload
async def statistics(server: Address, flag: bool, timeout_s: float | None = ...) -> None: ...
async def statistics(
    server: Address, flag: bool | Literal["get"], timeout_s: float | None = CALL_TIMEOUT_S
) -> Statistics | None:
    """Turn the counts of messages on or off, or return them. Erlang: sys:statistics/3.

    flag: "get" returns the counts, or None while they are off.
    """
    if flag == "get":
        counts: Statistics | None = await _ask(server, GetStatistics(), timeout_s)
        return counts
    await _ask(server, Count(flag), timeout_s)
    return None


async def install(
    server: Address, name: Any, function: Callable[[Event], None], timeout_s: float | None = CALL_TIMEOUT_S
) -> None:
    """Call function in the server with each event. A function that raises is removed. Erlang: sys:install/3."""
    await _ask(server, Install(name, function), timeout_s)


async def remove(server: Address, name: Any, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Remove the function that was installed under a name. Erlang: sys:remove/3."""
    await _ask(server, Install(name, None), timeout_s)


async def _ask(server: Address, request: Any, timeout_s: float | None) -> Any:
    return await ask_server(server, partial(SystemRequest, request), timeout_s)
