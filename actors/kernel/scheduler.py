"""The process system and the watchers, as a process sees them."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from actors.kernel.pid import Pid, Ref

if TYPE_CHECKING:
    from actors.kernel.process import Process

SLICE: Final = 64  # messages that a process may take before the next process's turn


class Watcher(Protocol):
    """An object that learns of a process's end: a monitor, or a caller that waits for a reply."""

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None: ...


class Scheduler(Protocol):
    """The process system, as its processes see it: the loop, the run queue, and the way to other processes.

    slice: messages that a process may take before the next process's turn. root: the parent of processes that code
    outside any process started.
    """

    loop: asyncio.AbstractEventLoop
    thread: int
    ready: "deque[Process]"
    awake: bool
    slice: int
    root: "Process"
    processes: "dict[int, Process]"

    def wake(self) -> None: ...

    def signal(self, target: "Process", sender: Pid, reason: Any) -> None: ...

    def bury(self, process: "Process") -> None: ...
