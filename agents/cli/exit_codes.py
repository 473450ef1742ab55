"""The exit codes of all commands, and the code of each error. docs/operating.md has the table for people.

A script can tell its own mistake from a refusal, and both from an outage, which may pass.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agents.core.errors import Fault


class ExitCode(IntEnum):
    """The outcome of a command.

    FOUND: the command did its work, and the answer is no: a check failed, a reload was rejected, no node owns the
    session. USAGE: the command line, its input or the configuration is faulty: the same command would fail again.
    REFUSED: the daemon or the store works and refuses: an unknown id, a missing permission, a conflict. OUTAGE: no
    daemon, no answer, no store or no provider: a later try may succeed. FAILED_TURN: the turn ended with an error.
    INTERRUPTED: by Ctrl-C; a shell's code for a program that SIGINT ended.
    """

    DONE = 0
    FOUND = 1
    USAGE = 2
    REFUSED = 3
    OUTAGE = 4
    FAILED_TURN = 5
    INTERRUPTED = 130


CODES: Final[Mapping[str, ExitCode]] = {
    "actors.kernel.errors.InvalidArgument": ExitCode.USAGE,
    "actors.kernel.errors.ProcessError": ExitCode.FAILED_TURN,
    "agents.client.errors.ClientError": ExitCode.REFUSED,
    "agents.client.errors.InvalidAddress": ExitCode.USAGE,
    "agents.client.errors.InvalidId": ExitCode.USAGE,
    "agents.client.errors.NoDaemon": ExitCode.OUTAGE,
    "agents.client.errors.NoToken": ExitCode.USAGE,
    "agents.client.errors.NotADaemon": ExitCode.USAGE,
    "agents.client.errors.Unreachable": ExitCode.OUTAGE,
    "agents.cli.program.Unreadable": ExitCode.USAGE,
    "agents.daemon.errors.CannotStart": ExitCode.USAGE,
    "agents.daemon.errors.InUse": ExitCode.REFUSED,
    "agents.mcp.grant.NoGrant": ExitCode.REFUSED,
    "agents.sessions.errors.SessionError": ExitCode.REFUSED,
    "agents.sessions.errors.InvalidStoreUrl": ExitCode.USAGE,
    "agents.sessions.errors.StoreUnavailable": ExitCode.OUTAGE,
    "agents.sessions.errors.StoreInUse": ExitCode.REFUSED,
    "agents.sessions.errors.WriteFailed": ExitCode.OUTAGE,
    "agents.sessions.errors.RecordsRefused": ExitCode.REFUSED,
    "agents.tools.errors.ServerDown": ExitCode.OUTAGE,
    "builtins.OSError": ExitCode.OUTAGE,
}
"""The code of each error of a command, by the name of its class or of the nearest base.

The names keep a command from importing the libraries of errors that it can't meet.
"""

SERVERS_FAULT: Final = 500
"""The first HTTP status for a fault of the server's own."""


def code_of(error: Exception) -> ExitCode:
    """Return the code of an error. Raises StopIteration for an error of another kind."""
    if getattr(error, "status", 0) >= SERVERS_FAULT:
        return ExitCode.OUTAGE
    names = (f"{each.__module__}.{each.__qualname__}" for each in type(error).__mro__)
    return CODES[next(name for name in names if name in CODES)]


def code_of_fault(fault: "Fault") -> ExitCode:
    """Return the code of a turn that ended with this fault. A provider or a store that is down is an outage."""
    from agents.core.errors import Cancelled, CircuitOpen, NetworkError, StoreFailed  # --help needs none of them
    from agents.core.retry import FaultScope, scope

    match fault:
        case Cancelled():
            return ExitCode.INTERRUPTED
        case NetworkError() | CircuitOpen() | StoreFailed():
            return ExitCode.OUTAGE
    passing = scope(fault) in (FaultScope.TRANSIENT, FaultScope.BUSY)
    return ExitCode.OUTAGE if passing else ExitCode.FAILED_TURN
