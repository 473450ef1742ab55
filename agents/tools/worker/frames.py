"""The frames of one worker, decoded from its bytes.

A tool can make its worker send any bytes. Invalid ones raise InvalidFrame.
"""

import time
from collections.abc import Callable, Iterator

import msgspec

from agents.core.question import checked
from agents.tools.progress import BURST, MAX_PROGRESS_BYTES, PER_SECOND
from agents.tools.result import MAX_RESULT_BYTES, bounded
from agents.tools.worker.wire import (
    HEADER,
    MAX_ANSWER_BYTES,
    MAX_PROGRESS_FRAME_BYTES,
    Asks,
    Frame,
    ProgressReport,
    Returned,
)

# Worker code keeps to BURST and PER_SECOND. The limits here are wider: a loop that was blocked for half a minute
# reads all values of that time at once, and must accept them.
MAX_AT_ONCE = BURST + 30 * PER_SECOND
MAX_PER_SECOND = 2 * PER_SECOND

MARK_BYTES = 128  # more than the mark at the end of a cut text


class InvalidFrame(Exception):
    """The worker sent invalid data. The text says what it sent."""


class FrameDecoder:
    """State: the bytes of an incomplete frame, and the number of progress values allowed now.

    max_output_bytes: the limit of a result. clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_output_bytes = 0
        self._clock = clock
        self._received = bytearray()
        self._allowed = MAX_AT_ONCE
        self._counted_s = clock()

    @property
    def half(self) -> bool:
        """Return True if a frame has begun and is incomplete."""
        return bool(self._received)

    def read(self, data: bytes) -> Iterator[Frame]:
        """Return the frames that are complete with these bytes. Raises InvalidFrame."""
        self._received += data
        while len(self._received) >= HEADER.size:
            end = HEADER.size + HEADER.unpack_from(self._received)[0]
            if end > (most := MAX_ANSWER_BYTES + 6 * max(0, self.max_output_bytes - MAX_RESULT_BYTES)):
                raise InvalidFrame(f"announced an answer of {end} bytes, allowed are {most}")
            if len(self._received) < end:
                return
            body = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            yield self._frame(body)

    def _frame(self, body: bytes) -> Frame:
        try:
            frame: Frame = msgspec.json.decode(body, type=Frame)
            if isinstance(frame, ProgressReport):
                self._count(body)
                return ProgressReport(frame.number, bounded(frame.data, MAX_PROGRESS_BYTES + MARK_BYTES))
            return _within(frame, self.max_output_bytes)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            raise InvalidFrame("sent an answer that can't be read") from None

    def _count(self, body: bytes) -> None:
        now_s = self._clock()
        self._allowed = min(MAX_AT_ONCE, self._allowed + (now_s - self._counted_s) * MAX_PER_SECOND) - 1
        self._counted_s = now_s
        if self._allowed < 0:
            raise InvalidFrame(f"reported more than {MAX_PER_SECOND:g} values a second")
        if len(body) > MAX_PROGRESS_FRAME_BYTES:
            raise InvalidFrame(f"reported a value of {len(body)} bytes, allowed are {MAX_PROGRESS_FRAME_BYTES}")


def _within(frame: Frame, limit_bytes: int) -> Frame:
    """Return the frame if it is within the limits that worker code keeps.

    A tool may have written to the socket itself.
    """
    match frame:
        case Returned(number, value, media):
            return Returned(number, bounded(value, limit_bytes + MARK_BYTES), media)
        case Asks(number, question):
            return Asks(number, checked(question))
        case _:
            return frame
