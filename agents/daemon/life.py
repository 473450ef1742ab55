"""The life of the daemon on its loop: start, ready, drain, end.

    application        every process that runs agents
    └── gateway        reads and asks them; it outlives the agents, so that who reads a stream gets its end

What was started ends in the reverse order, also when something on the way does not start.
"""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final

from actors import Crash, StartFailed, ended, whereis
from actors.log import get_logger
from agents import application
from agents.daemon.crashes import Crashes
from agents.daemon.drain import drain
from agents.daemon.errors import CannotStart, GaveUp
from agents.daemon.host import DaemonHost
from agents.daemon.meter import Counts, Meter
from agents.daemon.notify import Notifier
from agents.daemon.place import no_port, url_of
from agents.daemon.scrape import Scrape
from agents.daemon.state_dir import StateDir
from agents.daemon.store_check import check_store
from agents.gateway import first_certificate, serving
from agents.llm.llm_supervisor import load_client
from agents.node.os_process import hide_from_own_user, this_process
from agents.node.state_files import Address
from agents.settings import Settings
from agents.streams.report import METER
from supervisors import ChildSpec, Flags, start_supervisor

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
SETTLED_S: Final = 5.0
"""By then all is loaded, and is frozen. A collection that walks it holds the loop for a tenth of a second: at 600
streams the p99 of a token's delay was 124 ms, and is 36 without."""

log = get_logger("understudy.daemon")


class Stopping:
    """What signals do: the first begins the end, the second is the end."""

    def __init__(self, forget: Callable[[], None]) -> None:
        """forget: called before an end at once."""
        self._asked = asyncio.Event()
        self._forget = forget
        self.wait = self._asked.wait

    def ask(self) -> None:
        self._asked.set()

    @contextmanager
    def by_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in ENDING:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)  # what is left is quick, and is not interrupted

    def _signalled(self, number: int) -> None:
        if self._asked.is_set():
            self._forget()
            os._exit(128 + number)  # workers die with us, by the kernel's hand; so does the lock
        self.ask()


async def live(
    settings: Settings, folder: StateDir, token: str, read: Callable[[], Settings], say: Callable[[str], None]
) -> None:
    """Until a signal, or /stop, asks for the end. say: is given the one line that says where it listens.

    Raises CannotStart, and GaveUp; then nothing runs.
    """
    hide_from_own_user()
    await check_store(settings)
    notifier = Notifier(os.environ)
    stopping = Stopping(folder.forget_address)
    with stopping.by_signals():
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_running(settings))
            await load_client()
            crashes = stack.enter_context(Crashes().counted())
            scrape = Scrape(await _metered(), crashes)
            host = DaemonHost(settings, token, read, scrape, stopping.ask)
            port = await stack.enter_async_context(_served(host, settings))
            address = _address(settings, port, folder)
            stack.enter_context(folder.address_told(address))
            stack.enter_context(host.reloaded_by_signal(notifier))
            await stack.enter_async_context(notifier.alive())
            notifier.tell("READY=1", f"STATUS=listening on {address.url}", f"MAINPID={os.getpid()}")
            gc.enable()
            say(f"understudy listens on {address.url}")
            asyncio.get_running_loop().call_later(SETTLED_S, gc.freeze)
            fallen = await _fallen_before(stopping)
            notifier.tell("STOPPING=1", "STATUS=draining")
            host.gate.open = False
            if fallen:
                raise GaveUp("the application has given up, and the daemon ends with it: the log says what fell")
            await drain(settings.daemon.drain_time / 1000)
    log.info("daemon_stopped")


async def _fallen_before(stopping: Stopping) -> bool:
    """Return when the end is asked for, or the application has ended by itself: True. It would come back only with a
    new daemon, which whoever runs this one may start."""
    root = whereis(application.NAME)
    if root is None:
        return True
    asked, fallen = asyncio.create_task(stopping.wait()), asyncio.create_task(ended(root))
    try:
        await asyncio.wait((asked, fallen), return_when=asyncio.FIRST_COMPLETED)
        return not asked.done()
    finally:
        asked.cancel()
        fallen.cancel()


def _address(settings: Settings, port: int, folder: StateDir) -> Address:
    told = settings.gateway.tls_certificate
    certificate = None if told is None else first_certificate(told)
    return Address(url_of(settings, port), this_process(), str(folder.token_file(settings)), certificate)


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[None]:
    try:
        async with application.running(settings):
            yield
    except StartFailed as failed:
        raise CannotStart(_why(failed.reason)) from None


def _why(reason: object) -> str:
    """In a line."""
    return f"{type(reason.exception).__name__}: {reason.exception}" if isinstance(reason, Crash) else str(reason)


async def _metered() -> Counts:
    """From now on the turns that end are counted."""
    counts = Counts()
    await start_supervisor(Flags(), (ChildSpec("meter", Meter, counts, name=METER),), name="daemon")
    return counts


@asynccontextmanager
async def _served(host: DaemonHost, settings: Settings) -> AsyncIterator[int]:
    """The port. Only what is raised before the block begins is about it."""
    async with AsyncExitStack() as stack:
        try:
            host.server = server = await stack.enter_async_context(serving(host.app, settings))
        except OSError as error:
            raise no_port(settings.gateway, error) from None
        yield server.port
