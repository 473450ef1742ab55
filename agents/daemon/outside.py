"""The outside of a daemon: the programs that wait for it, watch it, and ask it to end.

A daemon of its own has a user, commands and systemd. A node of `serve --nodes` has its parent: crew/parent.py.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Protocol

from agents.daemon.listen_address import check_port
from agents.daemon.lock import locked
from agents.daemon.notify import Notifier
from agents.daemon.state_dir import StateDir
from agents.node.state_files import DaemonAddress, page_with_code
from agents.settings import GatewaySettings


class Outside(Protocol):
    """The daemon's port to its outside. shares_port: other OS processes listen on the same port."""

    @property
    def shares_port(self) -> bool: ...

    def holding(self, settings: GatewaySettings) -> AbstractContextManager[None]:
        """Hold the state directory within the block, after a check of the port. Raises CannotStart."""

    def connected(self) -> AbstractContextManager[None]:
        """Answer the outside from the running loop within the block."""

    def listening(
        self, address: DaemonAddress, login_code: Callable[[], Awaitable[str]] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Report within the block that the daemon listens at the address.

        login_code: returns a new code, with which a person logs in on the daemon's page.
        """

    def draining(self) -> None: ...

    def reloading(self) -> None: ...

    def reloaded(self) -> None: ...

    def reload_requested(self) -> None:
        """Report that a client had this daemon read its configuration again."""

    def stop_requested(self, stop: Callable[[], None]) -> None:
        """Act on a client's request to stop. stop: makes this daemon drain."""

    def forget_address(self) -> None:
        """Prepare for an end at once."""


class Foreground:
    """The outside of a daemon without a parent, also of a parent.

    say: gets the line with the daemon's address. say_secret: gets the address of its page with a one-time code; None:
    nobody would read it but a log.
    """

    shares_port = False

    def __init__(
        self, folder: StateDir, say: Callable[[str], None], say_secret: Callable[[str], None] | None = None
    ) -> None:
        self._folder, self._say, self._say_secret = folder, say, say_secret
        self._notifier = Notifier(os.environ)
        self.forget_address = folder.forget_address

    @contextmanager
    def holding(self, settings: GatewaySettings) -> Iterator[None]:
        with locked(self._folder.lock):
            check_port(settings)
            yield

    @contextmanager
    def connected(self) -> Iterator[None]:
        yield

    @asynccontextmanager
    async def listening(
        self, address: DaemonAddress, login_code: Callable[[], Awaitable[str]] | None = None
    ) -> AsyncIterator[None]:
        with self._folder.published_address(address):
            async with self._notifier.alive():
                self._notifier.tell("READY=1", f"STATUS=listening on {address.url}", f"MAINPID={os.getpid()}")
                self._say(f"understudy listens on {address.url}")
                if self._say_secret is not None and login_code is not None:
                    self._say_secret(page_with_code(address.url, await login_code()))
                yield

    def draining(self) -> None:
        self._notifier.tell("STOPPING=1", "STATUS=draining")

    def reloading(self) -> None:
        """Source: sd_notify(3), RELOADING."""
        self._notifier.tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def reloaded(self) -> None:
        self._notifier.tell("READY=1")

    def reload_requested(self) -> None:
        pass

    def stop_requested(self, stop: Callable[[], None]) -> None:
        stop()
