"""The errors of tools.

ValueError
├── InvalidTool         the host's fault: a tool or a list of tools can't be used. Raised before anything runs
└── InvalidData         the tool's fault: a result or a report has no form in JSON, or nests too deep
ToolFailed              one call failed. Its text may be shown to the model
├── InvalidArguments    the model's fault: the arguments do not fit, and the tool did not run
├── ToolRaised          the tool raised an exception
│   └── ServerRaised    the tool's server answered with an error
├── CpuTimeUsedUp       the call used its CPU time, and its worker was ended
├── WorkerDied          the OS process that ran the call ended
└── ServerDown          the server that runs the tool is down
TimeoutError            the deadline of the call passed (Python's own class)
RuntimeError
└── PoolUnavailable     the pool is closed, or can't start workers
CallAsks                the tool asks a person: no failure. The call waits, and its tool runs again with the answer
"""

import signal
from typing import Final

from agents.core.faults import Fault
from agents.core.question import Question
from agents.tools.text import cut, sendable

MAX_MESSAGE_BYTES: Final = 4096


class InvalidTool(ValueError):
    """An invalid tool, or list of tools. The text has one line per fault."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class InvalidData(ValueError):
    """A value without a form in JSON, in one line: "expected X, got Y".

    `progress` raises it inside the tool. For a result it becomes the error of the call.
    """


class ToolFailed(Exception):
    """The failure of one call of a tool. Other calls of the turn continue."""


class InvalidArguments(ToolFailed):
    """Invalid arguments of a call. faults: one short line each, from which the model can correct them."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class ToolRaised(ToolFailed):
    """An exception of the tool: its type's name and its message, cut.

    The traceback is not sent to this process.
    """

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(f"{type_name}: {message}" if message else type_name)
        self.type_name = type_name
        self.message = message

    @classmethod
    def by(cls, error: BaseException) -> "ToolRaised":
        return cls(_type_name(type(error)), _words(error))


class ServerRaised(ToolRaised):
    """The error that a tool's server answered, in the server's words, cut."""

    def __init__(self, words: str) -> None:
        super().__init__("", cut(sendable(words), MAX_MESSAGE_BYTES))

    def __str__(self) -> str:
        return self.message


_type_name = type.__dict__["__name__"].__get__  # a metaclass may define __name__, which may raise


def _words(error: BaseException) -> str:
    try:
        words = str(error)
    except BaseException:  # noqa: BLE001 (the exception's own code, which may raise anything)
        return ""
    return cut(sendable(words), MAX_MESSAGE_BYTES)


class CpuTimeUsedUp(ToolFailed):
    """The end of a call that used all its CPU time. cpu_s: the limit."""

    def __init__(self, cpu_s: int) -> None:
        super().__init__(f"{no_result(cpu_s)} of CPU time")


class WorkerDied(ToolFailed):
    """The end of a worker process during a call. how: "SIGKILL", "exit code 3", or the rule that the worker broke."""

    def __init__(self, how: str) -> None:
        super().__init__(f"the tool's worker process died: {how}")
        self.how = how

    @classmethod
    def of(cls, returncode: int) -> "WorkerDied":
        """Return the error for an exit. returncode: as in subprocess, negative for a signal."""
        if returncode >= 0:
            return cls(f"exit code {returncode}")
        try:
            return cls(signal.Signals(-returncode).name)
        except ValueError:  # a real-time signal has no name
            return cls(f"signal {-returncode}")


class ServerDown(ToolFailed):
    """The server that runs the tool is down. name: the server's. why: the end of its connection, in one line."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the MCP server {name!r} is down: {why}")
        self.name, self.why = name, why


class WorkerRefused(WorkerDied):
    """The kernel's refusal of a further worker, since processes, memory or descriptors are used up."""


class PoolUnavailable(RuntimeError):
    """No worker runs for this caller, and none will."""


class CallAsks(Exception):
    """The end of an attempt whose function asks a person. The call waits for the answer, and then runs again."""

    def __init__(self, question: Question) -> None:
        super().__init__("the tool waits for a person's answer")
        self.question = question


def no_result(deadline_s: float) -> TimeoutError:
    """Return the error of a call whose deadline has passed."""
    return TimeoutError(f"no result within {deadline_s:g} s")
