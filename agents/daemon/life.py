"""The life of the daemon on its loop: start, ready, drain, end.

    application        every process that runs agents
    └── gateway        serves them; it ends after the agents, so that every reader gets the terminal event

Each part ends in the reverse order of its start, also if a later part fails to start.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final

from actors import Crash, StartFailed, ended, whereis
from actors.log import get_logger
from agents import application
from agents.cluster.node_requests import ACCESS, REPORTS
from agents.daemon.drain import drain
from agents.daemon.errors import ApplicationEnded, CannotStart, Outage
from agents.daemon.host import DaemonHost
from agents.daemon.listen_address import port_unavailable, url_of
from agents.daemon.meter import METER, Counts
from agents.daemon.outside import Outside
from agents.daemon.scrape import Scrape
from agents.daemon.state_dir import StateDir
from agents.daemon.store_check import check_store
from agents.gateway import first_certificate, serving
from agents.gateway.gate import STOPPING
from agents.gateway.guard.issued_here import AccessServer
from agents.gateway.reports import ReportServer
from agents.llm.llm_supervisor import load_client
from agents.node.garbage import uncollected
from agents.node.os_process import hide_from_own_user, this_process
from agents.node.state_files import DaemonAddress
from agents.sessions.errors import ConnectionLost, StoreUnreachable
from agents.settings import Settings
from agents.telemetry.meter import Meter
from agents.tools.errors import ServerDown
from supervisors import ChildSpec, Flags, start_supervisor

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
OUTAGES: Final = (ConnectionLost, StoreUnreachable, ServerDown)

log = get_logger("understudy.daemon")


class Stopping:
    """The end of the daemon by signals: the first lets it drain, the second ends it at once."""

    def __init__(self, forget: Callable[[], None]) -> None:
        """Remember forget, which is called before an end at once."""
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
                signal.signal(number, signal.SIG_IGN)  # the rest of the end is quick, and no signal interrupts it

    def _signalled(self, number: int) -> None:
        if self._asked.is_set():
            self._forget()
            os._exit(128 + number)  # the kernel kills the workers and releases the lock
        self.ask()


async def live(
    settings: Settings,
    folder: StateDir,
    token: str,
    read: Callable[[], Settings],
    outside: Outside,
) -> None:
    """Run the daemon until a signal or /stop ends it.

    Raises CannotStart and ApplicationEnded; then nothing runs.
    """
    hide_from_own_user()
    await check_store(settings)
    stopping = Stopping(outside.forget_address)
    with stopping.by_signals(), outside.connected():
        async with AsyncExitStack() as stack:
            with uncollected():  # a start imports modules until it is ready
                await stack.enter_async_context(_running(settings))
                scrape = Scrape(await _metered())
                host = DaemonHost(settings, token, read, scrape, outside, stopping.ask)
                await _report_to_others(host, settings)
                port = await stack.enter_async_context(_served(host, settings, outside))
                stack.enter_context(host.reloaded_by_signal())
                address = _address(settings, port, folder)
                await stack.enter_async_context(outside.listening(address, host.app.login_code))
            stack.callback(asyncio.create_task(_load_client()).cancel)
            application_ended = await _application_ended_first(stopping)
            outside.draining()
            host.gate.closed = STOPPING
            if application_ended:
                raise ApplicationEnded("the application has ended and is not restarted: the log has the reasons")
            await drain(settings.daemon.drain_time / 1000)
    log.info("daemon_stopped")


async def _load_client() -> None:
    """Load the models' client. A collection of its new modules would hold the loop for 0.1 s."""
    with uncollected():
        await load_client()


async def _application_ended_first(stopping: Stopping) -> bool:
    """Wait for a request to stop, or for the end of the application. Return True if the application ended first.

    The application does not come back in this OS process. A service manager may start a new daemon.
    """
    root = whereis(application.NAME)
    if root is None:
        return True
    asked, ended_early = asyncio.create_task(stopping.wait()), asyncio.create_task(ended(root))
    try:
        await asyncio.wait((asked, ended_early), return_when=asyncio.FIRST_COMPLETED)
        return not asked.done()
    finally:
        asked.cancel()
        ended_early.cancel()


def _address(settings: Settings, port: int, folder: StateDir) -> DaemonAddress:
    file = settings.gateway.tls_certificate
    certificate = None if file is None else first_certificate(file)
    return DaemonAddress(url_of(settings, port), this_process(), str(folder.token_file(settings)), certificate)


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[None]:
    try:
        async with application.running(settings):
            yield
    except StartFailed as failed:
        raise _cannot_start(failed.reason) from None


def _cannot_start(reason: object) -> CannotStart:
    """Return the error for the reason of a failed start."""
    if isinstance(reason, Crash):
        return CannotStart(f"{type(reason.exception).__name__}: {reason.exception}")
    return Outage(str(reason)) if isinstance(reason, OUTAGES) else CannotStart(str(reason))


async def _metered() -> Counts:
    """Start to count turns and crashes; return the counts."""
    counts = Counts()
    await start_supervisor(Flags(), (ChildSpec("meter", Meter, counts, name=METER),), name="daemon")
    return counts


async def _report_to_others(host: DaemonHost, settings: Settings) -> None:
    """Start the processes that make reports, and answer for credentials, for the other nodes of the cluster."""
    if settings.cluster.enabled:
        reports = ChildSpec(REPORTS, ReportServer, host.app, name=REPORTS)
        access = ChildSpec(ACCESS, AccessServer, host.app.issued, name=ACCESS)
        await start_supervisor(Flags(), (reports, access), name="reports_supervisor")


@asynccontextmanager
async def _served(host: DaemonHost, settings: Settings, outside: Outside) -> AsyncIterator[int]:
    """Serve the gateway within the block; yield the port.

    Only an error raised before the block begins concerns the port.
    """
    async with AsyncExitStack() as stack:
        try:
            host.server = server = await stack.enter_async_context(
                serving(host.app, settings, shares_port=outside.shares_port)
            )
        except OSError as error:
            raise port_unavailable(settings.gateway, error) from None
        yield server.port
