"""AsyncioSystemBase: the process system as a system base of Thespian's, on the caller's loop or on a thread.

async with AsyncioSystemBase() as system: ...                # processes on the running loop

asys = ActorSystem(systemBase=AsyncioSystemBase())           # a loop on a thread of its own, for blocking code
answer = asys.ask(asys.createActor(Greeter), "hello", timeout=1)
total = asys._systemBase.run(call(pid, Add(2)))              # or keep the base and use base.run(coroutine)
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from datetime import timedelta
from logging.config import dictConfig
from types import TracebackType
from typing import Any, Self, TypeVar

from thespian.actors import Actor, ActorAddress, ActorSystem

from actors.actor_process import ActorProcess
from actors.capabilities import common
from actors.create_actor import create_actor
from actors.current import running_loop, system_here
from actors.errors import NoSystem, SourceRefused
from actors.external import External
from actors.pid import Pid
from actors.process import Process
from actors.signals import NORMAL
from actors.status import StatusRoot
from actors.system import ProcessSystem

T = TypeVar("T")


class AsyncioSystemBase(ProcessSystem):
    """A process system that Thespian's ActorSystem accepts as its systemBase.

    With `async with` it runs on the running loop. Used from a thread that is not its own, by ActorSystem or by `run`,
    it starts a thread with a loop of its own, until `shutdown`. Threads may use either at any time.
    """

    root_kind = StatusRoot

    def __init__(
        self,
        system: ActorSystem | None = None,
        logDefs: dict[str, Any] | bool | None = None,  # noqa: N803 (Thespian's)
        *,
        capabilities: dict[str, Any] | None = None,
    ) -> None:
        """system, logDefs: what Thespian's ActorSystem hands to a base that it makes. It makes none of this one, so its
        own capabilities don't arrive: give them here. logDefs: for logging.config.dictConfig; without, nothing is set.
        """
        super().__init__()
        self.capabilities = system.capabilities if system is not None else dict(capabilities or {})
        self.capabilities.update(common())
        if isinstance(logDefs, dict):
            dictConfig(logDefs)
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

    def actorSystemShutdown(self) -> None:  # noqa: N802 (Thespian's name)
        if self._thread is None:
            super().actorSystemShutdown()
        self._ending.set()

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
        process = to.process if isinstance(to, Pid) else None
        system = self if process is None else process.system
        self._hand_in(lambda: system.send_from_outside(to, message, sender.pid))

    def updateCapability(self, name: str, value: Any = None) -> None:  # noqa: N802 (Thespian's name)
        """Set a capability, or take it away if value is None. Actors that need what is gone are asked to exit."""
        if hasattr(self, "loop") and running_loop() is not self.loop:
            self._do(self.updateCapability, name, value)
            return
        super().updateCapability(name, value)
        for process in tuple(self.processes.values()):
            if isinstance(process, ActorProcess):
                process.check_capabilities()

    def loadActorSource(self, source: Any) -> str:  # noqa: N802 (Thespian's name)
        raise SourceRefused(source)

    def unloadActorSource(self, source_hash: str) -> None:  # noqa: N802 (Thespian's name)
        """None was loaded: Thespian ignores hashes that it does not know."""


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
