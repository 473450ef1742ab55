"""What the process system raises at its callers.

ProcessError
├── NoSystem          no actor system runs here (Thespian's ActorSystemFailure, too)
├── NoCaller          the call needs a process as its caller
├── NameTaken         register: the name has an owner
├── AlreadyNamed      register: the process has a name
├── InvalidName       register: what is no name
├── NotRegistered     a name that nobody has
├── NotJoined         pg.leave: not a member
├── InvalidArgument   a call was given what it can't take (a TypeError and a ValueError, too)
├── MailboxClosed     receive in a process that has ended
├── StartFailed       init raised, or said Stop or Error
├── CallFailed        the server was dead, or died
│   ├── CallTimeout   no reply in time (a TimeoutError, too)
│   └── CallbackFailed  sys: what was to run in the server raised; it goes on as it was
├── SourceRefused     code from a message (Thespian's InvalidActorSpecification, too)
├── BadReturn         a callback answered what no callback may answer
├── NotSimulated      a simulation was asked for something of the real world
└── Stuck             a simulation waits, and nothing in it will ever happen

ExitProcess           not an error: raised inside a process, ends it with a reason
"""

from collections.abc import Hashable
from typing import Any, Final

from thespian.actors import ActorSystemFailure, InvalidActorSpecification

from actors.kernel.address import Address
from actors.kernel.pid import Pid


class ProcessError(Exception):
    """Base of all that actors/ raises."""


class NoSystem(ProcessError, ActorSystemFailure):
    pass


class NoCaller(ProcessError):
    pass


class NameTaken(ProcessError):
    def __init__(self, name: str, owner: Pid) -> None:
        super().__init__(f"expected a free name, got {name!r}, which {owner} has")
        self.name, self.owner = name, owner


class AlreadyNamed(ProcessError):
    def __init__(self, name: str, pid: Pid, has: str) -> None:
        super().__init__(f"expected a process without a name to register as {name!r}, got {pid}, which is {has!r}")
        self.name, self.pid, self.has = name, pid, has


class InvalidName(ProcessError):
    def __init__(self, name: object) -> None:
        super().__init__(f"expected a string that is not empty as a name, got {name!r}")
        self.name = name


class InvalidArgument(ProcessError, TypeError, ValueError):
    """A value of a wrong type, or a value that can't be used; nothing has changed.

    got: what came, in words; see `named`. hint: what to give instead.
    """

    def __init__(self, expected: str, got: str, hint: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}{hint and f': {hint}'}")


SHOWN_BITS: Final = 256
"""Of an integer that an error shows. Python refuses to write one of some thousand digits."""


def named(value: object) -> str:
    """A value in the words of an error: short values as they are, all others by their types."""
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return "a long integer"
    if value is None or isinstance(value, bool | int | float | type | Pid):
        return repr(value)[:80]
    if isinstance(value, str):
        return repr(str(value)) if len(value) <= 80 else f"{str(value[:80])!r}..."
    return type(value).__name__


class NotJoined(ProcessError):
    def __init__(self, group: Hashable, pids: tuple[Pid, ...]) -> None:
        super().__init__(f"expected members of {group!r} to leave it, got {', '.join(map(str, pids))}")
        self.group, self.pids = group, pids


class NotRegistered(ProcessError):
    def __init__(self, name: str) -> None:
        super().__init__(f"expected a registered name, got {name!r}")
        self.name = name


class MailboxClosed(ProcessError):
    """The process whose messages were asked for has ended."""

    def __init__(self, pid: Pid) -> None:
        super().__init__(f"expected a living process to receive for, got {pid}, which has ended")
        self.pid = pid


class StartFailed(ProcessError):
    """reason: what init raised (Crash), or the reason of its Stop or Error."""

    def __init__(self, what: str, reason: Any) -> None:
        words = "; ".join(str(reason).splitlines()) if isinstance(reason, Exception) else ""
        super().__init__(f"{what} did not start: {words or repr(reason)}")
        self.what, self.reason = what, reason


class CallFailed(ProcessError):
    """The server is dead, or died before it replied. reason: its exit reason, NOPROC if it was dead before."""

    def __init__(self, server: Address, reason: Any) -> None:
        super().__init__(f"call to {server} failed: {reason!r}")
        self.server, self.reason = server, reason


OTHER_LOOP: Final = "its system runs on another loop: use its base's run()"
"""Why a call to a living process failed at once."""


class CallTimeout(CallFailed, TimeoutError):
    """The server goes on; its reply, should it come, goes nowhere."""

    def __init__(self, server: Address, timeout_s: float) -> None:
        super().__init__(server, f"no reply within {timeout_s:g} s")
        self.timeout_s = timeout_s


class CallbackFailed(CallFailed):
    """What sys had the server run has raised: reason is its Crash. The server lives on, and its state is untouched."""


class SourceRefused(ProcessError, InvalidActorSpecification):
    """A message that could bring code could bring any code."""

    def __init__(self, what: object) -> None:
        InvalidActorSpecification.__init__(
            self, what, "expected code that can be imported: none is loaded from a source"
        )


class BadReturn(ProcessError):
    def __init__(self, callback: str, value: object) -> None:
        super().__init__(f"expected an outcome from {callback}, got {type(value).__name__}")


class NotSimulated(ProcessError):
    def __init__(self, what: str) -> None:
        super().__init__(f"expected nothing of the real world in a simulation, got {what}")


class Stuck(ProcessError):
    """No timer is set and nothing is ready, so what waits would wait for ever. waiting: the coroutines, by name."""

    def __init__(self, time_s: float, waiting: list[str]) -> None:
        super().__init__(f"nothing can happen any more after {time_s:g} s; waiting: {', '.join(waiting)}")
        self.time_s, self.waiting = time_s, waiting


class ExitProcess(Exception):
    """Raise inside a process to end it. Erlang: exit/1."""

    def __init__(self, reason: Any) -> None:
        super().__init__(repr(reason))
        self.reason = reason
