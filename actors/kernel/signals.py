"""Exit reasons, and the messages that signals become. Erlang reference manual, "Processes"."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

from thespian.actors import ActorAddress

from actors.kernel.address import Address
from actors.kernel.pid import Pid, Ref


class Reason(Enum):
    """The exit reasons that are plain words. Any other value may be a reason, too."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    KILL = "kill"
    KILLED = "killed"
    NOPROC = "noproc"
    MAILBOX_FULL = "mailbox_full"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


NORMAL = Reason.NORMAL
SHUTDOWN = Reason.SHUTDOWN
KILL = Reason.KILL
KILLED = Reason.KILLED
NOPROC = Reason.NOPROC
MAILBOX_FULL = Reason.MAILBOX_FULL


@final
@dataclass(frozen=True, slots=True)
class Shutdown:
    """An orderly end with something to say. Erlang: {shutdown, Term}."""

    detail: Any


@final
@dataclass(frozen=True, slots=True)
class Crash:
    """An exception ended the process. Its text may hold user data: logs show only the exception's type and place."""

    exception: BaseException

    def __repr__(self) -> str:
        return f"Crash({type(self.exception).__name__}: {self.exception})"


CRASHES = (Exception, SystemExit, asyncio.CancelledError)
"""What a process's code may raise without harm to others: it ends that process. KeyboardInterrupt ends the program."""


def orderly(reason: object) -> bool:
    """True for NORMAL, SHUTDOWN and Shutdown(_): no report, and no restart of a transient child."""
    return reason is NORMAL or reason is SHUTDOWN or type(reason) is Shutdown


@final
@dataclass(frozen=True, slots=True)
class Exit:
    """An exit signal, as the message that a process with trap_exit gets. Erlang: {'EXIT', Pid, Reason}."""

    pid: Pid
    reason: Any


@final
@dataclass(frozen=True, slots=True)
class Down:
    """A monitored process has ended; exactly one a monitor. Erlang: {'DOWN', Ref, process, Pid, Reason}."""

    ref: Ref
    pid: Pid
    reason: Any


@final
@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that found no process, or (reason MAILBOX_FULL) no room in a bounded mailbox."""

    to: Address | ActorAddress
    message: Any
    sender: Pid | None
    reason: Any = NOPROC
