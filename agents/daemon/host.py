"""What the gateway asks of the daemon, and how new settings come to both."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from actors.log import get_logger
from agents.configuration.reload import reload
from agents.daemon.scrape import Scrape
from agents.gateway import Door, gateway
from agents.gateway.routes.host import Figures, Reloaded
from agents.gateway.stored_sessions import StoredSessions
from agents.settings import Settings

log = get_logger("understudy.daemon")


class DaemonHost:
    """An ASGI app, too: the gateway of the settings that hold. read: reads the configuration again."""

    def __init__(
        self, settings: Settings, token: str, read: Callable[[], Settings], scrape: Scrape, stop: Callable[[], None]
    ) -> None:
        self.door = Door()
        self.stop = stop
        self._settings, self._token, self._read, self._scrape = settings, token, read, scrape
        self._one_reload = asyncio.Lock()
        self._take(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def figures(self) -> Figures:
        return Figures(*await self._scrape.figures())

    async def reload(self) -> Reloaded:
        """One at a time; every change is logged, too."""
        async with self._one_reload:
            done = await reload(self._settings, self._read, self._take)
            self._settings = done.settings
        told = Reloaded(*(tuple(map(str, each)) for each in (done.applied, done.needs_restart, done.rejected)))
        for outcome in told.__struct_fields__:
            for change in getattr(told, outcome):
                log.info("configuration_reloaded", outcome=outcome, change=change)
        if told == Reloaded():
            log.info("configuration_reloaded", outcome="nothing has changed")
        return told

    def _take(self, settings: Settings) -> None:
        """Requests that run go on in the app in which they began."""
        compression = settings.streaming.enable_compression
        self._app: ASGIApp = gateway(settings, StoredSessions(), self._token, compression=compression, host=self)
