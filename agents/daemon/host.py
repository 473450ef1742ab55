"""The daemon as its gateway sees it: ready, metrics, reload, stop."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from actors.log import get_logger
from agents.configuration import InvalidConfiguration
from agents.core.faults import InvalidValue
from agents.daemon.node_drain import NodeDrain, release_idle
from agents.daemon.outside import Outside
from agents.daemon.reload import reload
from agents.daemon.scrape import Scrape
from agents.daemon.store_check import store_fault
from agents.gateway import Gate, Gateway, LiveSessions, Server, check_access
from agents.gateway.errors import retry_later
from agents.gateway.routes.host import Figures, Reloaded
from agents.gateway.stored_sessions import StoredSessions
from agents.instance.elsewhere import may_be_dead
from agents.settings import Durability, Settings

MAY_BE_DEAD: Final = "this node of the cluster reaches no store, and others may continue its turns: retry later"

log = get_logger("understudy.daemon")


class DaemonHost:
    """The daemon's side of the gateway.

    app: the gateway under the current settings. server: serves app; None until it listens. read: reads the
    configuration again.
    """

    def __init__(
        self,
        settings: Settings,
        token: str,
        read: Callable[[], Settings],
        scrape: Scrape,
        outside: Outside,
        stop: Callable[[], None],
    ) -> None:
        self.gate = Gate()
        self._drain = NodeDrain(self.gate)
        self._outside, self._stop = outside, stop
        self._settings, self._token, self._read, self._scrape = settings, token, read, scrape
        self._one_reload = asyncio.Lock()
        sessions = LiveSessions() if settings.sessions.durability is Durability.OFF else StoredSessions()
        self.app = Gateway(settings, sessions, token, host=self)
        self.server: Server | None = None

    async def check_ready(self) -> None:
        """Raise Refusal while new turns are refused, or would fail."""
        self.gate.check()
        if await may_be_dead():
            raise retry_later(MAY_BE_DEAD)
        if (fault := await store_fault(self._settings)) is not None:
            raise retry_later(fault)

    async def figures(self) -> Figures:
        return Figures(*await self._scrape.metrics())

    async def drain(self, time_ms: int | None) -> None:
        await self._drain.begin((self._settings.daemon.drain_time if time_ms is None else time_ms) / 1000)

    async def undrain(self) -> None:
        await self._drain.end()

    async def release(self, count: int) -> int:
        return await release_idle(count)

    def stop(self) -> None:
        self._outside.stop_requested(self._stop)

    async def reload(self) -> Reloaded:
        """Reload the configuration after a client's request."""
        report = await self._reload()
        self._outside.reload_requested()
        return report

    async def _reload(self) -> Reloaded:
        """Reload the configuration, one reload at a time, and log every change."""
        async with self._one_reload:
            done = await reload(self._settings, self._checked, {self._token})
            self._settings = done.settings
            if done.applied:  # any key: GET /config shows all settings, and quotas depend on those of streams
                self._take(done.settings)
        report = Reloaded(*(tuple(map(str, each)) for each in (done.applied, done.needs_restart, done.rejected)))
        for outcome in report.__struct_fields__:
            for change in getattr(report, outcome):
                log.info("configuration_reloaded", outcome=outcome, change=change)
        if report == Reloaded():
            log.info("configuration_reloaded", outcome="nothing has changed")
        return report

    @contextmanager
    def reloaded_by_signal(self) -> Iterator[None]:
        """Reload at SIGHUP within the block."""
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()

        def begin() -> None:
            task = loop.create_task(self._reload_and_report())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, begin)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def _reload_and_report(self) -> None:
        self._outside.reloading()
        try:
            await self._reload()
        finally:
            self._outside.reloaded()

    def _checked(self) -> Settings:
        """Return the settings that the configuration has now.

        Raises InvalidConfiguration, also for a fault that only the token's scopes show.
        """
        settings = self._read()
        try:
            check_access(settings.gateway, self._token)
        except InvalidValue as refused:
            raise InvalidConfiguration([refused.fault.below("gateway")]) from None
        return settings

    def _take(self, settings: Settings) -> None:
        """Apply the settings to later requests and connections. Those in progress keep theirs."""
        self.app.take(settings)
        if self.server is not None:
            self.server.take(settings)
