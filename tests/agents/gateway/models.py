"""A gateway with configured agents, for OpenAI's clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from msgspec import Struct
from openai import AsyncOpenAI
from pydantic import SecretStr

from agents import application
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.sessions import Sessions
from agents.gateway.stored_sessions import StoredSessions
from agents.llm.endpoint import Api
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, TokenSettings, ToolSettings
from agents.settings.agent import AgentSettings, ContextConfig, StreamingConfig
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.users import ANN, BOB, READ, token
from tests.agents.weather import script

OWN = """
[[models.weather.turns]]
match = "own"
steps = [{ text = "I count. ", tool_calls = [{ name = "calculator", arguments = { expression = "6 * 7" } }] },
         { text = "It is {result:0}." }]
"""
MORE = """
[models.thinks]
turns = [{ steps = [{ reasoning = "A thought.", text = "An answer." }] }]

[models.again]
turns = [{ steps = [{ text = "One two.", fault = { name = "close", after_tokens = 1, times = 1 } }] }]

[models.waits]
turns = [{ steps = [{ tool_calls = [{ name = "pass_gate", arguments = {} }] }] }]

[models.fails]
turns = [{ steps = [{ text = "One two.", fault = { name = "error_event", after_tokens = 1 } }] }]
"""
VIEWER = token("viewer", "ann", READ)
AGAIN = StreamingConfig(retry_after_output=True)
AGENTS = (
    AgentSettings(id="weather", model="weather", tools=["calculator"], system_prompt="Be brief."),
    AgentSettings(id="anns", model="echo", owner="ann"),
    *(AgentSettings(id=model, model=model) for model in ("echo", "thinks", "slow", "fails")),
    AgentSettings(id="waits", model="waits", tools=["tests.agents.sample_tools:pass_gate"]),
    AgentSettings(id="again", model="again", streaming_config=AGAIN),
    AgentSettings(id="responds", model="weather", api_preference=Api.RESPONSES),
    AgentSettings(id="short", model="echo", context=ContextConfig(max_tokens=400, reserve=0, keep_turns=0)),
)
FORECAST = {"type": "object", "properties": {"city": {"type": "string"}}}


class OpenAiSite(Struct):
    """A gateway. provider: the server of the agents' models. clients: by their keys; the site closes them."""

    app: Gateway
    site: Site
    provider: RehearsalServer
    clients: dict[str, AsyncOpenAI] = {}

    def client(self, of: TokenSettings | None = None) -> AsyncOpenAI:
        """Return OpenAI's client with this token; None: the install's."""
        return self.client_of(TOKEN if of is None else of.token.get_secret_value())

    def client_of(self, key: str) -> AsyncOpenAI:
        if key not in self.clients:
            self.clients[key] = AsyncOpenAI(base_url=f"{self.site.url}/v1", api_key=key, max_retries=0)
        return self.clients[key]


@asynccontextmanager
async def openai_site(store: Path | None = None, sessions: Sessions | None = None) -> AsyncIterator[OpenAiSite]:
    """Serve a gateway. store: a file; None: no store. sessions: in place of the usual ones."""
    kept = SessionSettings() if store is None else SessionSettings(url=f"sqlite:///{store}", durability=Durability.SYNC)
    tokens = (ANN, BOB, VIEWER)
    async with RehearsalServer(builtin() | parse(script(OWN) + MORE, "models")) as provider:
        settings = Settings(
            base_url=provider.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            sessions=kept,
            agents=AGENTS,
            gateway=GatewaySettings(port=0, tokens=tokens, default_agent="echo", max_body_bytes=100_000),
        )
        async with application.running(settings):
            usual = LiveSessions() if store is None else StoredSessions()
            app = Gateway(settings, sessions or usual, TOKEN)
            headers = {"authorization": f"Bearer {TOKEN}"}
            async with serving(app, settings) as served, aiohttp.ClientSession(headers=headers) as http:
                site = OpenAiSite(app, Site(served, http, settings), provider)
                yield site
                for client in site.clients.values():
                    await client.close()
