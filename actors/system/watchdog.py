"""The watchdog logs a handler that holds the loop. Erlang: system_monitor's long_schedule."""

import asyncio
import sys
import threading
import traceback
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

from actors.log import log

if TYPE_CHECKING:
    from actors.kernel.process import Process
    from actors.system.process_system import ProcessSystem

LOOKS = 4  # signs of life asked for within one limit
FRAMES = 20  # the innermost frames of a stack, which are logged


class Watchdog:
    """A thread that asks the loop for a sign of life, and logs the running process if none comes.

    It measures the loop and not the handlers, which pay nothing. A hold shorter than limit_s is never logged. A hold
    longer than 1.25 times limit_s is logged once, unless C code keeps the interpreter's lock meanwhile.
    """

    def __init__(self, system: "ProcessSystem", limit_s: float) -> None:
        self._system, self._limit_s = system, limit_s
        self._loop_thread = threading.get_ident()
        self._answered, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="understudy-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._answered.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(self._limit_s / LOOKS):
            self._answered.clear()
            asked_s = monotonic()
            try:
                self._system.loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop was closed under its system
                return
            if not self._answered.wait(self._limit_s) and not self._stopped.is_set():
                self._report(monotonic() - asked_s)
                self._answered.wait()

    def _report(self, held_s: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 (the only way to see another thread's stack)
        process = self._holder()
        log.warning(
            "loop_held",
            held_s=round(held_s, 3),
            pid=str(process.pid) if process is not None else None,
            label=process.label if process is not None else None,
            stack=_places(frame),
        )

    def _holder(self) -> "Process | None":
        """Return the process whose callback or coroutine runs, or None if it is the host's code."""
        system = self._system
        if system.current is not None:
            return system.current
        task = asyncio.current_task(system.loop)
        mine = (process for process in list(system.processes.values()) if process.coroutine is task)
        return next(mine, None) if task is not None else None


def _places(frame: FrameType | None) -> list[str]:
    stack = traceback.extract_stack(frame)[-FRAMES:] if frame is not None else []
    return [f"{place.filename}:{place.lineno} {place.name}" for place in stack]
