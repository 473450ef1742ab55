"""The status of a server, for sys.get_status and for the report of its crash. Erlang: sys:get_status/1.

A server's format_status may change any of it. Its purpose is to remove secrets.
"""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors.kernel.crash_reports import reason_fields
from actors.kernel.pid import Pid
from actors.kernel.signals import CRASHES
from actors.server.debug import Event, Statistics
from actors.server.gen_server import GenServer
from actors.server.messages import Call, Cast
from actors.server.outcomes import NOTHING
from actors.server.suspended import SuspendedQueue

if TYPE_CHECKING:
    from actors.server.server_process import ServerProcess

SysState: TypeAlias = Literal["running", "suspended"]


class Status(Struct, frozen=True, kw_only=True):
    """The status of one server.

    message, reason: the last message and the exit reason of a crash; NOTHING in get_status. log: the last events, if
    sys.log is on.
    """

    pid: Pid
    label: str
    registered_name: str | None
    parent: Pid | None
    sys_state: SysState
    trap_exit: bool
    mailbox_length: int
    links: tuple[Pid, ...]
    monitors: tuple[Pid, ...]
    state: Any
    message: Any = NOTHING
    reason: Any = NOTHING
    log: tuple[Event, ...] = ()
    statistics: Statistics | None = None


def status_of(process: "ServerProcess", message: Any = NOTHING, reason: Any = NOTHING) -> Status:
    """Return the status after the server's format_status.

    If that raises, the status has none of the server's data, as in gen_server:format_status/2 (OTP).
    """
    status = _whole(process, message, reason)
    try:
        formatted: Any = process.server.format_status(status)
    except CRASHES:
        return _hidden(status, "crashed")
    return formatted if isinstance(formatted, Status) else _hidden(status, "returned no Status")


def _hidden(status: Status, why: str) -> Status:
    hidden = f"{status.label}.format_status {why}"
    return replace(status, state=hidden, message=hidden, reason=hidden, log=())


def shown_in_report(process: "ServerProcess", message: Any, reason: Any) -> dict[str, str]:
    """Return the fields of a server's crash report: types, or the result of its own format_status."""
    if type(process.server).format_status is GenServer.format_status:
        return {"message": _type_of(message), **reason_fields(reason)}
    status = status_of(process, message, reason)
    return {
        **reason_fields(reason),
        "message": _text(status.message),
        "reason": _text(status.reason),
        "state": _text(status.state),
    }


def _text(value: Any) -> str:
    try:
        return repr(value)
    except CRASHES:
        return f"{type(value).__name__}, whose repr crashed"


def _type_of(message: Any) -> str:
    match message:
        case Call(content) | Cast(content):
            return f"{type(message).__name__} {type(content).__name__}"
        case _:
            return "none" if message is NOTHING else type(message).__name__


def _whole(process: "ServerProcess", message: Any, reason: Any) -> Status:
    debug = process.debug
    return Status(
        pid=process.pid,
        label=process.label,
        registered_name=process.name,
        parent=process.exits_with,
        sys_state="suspended" if isinstance(process.mailbox, SuspendedQueue) else "running",
        trap_exit=process.trap_exit,
        mailbox_length=len(process.mailbox),
        links=tuple(other.pid for other in process.links or ()),
        monitors=tuple(other.pid for other in (process.monitors or {}).values()),
        state=process.state,
        message=message,
        reason=reason,
        log=tuple(debug.events or ()) if debug is not None else (),
        statistics=debug.statistics() if debug is not None else None,
    )
