"""Messages to systemd: the daemon is ready, alive or reloading. Source: sd_notify(3), sd_watchdog_enabled(3).

Without NOTIFY_SOCKET no message is sent.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress


class Notifier:
    """The sender of the messages.

    watchdog_s: the longest time that systemd waits for a sign of life; None: systemd does not watch.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ)

    def tell(self, *lines: str) -> None:
        """Send the lines. Ignore errors: the daemon goes on if systemd does not listen."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode(), self._address)

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Send signs of life from the event loop within the block. A loop that hangs sends none."""
        task = asyncio.create_task(self._ping(self.watchdog_s)) if self._address and self.watchdog_s else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()

    async def _ping(self, watchdog_s: float) -> None:
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(watchdog_s / 2)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
