"""The lines that a server writes for people, as log events: a flood of lines costs a few events a second."""

from typing import Final

from actors.clock import now_s
from actors.log import get_logger
from agents.tools.text import cut, sendable

BURST: Final = 100.0
PER_SECOND: Final = 10.0
MAX_LINE_BYTES: Final = 4096

log = get_logger("understudy.mcp")


class LineLog:
    """State: the lines that may be logged now, and the number of those that were left out since the last one."""

    def __init__(self, event: str, server: str) -> None:
        self._event, self._server = event, server
        self._allowed, self._counted_s = BURST, now_s()
        self._left_out = 0

    def add(self, line: bytes) -> None:
        """Log the line, unless too many came before it."""
        present_s = now_s()
        self._allowed = min(BURST, self._allowed + (present_s - self._counted_s) * PER_SECOND)
        self._counted_s = present_s
        text = line.decode(errors="replace").strip()
        if not text:
            return
        if self._allowed < 1:
            self._left_out += 1
            return
        self._allowed -= 1
        left_out = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        log.info(self._event, server=self._server, line=cut(sendable(text), MAX_LINE_BYTES), **left_out)
