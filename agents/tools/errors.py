"""What goes wrong with tools.

ValueError
├── InvalidTool         the host's: a tool or a list of tools that can't be used; raised before anything runs
└── InvalidData         the tool's: what it returned or reported has no form in JSON, or nests too deep
ToolFailed              one call failed; its text may be shown to the model
├── InvalidArguments    the model's: what it sent does not fit; nothing ran
├── ToolRaised          the tool's: it raised
├── CpuTimeUsedUp       the tool's: it was ended with its worker
└── WorkerDied          the OS process that ran it ended
TimeoutError            the call's deadline passed (the builtin)
RuntimeError
└── PoolUnavailable     the pool is closed, or can't start workers
"""

import signal
from typing import Final

from agents.tools.text import cut, sendable

MAX_MESSAGE_BYTES: Final = 4096


class InvalidTool(ValueError):
    """faults: one line each, "where: expected X, got Y"."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class InvalidData(ValueError):
    """One line, "expected X, got Y". `progress` raises it in the tool; as a result's fault it is the call's error."""


class ToolFailed(Exception):
    """One call of a tool failed. Its siblings are not concerned."""


class InvalidArguments(ToolFailed):
    """faults: one short line each, written for the model that has to do better."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class ToolRaised(ToolFailed):
    """type_name and message of the exception, cut. Its traceback stays where it was raised."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(f"{type_name}: {message}" if message else type_name)
        self.type_name = type_name
        self.message = message

    @classmethod
    def by(cls, error: BaseException) -> "ToolRaised":
        return cls(_type_name(type(error)), _words(error))


_type_name = type.__dict__["__name__"].__get__  # a metaclass may have a name of its own, which may raise


def _words(error: BaseException) -> str:
    try:
        words = str(error)
    except BaseException:  # noqa: BLE001 (its own code, which may raise what it is itself)
        return ""
    return cut(sendable(words), MAX_MESSAGE_BYTES)


class CpuTimeUsedUp(ToolFailed):
    """cpu_s: the CPU time that the call had."""

    def __init__(self, cpu_s: int) -> None:
        super().__init__(f"no result within {cpu_s} s of CPU time")
        self.cpu_s = cpu_s


class WorkerDied(ToolFailed):
    """how: "SIGKILL", "exit code 3", or what the worker did that got it killed."""

    def __init__(self, how: str) -> None:
        super().__init__(f"the tool's worker process died: {how}")
        self.how = how

    @classmethod
    def of(cls, returncode: int) -> "WorkerDied":
        """returncode: as subprocess has it, negative for a signal."""
        if returncode >= 0:
            return cls(f"exit code {returncode}")
        try:
            return cls(signal.Signals(-returncode).name)
        except ValueError:  # a real-time signal has no name
            return cls(f"signal {-returncode}")


class PoolUnavailable(RuntimeError):
    """No worker runs, and none will for this caller."""
