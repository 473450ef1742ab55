"""The process system: processes, links, monitors, GenServer, Task, names. Knows no supervisor and no LLM."""

from actors.api import (
    alive,
    demonitor,
    exit,  # noqa: A004 (OTP's word)
    link,
    monitor,
    register,
    self_pid,
    send_after,
    unlink,
    unregister,
    whereis,
)
from actors.base import AsyncioSystemBase, new_event_loop
from actors.errors import (
    CallFailed,
    CallTimeout,
    ExitProcess,
    NameTaken,
    NoCaller,
    NoSystem,
    NotRegistered,
    ProcessError,
    StartFailed,
)
from actors.gen_server import IGNORE, Caller, GenServer, NoReply, Ready, Reply, Stop, call, cast, get_state, reply, send
from actors.mailbox import Mailbox
from actors.pid import Pid, Ref
from actors.server_process import start, start_link, stop
from actors.signals import KILL, KILLED, NOPROC, NORMAL, SHUTDOWN, Crash, DeadLetter, Down, Exit, Shutdown
from actors.task import Task, spawn, spawn_link

__all__ = [
    "IGNORE",
    "KILL",
    "KILLED",
    "NOPROC",
    "NORMAL",
    "SHUTDOWN",
    "AsyncioSystemBase",
    "CallFailed",
    "CallTimeout",
    "Caller",
    "Crash",
    "DeadLetter",
    "Down",
    "Exit",
    "ExitProcess",
    "GenServer",
    "Mailbox",
    "NameTaken",
    "NoCaller",
    "NoReply",
    "NoSystem",
    "NotRegistered",
    "Pid",
    "ProcessError",
    "Ready",
    "Ref",
    "Reply",
    "Shutdown",
    "StartFailed",
    "Stop",
    "Task",
    "alive",
    "call",
    "cast",
    "demonitor",
    "exit",
    "get_state",
    "link",
    "monitor",
    "new_event_loop",
    "register",
    "reply",
    "self_pid",
    "send",
    "send_after",
    "spawn",
    "spawn_link",
    "start",
    "start_link",
    "stop",
    "unlink",
    "unregister",
    "whereis",
]
