"""A gateway with several users, with a store or without, and a client for each token."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from actors import Pid, whereis
from actors.observer import process_info
from agents import application
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.routes.host import Host
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import (
    Durability,
    GatewaySettings,
    Scope,
    SessionSettings,
    Settings,
    SupervisionSettings,
    TokenSettings,
    ToolSettings,
)
from tests.agents.gateway.contract import Checked
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN, Site
from tests.waiting import eventually


def token(name: str, user: str, *scopes: str) -> TokenSettings:
    """Return a token whose secret is made of its name."""
    return TokenSettings.model_validate({"name": name, "user": user, "scopes": scopes, "token": name.ljust(43, "-")})


READ, CHAT, APPROVE, APPROVE_ALL, METRICS, ADMIN = Scope
ANN = token("ann", "ann", READ, CHAT, APPROVE)
BOB = token("bob", "bob", READ, CHAT, APPROVE)
ROOT = token("root", "root", ADMIN)


class House:
    """A gateway with several users. app: the gateway. site: a client with the install's token."""

    def __init__(self, app: Gateway, site: Site) -> None:
        self.app, self.site = app, site

    @asynccontextmanager
    async def client(self, of: TokenSettings) -> AsyncIterator[Site]:
        headers = {"authorization": f"Bearer {of.token.get_secret_value()}"}
        async with aiohttp.ClientSession(
            headers=headers, connector=aiohttp.TCPConnector(limit=0), response_class=Checked
        ) as http:
            yield Site(self.site.server, http, self.site.settings)

    def tokens(self, *tokens: TokenSettings) -> None:
        """Replace the users' tokens with these."""
        gateway_settings = self.site.settings.gateway.model_copy(update={"tokens": tokens})
        self.app.take(self.site.settings.model_copy(update={"gateway": gateway_settings}))


@asynccontextmanager
async def house(
    tokens: Iterable[TokenSettings],
    store: Path | None = None,
    host: Host | None = None,
    script: str = BUYER_AND_SLOW,
    supervision: SupervisionSettings | None = None,
    park_after: int | None = 10_000,
) -> AsyncIterator[House]:
    """Serve a gateway with users. store: a file; None: no store. script: of the models. supervision: None: as usual."""
    kept = SessionSettings()
    if store is not None:
        kept = SessionSettings(url=f"sqlite:///{store}", durability=Durability.SYNC, park_after=park_after)
    async with RehearsalServer(builtin() | parse(script, "users")) as server:
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            sessions=kept,
            gateway=GatewaySettings(port=0, tokens=tuple(tokens)),
            supervision=supervision or SupervisionSettings(),
        )
        async with application.running(settings):
            app = Gateway(settings, LiveSessions() if store is None else StoredSessions(), TOKEN, host)
            headers = {"authorization": f"Bearer {TOKEN}"}
            async with (
                serving(app, settings) as served,
                aiohttp.ClientSession(headers=headers, response_class=Checked) as http,
            ):
                yield House(app, Site(served, http, settings))


async def waits_at(name: str) -> None:
    """Wait until the process has an unread message."""
    pid = whereis(name)
    assert isinstance(pid, Pid)
    await eventually(
        lambda: (info := process_info(pid)) is not None and info.mailbox, what=f"an unread message of {name}"
    )
