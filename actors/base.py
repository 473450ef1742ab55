"""AsyncioSystemBase: the process system as a system base of Thespian's, on the caller's loop or on a thread.

async with AsyncioSystemBase() as system: ...                # processes on the running loop

asys = ActorSystem(systemBase=AsyncioSystemBase())           # a loop on a thread of its own, for blocking code
answer = asys.ask(asys.createActor(Greeter), "hello", timeout=1)
total = asys._systemBase.run(call(pid, Add(2)))              # or keep the base and use base.run(coroutine)
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from thespian.actors import Actor, ActorAddress, ActorSystem

from actors.actor_process import create_actor
from actors.pid import Pid
from actors.process import Process
from actors.system import ProcessSystem, _system

T = TypeVar("T")


class External(Process):
    """The address of a thread outside: what is sent to it waits in a queue that the thread reads."""

    __slots__ = ("inbox",)

    def __init__(self, system: ProcessSystem) -> None:
        super().__init__(system, "external", system.root)
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def deliver(self, message: Any, sender: Pid | None) -> None:
        self.inbox.put(message)


class AsyncioSystemBase(ProcessSystem):
    """A process system that Thespian's ActorSystem accepts as its systemBase.

    With `async with` it runs on the running loop. Used from a thread that is not its own, by ActorSystem or by `run`,
    it starts a thread with a loop of its own, until `shutdown`.
    """

    def __init__(self, system: ActorSystem | None = None, logDefs: Any = None) -> None:  # noqa: N803 (Thespian's)
        super().__init__()
        if system is not None:
            self.capabilities = system.capabilities
        self._thread: threading.Thread | None = None
        self._external: External | None = None
        self._lock = threading.Lock()

    # Threads

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the system's loop and wait for its result; from any thread but the loop's.

        Raises what it raises, and TimeoutError after timeout_s: then it is cancelled.
        """
        try:
            loop = self._running_loop()
        except BaseException:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(self._inside(work), loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    async def _inside(self, work: Coroutine[Any, Any, T]) -> T:
        _system.set(self)
        return await work

    def _do(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function on the loop's thread and wait for its result."""

        async def work() -> T:
            return function(*args)

        if threading.current_thread() is self._thread:
            return function(*args)
        return self.run(work())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if not hasattr(self, "loop"):
                self._start_thread()
        if threading.current_thread() is self._thread or _is_running_here(self.loop):
            raise RuntimeError("expected a call from another thread: on the loop's own thread this would never return")
        return self.loop

    def _start_thread(self) -> None:
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._thread_main, args=(opened,), name="understudy", daemon=True)
        self._thread.start()
        opened.result()

    def _thread_main(self, opened: "Future[None]") -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(self._live_on_thread(opened))

    async def _live_on_thread(self, opened: "Future[None]") -> None:
        self._ending = asyncio.Event()
        async with self:
            opened.set_result(None)
            await self._ending.wait()

    def __enter__(self) -> Self:
        self._running_loop()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    # What ActorSystem calls

    def shutdown(self) -> None:
        """End every process and the loop's thread."""
        if self._thread is not None and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._ending.set)
            self._thread.join()

    def newPrimaryActor(  # noqa: N802 (Thespian's name)
        self, actor: type[Actor] | str, requirements: dict[str, Any] | None, name: str | None, source: str | None
    ) -> Pid:
        self._running_loop()
        return self._do(create_actor, self, self.root, actor, requirements, name, source)

    def tell(self, to: ActorAddress, message: Any) -> None:
        self._tell(to, message, self._requester())

    def ask(self, to: ActorAddress, message: Any, timeout: timedelta | float | None = None) -> Any:
        """Send, and return the next message that comes to this requester; None after timeout (seconds)."""
        self.tell(to, message)
        return self.listen(timeout)

    def listen(self, timeout: timedelta | float | None = None) -> Any:
        return _next(self._requester(), timeout)

    def external_clone(self) -> "Private":
        return Private(self, self._do(External, self))

    def _requester(self) -> External:
        if self._external is None:
            self._running_loop()
            self._external = self._do(External, self)
        return self._external

    def _tell(self, to: ActorAddress, message: Any, sender: External) -> None:
        self.loop.call_soon_threadsafe(self.send, to, message, sender.pid)


class Private:
    """ActorSystem.private(): tell, ask and listen with an address of its own, for one more thread."""

    def __init__(self, base: AsyncioSystemBase, external: External) -> None:
        self._base, self._external = base, external

    def tell(self, to: ActorAddress, message: Any) -> None:
        self._base._tell(to, message, self._external)  # noqa: SLF001 (one noun, two addresses)

    def ask(self, to: ActorAddress, message: Any, timeout: timedelta | float | None = None) -> Any:
        self.tell(to, message)
        return self.listen(timeout)

    def listen(self, timeout: timedelta | float | None = None) -> Any:
        return _next(self._external, timeout)

    def newPrimaryActor(self, *args: Any) -> Pid:  # noqa: N802 (Thespian's name)
        return self._base.newPrimaryActor(*args)

    def exit_context(self) -> None:
        self._base._do(self._external.end, "closed")  # noqa: SLF001


def _next(external: External, timeout: timedelta | float | None) -> Any:
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    try:
        return external.inbox.get(timeout=seconds)
    except queue.Empty:
        return None


def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
