"""The process of a server: it keeps one connection, and makes the next one when that ends.

    mcp_supervisor            DynamicSupervisor: the servers in use
    └── ServerKeeper          one for each server; starts a connection again, after a pause that grows
        └── McpConnection     owns one connection from its begin to its end

A keeper ends when no agent has used its server for IDLE_S.
"""

import asyncio
import sys
from collections.abc import Iterable
from importlib import import_module
from random import random
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    IGNORE,
    NORMAL,
    SHUTDOWN,
    TIMEOUT,
    After,
    Caller,
    CallFailed,
    Down,
    Exit,
    GenServer,
    Next,
    NoReply,
    Pid,
    Ready,
    Ref,
    Reply,
    Stop,
    call,
    demonitor,
    ended,
    monitor,
    register,
    self_pid,
    send_after,
    whereis,
)
from actors import exit as send_exit
from actors.clock import now_s
from actors.log import get_logger
from actors.server.outcomes import NOTHING, Ignore
from agents.mcp.spec import ServerSpec
from agents.mcp.view import END_S, STOPPED, ServerView, view_of
from agents.tools.errors import ServerDown
from agents.tools.retry import pause_s
from supervisors import ChildSpec, RestartType
from supervisors.dynamic_supervisor import start_child

MCP_SUPERVISOR: Final = "mcp_supervisor"
CONNECTION: Final = "agents.mcp.connection"
IDLE_S: Final = 60.0
BACKOFF_S: Final = 0.5  # the pause before the first new attempt; tools.retry has the longest
STEADY_S: Final = 10.0  # a connection that lasted this long ended by an accident, not by a fault of its start

log = get_logger("understudy.mcp")


class ConnectNow(Struct, frozen=True):
    """Begin to connect now, if the next attempt is in the future. The reply is None."""


class Use(Struct, frozen=True):
    """Keep the server until this process ends. The reply is None."""

    user: Pid


class Connect(Struct, frozen=True):
    """Reminder: make the next connection. after: the number of the one that ended."""

    after: int


class Kept(Struct, frozen=True):
    """The state of a keeper.

    connection: None while the keeper pauses. number: of the connection or of the last one. begun_s: its begin.
    failures: how many of the latest ended early. users: their monitors. used_s: the time of the latest use.
    """

    view: ServerView
    connection: Pid | None = None
    begun_s: float = 0.0
    number: int = 0
    failures: int = 0
    users: frozenset[Ref] = frozenset()
    used_s: float = 0.0


async def connect(specs: Iterable[ServerSpec]) -> None:
    """Connect to the servers, side by side, and wait until each has listed its tools.

    Raises MissingExtra, ServerDown for a server that does not start.
    """
    outcomes = await asyncio.gather(*map(_connect, specs), return_exceptions=True)
    for failed in outcomes:
        if failed is not None:
            raise failed


async def _connect(spec: ServerSpec) -> None:
    await _ask(spec, ConnectNow())
    try:
        async with asyncio.timeout(spec.start_s + END_S):  # the connection keeps its own deadline
            await view_of(spec).connected()
    except TimeoutError:
        raise ServerDown(spec.name, f"no answer within {spec.start_s:g} s") from None


async def use(spec: ServerSpec, user: Pid) -> ServerView:
    """Return the view of the server, which is kept until user ends."""
    await _ask(spec, Use(user))
    return view_of(spec)


async def revive(view: ServerView) -> None:
    """Start the process of a server that has ended unused, or crashed, since its agents began to use it."""
    if view.session is None and whereis(view.process_name) is None:
        await _ask(view.spec, ConnectNow())


async def _ask(spec: ServerSpec, request: ConnectNow | Use) -> None:
    """Ask the server's process, and start it if necessary."""
    if CONNECTION not in sys.modules:
        await asyncio.to_thread(import_module, CONNECTION)  # no loop may wait for the half second that this takes
    name = spec.process_name
    while True:
        while (keeper := whereis(name)) is None:
            await start_child(MCP_SUPERVISOR, spec)
        try:
            await call(keeper, request, timeout_s=None)
        except CallFailed as failed:
            if keeper.alive or failed.reason is not NORMAL:
                raise
        else:
            return


class ServerKeeper(GenServer[Kept]):
    """The process of a server. Its arguments: the ServerSpec."""

    trap_exit = True

    def init(self, spec: ServerSpec) -> Ready[Kept] | Ignore:
        if whereis(spec.process_name) is not None:  # two agents started this server at the same time
            return IGNORE
        register(spec.process_name, self.pid)
        return Ready(_begun(Kept(view_of(spec), used_s=now_s())))

    def handle_call(self, request: ConnectNow | Use, caller: Caller, state: Kept) -> Reply[Kept]:
        state = replace(state, used_s=now_s())
        match request:
            case ConnectNow() if state.connection is None:
                state = _begun(state)
            case Use(user):
                state = replace(state, users=state.users | {monitor(user)})
        return Reply(None, state, _until_idle(state))

    def handle_info(self, message: Any, state: Kept) -> Next[Kept]:
        match message:
            case Exit(pid) if pid is state.connection:
                state.view.down(state.number, STOPPED)  # it may have been killed before it began
                if not state.users and not state.failures and state.view.version == 0:
                    return Stop(NORMAL, state)  # the start of its only agent has failed
                state = _paused(state)
            case Connect(after) if after == state.number and state.connection is None:
                state = _begun(state)
            case Down(ref):
                state = replace(state, users=state.users - {ref}, used_s=now_s())
            case _ if message is TIMEOUT and not state.users:
                return Stop(NORMAL, state)
        return NoReply(state, _until_idle(state))

    async def terminate(self, reason: Any, state: Kept) -> None:
        for ref in state.users:
            demonitor(ref)
        if state.connection is not None:
            send_exit(state.connection, SHUTDOWN)
            await ended(state.connection)
        state.view.down(state.number, STOPPED)


def _begun(state: Kept) -> Kept:
    """Start a connection, linked to the keeper."""
    from agents.mcp.connection import McpConnection  # loads the client's library: `_ask` has done so

    number = state.view.begin()
    connection = McpConnection.start_link(state.view, number)
    return replace(state, connection=connection, number=number, begun_s=now_s())


def _paused(state: Kept) -> Kept:
    """Plan the next connection, after the end of the latest."""
    failures = 1 if now_s() - state.begun_s >= STEADY_S else state.failures + 1
    pause = pause_s(failures, BACKOFF_S, random())  # noqa: S311 (jitter, no secret)
    log.warning("mcp_server_down", server=state.view.spec.name, why=state.view.why, next_attempt_s=round(pause, 2))
    send_after(pause, self_pid(), Connect(state.number))
    return replace(state, connection=None, failures=failures)


def _until_idle(state: Kept) -> Any:
    """Return the timer for the end of an unused server."""
    return NOTHING if state.users else After(max(0.0, state.used_s + IDLE_S - now_s()))


KEEPER: Final = ChildSpec("server", ServerKeeper, restart=RestartType.TRANSIENT)
"""The template of the mcp supervisor's children."""

__all__ = ["KEEPER", "MCP_SUPERVISOR", "ServerKeeper", "connect", "revive", "use"]
