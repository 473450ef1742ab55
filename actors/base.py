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
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from thespian.actors import Actor, ActorAddress, ActorSystem

from actors.actor_process import create_actor
from actors.current import running_loop, system_here
from actors.errors import NoSystem
from actors.pid import Pid
from actors.process import Process
from actors.signals import NORMAL
from actors.system import ProcessSystem

T = TypeVar("T")


_CLOSED = object()
"""In the inbox of an external address: it has ended, nothing more will come."""


class External(Process):
    """The address of a thread outside: what is sent to it waits in a queue that the thread reads."""

    __slots__ = ("inbox",)

    def __init__(self, system: ProcessSystem) -> None:
        super().__init__(system, "external", system.root)
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def deliver(self, message: Any, sender: Pid | None) -> None:
        self.inbox.put(message)

    def next(self, timeout: timedelta | float | None) -> Any:
        """The next message; None after timeout (seconds), or when nothing more will come."""
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        try:
            message = self.inbox.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            return None
        if message is _CLOSED:
            self.inbox.put(_CLOSED)
            return None
        return message

    def end(self, reason: Any) -> None:
        super().end(reason)
        self.inbox.put(_CLOSED)


class AsyncioSystemBase(ProcessSystem):
    """A process system that Thespian's ActorSystem accepts as its systemBase.

    With `async with` it runs on the running loop. Used from a thread that is not its own, by ActorSystem or by `run`,
    it starts a thread with a loop of its own, until `shutdown`. Threads may use either at any time.
    """

    def __init__(
        self,
        system: ActorSystem | None = None,
        logDefs: Any = None,  # noqa: N803 (Thespian's)
        *,
        watchdog_s: float | None = None,
    ) -> None:
        super().__init__(watchdog_s=watchdog_s)
        if system is not None:
            self.capabilities = system.capabilities
        self._thread: threading.Thread | None = None
        self._external: External | None = None
        self._open = False
        self._door = threading.Lock()  # held while work is handed in, and while the system opens and closes to it
        self._introduction = threading.Lock()  # held while the main external address is made

    # Threads

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the system's loop and wait for its result; from any thread but the loop's.

        Raises what it raises, TimeoutError after timeout_s: then it is cancelled, and NoSystem if the system has ended,
        or ends before the work is done.
        """
        inside = self._inside(work)
        try:
            future = self._hand_in(lambda: asyncio.run_coroutine_threadsafe(inside, self.loop))
        except BaseException:
            inside.close()
            work.close()
            raise
        try:
            return future.result(timeout_s)
        except CancelledError:
            raise NoSystem("expected a result, but the work was cancelled: its system has ended") from None
        except BaseException:
            future.cancel()
            raise

    async def _inside(self, work: Coroutine[Any, Any, T]) -> T:
        system_here.set(self)
        return await work

    def _do(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function on the loop's thread and wait for its result."""

        async def work() -> T:
            return function(*args)

        return self.run(work())

    def _hand_in(self, submit: Callable[[], T]) -> T:
        """Submit to the loop while it surely runs. Starts the thread if nothing runs yet."""
        if hasattr(self, "loop") and running_loop() is self.loop:
            raise RuntimeError("expected a call from another thread: on the loop's own thread this would never return")
        with self._door:
            if not hasattr(self, "loop"):
                self._start_thread()
            if not self._open:
                raise NoSystem("expected a running actor system, got one that has ended")
            return submit()

    def _start_thread(self) -> None:
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._thread_main, args=(opened,), name="understudy", daemon=True)
        self._thread.start()
        opened.result()

    def _thread_main(self, opened: "Future[None]") -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._live_on_thread(opened))
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    async def _live_on_thread(self, opened: "Future[None]") -> None:
        self._ending = asyncio.Event()
        async with self:
            opened.set_result(None)
            await self._ending.wait()
        await asyncio.sleep(0)  # work handed in before the door closed becomes a task, so that the runner cancels it

    def open(self) -> None:
        super().open()
        self._external = None
        self._open = True

    async def close(self) -> None:
        await super().close()
        with self._door:
            self._open = False

    def __enter__(self) -> Self:
        self._hand_in(lambda: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    # What ActorSystem calls

    def shutdown(self) -> None:
        """End every process and the loop's thread. On a loop of the host's the host ends them."""
        if self._thread is None:
            return
        if self._thread is threading.current_thread():
            raise RuntimeError("expected a shutdown from another thread: here it would never return")
        with suppress(RuntimeError):  # the loop has been closed by another thread's shutdown
            self.loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def create_actor(
        self,
        parent: Process,
        actor: type[Actor] | str,
        requirements: dict[str, Any] | None = None,
        name: str | None = None,
        source: str | None = None,
    ) -> Pid:
        return create_actor(self, parent, actor, requirements, name, source)

    def newPrimaryActor(  # noqa: N802 (Thespian's name)
        self, actor: type[Actor] | str, requirements: dict[str, Any] | None, name: str | None, source: str | None
    ) -> Pid:
        return self._do(lambda: self.create_actor(self.root, actor, requirements, name, source))

    def tell(self, to: ActorAddress, message: Any) -> None:
        self._tell(to, message, self._requester())

    def ask(self, to: ActorAddress, message: Any, timeout: timedelta | float | None = None) -> Any:
        """Send, and return the next message that comes to this requester; None after timeout (seconds)."""
        self.tell(to, message)
        return self.listen(timeout)

    def listen(self, timeout: timedelta | float | None = None) -> Any:
        return self._requester().next(timeout)

    def external_clone(self) -> "Private":
        return Private(self, self._do(External, self))

    def _requester(self) -> External:
        with self._introduction:
            if self._external is None:
                self._external = self._do(External, self)
            return self._external

    def _tell(self, to: ActorAddress, message: Any, sender: External) -> None:
        self._hand_in(lambda: self.loop.call_soon_threadsafe(self.send, to, message, sender.pid))

    def updateCapability(self, name: str, value: Any = None) -> None:  # noqa: N802 (Thespian's name)
        if value is None:
            self.capabilities.pop(name, None)
        else:
            self.capabilities[name] = value


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
        return self._external.next(timeout)

    def newPrimaryActor(self, *args: Any) -> Pid:  # noqa: N802 (Thespian's name)
        return self._base.newPrimaryActor(*args)

    def exit_context(self) -> None:
        with suppress(NoSystem):
            self._base._do(self._external.end, NORMAL)  # noqa: SLF001


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
