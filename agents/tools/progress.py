"""Progress of a call that runs, for those who watch its stream; the model is never shown it.

    @tool
    def index(folder: str) -> int:
        for number, name in enumerate(os.listdir(folder)):
            progress({"files": number})

Of values that come faster than PER_SECOND, after a first BURST, the latest is kept: a flood costs one value's memory.
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
    """Takes the progress of a call that nobody watches."""


def progress(data: Any) -> None:
    """Say how far the call is, as JSON data of at most 16 KiB. Outside of a call that is watched it does nothing."""
    reports = _of_call.get() or _of_process
    if reports is not None:
        reports.report(data)


async def last_of(values: AsyncGenerator[Any, Never]) -> Any:
    """The last value, None if there is none. Each one before it is progress, as soon as another follows."""
    last: Any = UNSET
    async with aclosing(values):
        async for value in values:
            if last is not UNSET:
                progress(last)
            last = value
    return None if last is UNSET else last


class Reports:
    """What one call reports. Any thread may; send is called by one at a time, and not after close.

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
        """The call is over: send what was held back, and nothing more."""
        with self._lock:
            if self._held is not UNSET and not self._closed:
                self._send(self._held)
            self._closed = True


def of_call(reports: Reports) -> Reports:
    """What `progress` reports to from here on in this context, which is the call's own."""
    _of_call.set(reports)
    return reports


def of_process(reports: Reports) -> Reports:
    """What `progress` reports to in every thread of this process: a worker runs one call."""
    global _of_process
    _of_process = reports
    return reports


_of_call: ContextVar[Reports | None] = ContextVar("reports", default=None)
_of_process: Reports | None = None
