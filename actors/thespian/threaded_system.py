"""A process system whose loop may run on its own thread, where other threads run coroutines."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from actors.kernel.errors import InvalidArgument, NoSystem, named
from actors.system.current import entered_process, process_here, running_loop, system_here
from actors.system.process_system import ProcessSystem

T = TypeVar("T")

_END: Final = object()


class ThreadedSystem(ProcessSystem):
    """A process system on the caller's loop, within `async with`, or on a thread that the first use starts."""

    def __init__(self, *, watchdog_s: float | None = None) -> None:
        super().__init__(watchdog_s=watchdog_s)
        self._thread: threading.Thread | None = None
        self._open = False
        self._submitting = threading.Lock()  # held while a thread submits work, and while the system opens or closes

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the system's loop and return its result. Call it in any thread except the loop's.

        Raises the coroutine's exception. After timeout_s cancels the coroutine and raises TimeoutError. Raises NoSystem
        if the system has ended, or ends before the coroutine.
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

    def iterate(self, items: AsyncIterable[T], timeout_s: float | None = None) -> Iterator[T]:
        """Yield the items of an async iterator, for blocking code in any thread except the loop's.

        Each `next` makes one item. Leaving the `for` early closes items if it is an async generator. timeout_s: for
        each item; after it the iterator is closed. Raises RuntimeError on the loop's thread, and the exceptions of
        items and of `run`.
        """
        if not isinstance(items, AsyncIterable):
            raise InvalidArgument("an async iterator", named(items), "run is for a coroutine")
        self._refuse_own_thread()
        return self._iterate(_OneByOne(aiter(items)), timeout_s)

    def _iterate(self, items: "_OneByOne[T]", timeout_s: float | None) -> Iterator[T]:
        try:
            while (item := self.run(items.next(), timeout_s)) is not _END:
                yield item
        finally:
            if running_loop() is not getattr(self, "loop", None):  # there the garbage collector leaves the iterator
                with suppress(NoSystem):
                    self.run(items.close())

    async def _inside(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work with the calling thread's process as its caller, unless that process is on another loop."""
        system_here.set(self)
        caller = entered_process()
        if caller is not None and caller.system is not self:
            process_here.set(None)
        return await work

    def _do(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function on the loop's thread and wait for its result."""

        async def work() -> T:
            return function(*args)

        return self.run(work())

    def _hand_in(self, submit: Callable[[], T]) -> T:
        """Call submit while the loop certainly runs. The first call starts the thread."""
        self._refuse_own_thread()
        with self._submitting:
            if not hasattr(self, "loop"):
                self._start_thread()
            if not self._open:
                raise NoSystem("expected a running actor system, got one that has ended")
            return submit()

    def _refuse_own_thread(self) -> None:
        if hasattr(self, "loop") and running_loop() is self.loop:
            raise RuntimeError("expected a call from another thread: on the loop's own thread this would never return")

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
        await asyncio.sleep(0)  # work submitted before the close becomes a task, which the runner cancels

    def open(self) -> None:
        super().open()
        self._open = True

    async def close(self) -> None:
        await super().close()
        with self._submitting:
            self._open = False

    def __enter__(self) -> Self:
        self._hand_in(lambda: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def shutdown(self) -> None:
        """End every process and the loop's thread. Does nothing for a system on the host's loop."""
        if self._thread is None:
            return
        if self._thread is threading.current_thread():
            raise RuntimeError("expected a shutdown from another thread: here it would never return")
        with suppress(RuntimeError):  # another thread's shutdown has closed the loop
            self.loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def actorSystemShutdown(self) -> None:  # noqa: N802 (Thespian's name)
        if self._thread is None:
            super().actorSystemShutdown()
        self._ending.set()


class _OneByOne(Generic[T]):
    """An async iterator whose steps never overlap: a step that was cancelled ends before the iterator is closed."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items, self._step = items, asyncio.Lock()

    async def next(self) -> Any:
        async with self._step:
            return await anext(self._items, _END)

    async def close(self) -> None:
        async with self._step:
            if isinstance(self._items, AsyncGenerator):
                await self._items.aclose()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop if uvloop is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
