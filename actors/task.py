"""Task: a process that is a coroutine. Elixir: Task.

    class Fetch(Task):
        def __init__(self, url: str) -> None: ...
        async def run(self) -> None: ...

    pid = Fetch.start_link("https://...")        # or spawn(coroutine_function, *args)

A task ends as NORMAL when run() returns and as Crash when run() raises. An exit signal cancels the coroutine, and the
task ends with the signal's reason. Other processes learn of the end after the coroutine has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from actors.kernel.address import Address
from actors.kernel.bound import Bound
from actors.kernel.errors import ExitProcess
from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.receiver import Receiver
from actors.kernel.signals import NORMAL, Crash
from actors.server.bounded import keep_to
from actors.system.current import current_system, process_context, starter
from actors.system.process_system import ProcessSystem


class Task:
    """A process that runs a coroutine; subclass it with `run`. trap_exit: exit signals arrive as Exit messages."""

    trap_exit: ClassVar[bool] = False
    bound: ClassVar[Bound | None] = None
    """The bound of the mailbox."""
    process: "TaskProcess"

    async def run(self) -> Any:
        raise AssertionError(f"expected a method run in {type(self).__name__}, got none")

    @property
    def pid(self) -> Pid:
        return self.process.pid

    async def receive(self, timeout_s: float | None = None) -> Any:
        """Return the next message. Raises TimeoutError if no message comes within timeout_s."""
        return await self.process.receive(timeout_s)

    def send(self, to: Address, message: Any) -> None:
        """Send a message faster than `send` does. It does not check the thread, so call it on the loop's thread."""
        me = self.process
        if type(to) is Pid and (target := to.process) is not None and target.system is me.system:  # nearly every send
            target.deliver(message, me.pid)
        else:
            me.system.send(to, message, me.pid)

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Pid:
        """Start the task without a link."""
        return start_task(current_system(), cls(*args, **kwargs)).pid

    @classmethod
    def start_link(cls, *args: Any, **kwargs: Any) -> Pid:
        """Start the task, linked to the calling process, its parent."""
        return start_task(current_system(), cls(*args, **kwargs), link=True).pid


class TaskProcess(Receiver):
    """The process of a Task."""

    __slots__ = ("task",)

    system: ProcessSystem

    def __init__(self, system: ProcessSystem, task: Task, parent: Process) -> None:
        super().__init__(system, type(task).__name__, parent)
        self.task = task
        self.trap_exit = task.trap_exit
        task.process = self
        keep_to(self, task.bound)
        self.begin()

    def go(self) -> None:
        self.coroutine = self.system.loop.create_task(self._live(), context=process_context(self))
        self.coroutine.add_done_callback(self._ended)

    async def _live(self) -> Any:
        """Run the task, and return the exit reason of an end that no signal caused."""
        try:
            await self.task.run()
        except ExitProcess as exit_:
            return exit_.reason
        except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of a task)
            return Crash(error)
        return NORMAL

    def _ended(self, coroutine: asyncio.Task[Any]) -> None:
        if self.doomed is not None:
            self.end(self.doomed[0])
        elif coroutine.cancelled():
            self.end(Crash(asyncio.CancelledError("cancelled by code of its own")))
        elif (error := coroutine.exception()) is not None:
            self.end(Crash(error))  # a KeyboardInterrupt, which the loop has raised as well
        else:
            self.end(coroutine.result())


def start_task(system: ProcessSystem, task: Task, *, link: bool = False) -> TaskProcess:
    parent = starter(system, link=link)
    process = TaskProcess(system, task, parent)
    if link:
        process.link(parent)
    process.go()
    return process


class _Function(Task):
    def __init__(self, function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]) -> None:
        self.function, self.args = function, args

    async def run(self) -> Any:
        return await self.function(*self.args)


def spawn(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Pid:
    """Start a process that runs a coroutine function. It gets messages by `await receive()`. Erlang: spawn/3."""
    return _spawn(function, args, link=False)


def spawn_link(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Pid:
    """Start a process that runs a coroutine function, linked to the calling process. Erlang: spawn_link/3."""
    return _spawn(function, args, link=True)


def _spawn(function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...], *, link: bool) -> Pid:
    process = start_task(current_system(), _Function(function, args), link=link)
    process.label = getattr(function, "__qualname__", repr(function))
    return process.pid
