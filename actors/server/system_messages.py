"""System messages and their answers. Erlang: sys:handle_system_msg/6, and gen_server's system callbacks."""

from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from actors.kernel.errors import CallbackFailed
from actors.kernel.signals import CRASHES
from actors.server.callbacks import reason_of
from actors.server.debug import Debug, Event, Observed
from actors.server.status import status_of
from actors.server.suspended import SuspendedQueue

if TYPE_CHECKING:
    from actors.server.gen_server import GenServer
    from actors.server.server_process import ServerProcess


class GetState(Struct, frozen=True):
    pass


class ReplaceState(Struct, frozen=True):
    function: Callable[[Any], Any]


class Suspend(Struct, frozen=True):
    pass


class Resume(Struct, frozen=True):
    pass


class GetStatus(Struct, frozen=True):
    pass


class ChangeCode(Struct, frozen=True):
    server: "type[GenServer[Any]]"
    extra: Any


class Trace(Struct, frozen=True):
    on: bool


class Log(Struct, frozen=True):
    """Keep the last events. length: their number; 0 keeps none."""

    length: int


class GetLog(Struct, frozen=True):
    pass


class Count(Struct, frozen=True):
    on: bool


class GetStatistics(Struct, frozen=True):
    pass


class Install(Struct, frozen=True):
    """Call a function with each event. function: None removes the one of that name."""

    name: Any
    function: Callable[[Event], None] | None


def answer(process: "ServerProcess", request: Any) -> Any:
    """Carry out a request and return its answer.

    A function that raises gives CallbackFailed, and the process is unchanged.
    """
    match request:
        case GetState():
            return process.state
        case ReplaceState(function):
            return _try(process, lambda: _replace_state(process, function))
        case Suspend() if not isinstance(process.mailbox, SuspendedQueue):
            process.mailbox = SuspendedQueue(process)
        case Resume() if isinstance(process.mailbox, SuspendedQueue):
            process.mailbox = process.mailbox.held
        case GetStatus():
            return status_of(process)
        case ChangeCode(server, extra):
            return _try(process, lambda: _change_code(process, server, extra))
        case Trace() | Log() | GetLog() | Count() | GetStatistics() | Install():
            return _debug(process, request)
    return None


def _try(process: "ServerProcess", work: Callable[[], Any]) -> Any:
    try:
        return work()
    except CRASHES as error:
        return CallbackFailed(process.pid, reason_of(error))


def _replace_state(process: "ServerProcess", function: Callable[[Any], Any]) -> Any:
    process.state = _plain(function(process.state))
    return process.state


def _change_code(process: "ServerProcess", new: "type[GenServer[Any]]", extra: Any) -> None:
    """Run another class in the process, with the state that its code_change makes. All else stays."""
    server = new()
    process.state = _plain(server.code_change(type(process.server).version, process.state, extra))
    process.serve(server)


def _plain(state: Any) -> Any:
    if isawaitable(state):
        raise TypeError("expected the state from a plain function, got an awaitable")
    return state


def _debug(process: "ServerProcess", request: Any) -> Any:
    debug = process.debug or Debug(process.label, process.pid)
    result: Any = None
    match request:
        case Trace(on):
            debug.trace(on)
        case Log(length):
            debug.log(length)
        case Count(on):
            debug.count(on)
        case Install(name, function):
            debug.install(name, function)
        case GetLog():
            result = list(debug.events or ())
        case GetStatistics():
            result = debug.statistics()
    process.debug = debug or None
    process.callbacks = Observed(process.server, debug) if debug else process.server
    return result
