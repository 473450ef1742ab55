"""Progress of a call that runs, for the subscribers of its stream. The model does not get it.

    @tool
    def index(folder: str) -> int:
        for number, name in enumerate(os.listdir(folder)):
            progress({"files": number})

A call may report a first BURST of values at any pace, and then PER_SECOND. If values come faster, only
the latest is kept, so a flood of reports costs the memory of one value.
"""

import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any, Never, TypeAlias

from msgspec import UNSET

from agents.tools.result import bounded

MAX_PROGRESS_BYTES = 16 * 1024
BURST = 20
PER_SECOND = 20.0

Send: TypeAlias = Callable[[Any], object]


def unwatched(data: Any) -> None:
    """Discard the progress of a call that has no subscriber."""


def unobserved() -> None:
    """Discard the begin of a call that has no observer."""


def progress(data: Any) -> None:
    """Report how far the call is, as JSON data of at most 16 KiB. Outside of a call this does nothing."""
    reports = _of_call.get() or _of_process
    if reports is not None:
        reports.report(data)


async def last_of(values: AsyncGenerator[Any, Never]) -> Any:
    """Return the last value, or None if there is none.

    Each earlier value becomes progress when the next one arrives.
    """
    last: Any = UNSET
    async with aclosing(values):
        async for value in values:
            if last is not UNSET:
                progress(last)
            last = value
    return None if last is UNSET else last


class Reports:
    """The reports of one call. Any thread may report. send is called by one thread at a time, and not after close.

    clock: monotonic seconds.
    """

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._lock = threading.Lock()
        self._allowed = float(BURST)
        self._counted_s = clock()
        self._held: Any = UNSET
        self._closed = False

    def report(self, data: Any) -> None:
        data = bounded(data, MAX_PROGRESS_BYTES)
        with self._lock:
            if self._closed:
                return
            now_s = self._clock()
            self._allowed = min(float(BURST), self._allowed + (now_s - self._counted_s) * PER_SECOND)
            self._counted_s = now_s
            if self._allowed < 1:
                self._held = data
            else:
                self._allowed -= 1
                self._held = UNSET
                self._send(data)

    def close(self) -> None:
        """Send the value that was held back, and accept no more reports."""
        with self._lock:
            if self._held is not UNSET and not self._closed:
                self._send(self._held)
            self._closed = True


def report_call_to(reports: Reports) -> Reports:
    """Set the reports to which `progress` adds in this context, which belongs to one call."""
    _of_call.set(reports)
    return reports


def report_process_to(reports: Reports) -> Reports:
    """Set the reports to which `progress` adds in every thread of this process. A worker runs one call."""
    global _of_process
    _of_process = reports
    return reports


_of_call: ContextVar[Reports | None] = ContextVar("reports", default=None)
_of_process: Reports | None = None
