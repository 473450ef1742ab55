"""Exit reasons, and the messages that report signals and ends. Erlang reference manual, "Processes"."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

from thespian.actors import ActorAddress

from actors.kernel.address import Address
from actors.kernel.pid import Pid, Ref


class Reason(Enum):
    """The exit reasons that are plain words. Any other value can be a reason, too."""

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
    """The reason of an orderly end, with a detail. Erlang: {shutdown, Term}."""

    detail: Any


@final
@dataclass(frozen=True, slots=True)
class Crash:
    """The reason of a process that an exception ended. Logs show its type and place; its text may hold user data."""

    exception: BaseException

    def __repr__(self) -> str:
        return f"Crash({type(self.exception).__name__}: {self.exception})"


CRASHES = (Exception, SystemExit, asyncio.CancelledError)
"""The exceptions that end only the process whose code raises them. KeyboardInterrupt ends the program."""


def orderly(reason: object) -> bool:
    """Return True for NORMAL, SHUTDOWN and Shutdown(_). They are not logged, and no transient child is restarted."""
    return reason is NORMAL or reason is SHUTDOWN or type(reason) is Shutdown


@final
@dataclass(frozen=True, slots=True)
class Exit:
    """An exit signal as a message, for a process with trap_exit. Erlang: {'EXIT', Pid, Reason}."""

    pid: Pid
    reason: Any


@final
@dataclass(frozen=True, slots=True)
class Down:
    """The end of a monitored process, once per monitor. Erlang: {'DOWN', Ref, process, Pid, Reason}."""

    ref: Ref
    pid: Pid
    reason: Any


@final
@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no process received. reason: MAILBOX_FULL if a bounded mailbox had no room."""

    to: Address | ActorAddress
    message: Any
    sender: Pid | None
    reason: Any = NOPROC
