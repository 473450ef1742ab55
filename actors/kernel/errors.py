"""The errors that callers of the process system get.

ProcessError
├── NoSystem          no actor system runs here (also Thespian's ActorSystemFailure)
├── NoCaller          the call needs a process as its caller
├── NameTaken         register: the name has an owner
├── AlreadyNamed      register: the process has a name
├── InvalidName       register: a value that can't be a name
├── NotRegistered     no process has the name
├── NotJoined         pg.leave: not a member
├── InvalidArgument   an argument of a wrong type or value (also a TypeError and a ValueError)
├── MailboxClosed     receive in a process that has ended
├── StartFailed       init raised, or returned Stop or Error
├── CallFailed        the server was dead, or died
│   ├── CallTimeout   no reply in time (also a TimeoutError)
│   └── CallbackFailed  sys: a function raised in the server, which goes on unchanged
├── SourceRefused     code from a message (also Thespian's InvalidActorSpecification)
├── BadReturn         a callback returned a value that is not an outcome
├── NotSimulated      a simulation was asked for a connection, a thread or the like
└── Stuck             a simulation waits, and no event can wake it

ExitProcess           not an error: code raises it in a process to end the process with a reason
"""

from collections.abc import Hashable
from typing import Any, Final

from thespian.actors import ActorSystemFailure, InvalidActorSpecification

from actors.kernel.address import Address
from actors.kernel.pid import Pid
from actors.kernel.signals import Shutdown


class ProcessError(Exception):
    """The base of all errors of actors/."""


class NoSystem(ProcessError, ActorSystemFailure):
    """No process system runs where the code runs."""


class NoCaller(ProcessError):
    """The function needs a calling process, and the code runs in none."""


class NameTaken(ProcessError):
    """Another process has the name. owner: that process."""

    def __init__(self, name: str, owner: Pid) -> None:
        super().__init__(f"expected a free name, got {name!r}, which {owner} has")
        self.name, self.owner = name, owner


class AlreadyNamed(ProcessError):
    """The process has a name already. has: that name."""

    def __init__(self, name: str, pid: Pid, has: str) -> None:
        super().__init__(f"expected a process without a name to register as {name!r}, got {pid}, which is {has!r}")
        self.name, self.pid, self.has = name, pid, has


class InvalidName(ProcessError):
    """The value can't be a name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"expected a string that is not empty as a name, got {name!r}")
        self.name = name


class InvalidArgument(ProcessError, TypeError, ValueError):
    """A value of a wrong type, or one that can't be used. Nothing has changed.

    got: the value in words; see `named`. hint: the value to give instead.
    """

    def __init__(self, expected: str, got: str, hint: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}{hint and f': {hint}'}")


SHOWN_BITS: Final = 256
"""The longest integer that an error shows. Python refuses to write one of some thousand digits."""


def named(value: object) -> str:
    """Return a value in the words of an error: a short value as it is, any other by its type."""
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return "a long integer"
    if value is None or isinstance(value, bool | int | float | type | Pid):
        return repr(value)[:80]
    if isinstance(value, str):
        return repr(str(value)) if len(value) <= 80 else f"{str(value[:80])!r}..."
    return type(value).__name__


class NotJoined(ProcessError):
    """A process that leaves a group is not a member of the group."""

    def __init__(self, group: Hashable, pids: tuple[Pid, ...]) -> None:
        super().__init__(f"expected members of {group!r} to leave it, got {', '.join(map(str, pids))}")
        self.group, self.pids = group, pids


class NotRegistered(ProcessError):
    """No process has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"expected a registered name, got {name!r}")
        self.name = name


class MailboxClosed(ProcessError):
    """A receive for a process that has ended."""

    def __init__(self, pid: Pid) -> None:
        super().__init__(f"expected a living process to receive for, got {pid}, which has ended")
        self.pid = pid


class StartFailed(ProcessError):
    """A process that did not start. reason: Crash(exception) if init raised, or the reason of its Stop or Error."""

    def __init__(self, what: str, reason: Any) -> None:
        super().__init__(f"{what} did not start: {in_words(reason)}")
        self.what, self.reason = what, reason


def in_words(reason: object) -> str:
    """Return the reason of a failed start on one line.

    An orderly end has the words of its detail: a detail of another package gives them by a method `in_words`.
    """
    match reason:
        case StartFailed():
            return in_words(reason.reason)
        case Exception():
            return "; ".join(str(reason).splitlines()) or repr(reason)
        case Shutdown(detail) if hasattr(detail, "in_words"):
            return str(detail.in_words())
    return "; ".join(repr(reason).splitlines())


class CallFailed(ProcessError):
    """The server died before it replied. reason: its exit reason, or NOPROC if it was dead before the call."""

    def __init__(self, server: Address, reason: Any) -> None:
        super().__init__(f"call to {server} failed: {reason!r}")
        self.server, self.reason = server, reason


OTHER_LOOP: Final = "its system runs on another loop: use its base's run()"
"""The reason of a call that failed at once although its process lives."""


class CallTimeout(CallFailed, TimeoutError):
    """No reply in time. The server goes on, and a late reply is dropped."""

    def __init__(self, server: Address, timeout_s: float) -> None:
        super().__init__(server, f"no reply within {timeout_s:g} s")
        self.timeout_s = timeout_s


class CallbackFailed(CallFailed):
    """A function that sys ran in the server raised. reason: its Crash. The server goes on with its state unchanged."""


class SourceRefused(ProcessError, InvalidActorSpecification):
    """Code from a message is refused, since any sender could then run any code."""

    def __init__(self, what: object) -> None:
        InvalidActorSpecification.__init__(
            self, what, "expected code that can be imported: none is loaded from a source"
        )


class BadReturn(ProcessError):
    """A callback returned a value that is not an outcome."""

    def __init__(self, callback: str, value: object) -> None:
        super().__init__(f"expected an outcome from {callback}, got {type(value).__name__}")


class NotSimulated(ProcessError):
    """Code under simulation asked for a connection, a thread or the like."""

    def __init__(self, what: str) -> None:
        super().__init__(f"expected code that a simulation can repeat, got {what}")


class Stuck(ProcessError):
    """Nothing is ready and no timer is set, so the simulation would wait for ever. waiting: names of coroutines."""

    def __init__(self, time_s: float, waiting: list[str]) -> None:
        super().__init__(f"nothing can happen any more after {time_s:g} s; waiting: {', '.join(waiting)}")
        self.time_s, self.waiting = time_s, waiting


class ExitProcess(Exception):
    """Raise this inside a process to end the process. Erlang: exit/1."""

    def __init__(self, reason: Any) -> None:
        super().__init__(repr(reason))
        self.reason = reason
