"""The gateway on loopback, and a client that holds its token."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from agents.agent_registry import find_agent
from agents.gateway import Server
from agents.settings import Settings
from supervisors import agent_supervisor

TOKEN = "t" * 43

BUYER_AND_SLOW = """
[models.buyer]
[[models.buyer.turns]]
steps = [
    { tool_calls = [{ name = "pays", arguments = { euros = 500 } }] },
    { text = "{result:0}" },
]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""
"""The scripts of two models: one calls a tool and repeats its result, and one stalls after two tokens."""

HOST = """
[models.host]
[[models.host.turns]]
[[models.host.turns.steps]]
tool_calls = [
    { name = "ask_user", arguments = { question = "Which?", choices = ["red", "blue"], default = "blue" } },
]
[[models.host.turns.steps]]
text = "{result:0}"
"""
"""The script of a model that asks a question and repeats the answer."""


class Sse(Struct, frozen=True):
    """A server-sent event. id: None for an event without an id."""

    name: str
    data: Any
    id: int | None = None


class Site:
    """A gateway on loopback.

    settings: of the application and the gateway. http: a client that sends the token. server: the gateway's server.
    """

    def __init__(self, server: Server, http: aiohttp.ClientSession, settings: Settings) -> None:
        self.server, self.port, self.http, self.settings = server, server.port, http, settings
        self.url = f"http://127.0.0.1:{server.port}"

    async def agent(self, model: str, id_: str = "a", **config: Any) -> str:
        await agent_supervisor.start_agent({"id": id_, "model": model, **config})
        assert find_agent(id_) is not None
        return id_

    async def json(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Send a request, and return the status and the answer."""
        if method not in ("GET", "HEAD"):
            more["json"] = {} if body is None else body
        async with self.http.request(method, self.url + path, **more) as response:
            return response.status, msgspec.json.decode(await response.read() or b"null")

    async def stream(self, agent_id: str, message: str, **body: Any) -> list[Sse]:
        """Send a message, and return the whole stream."""
        path = f"/agents/{agent_id}/stream"
        async with self.http.post(self.url + path, json={"message": message, **body}) as response:
            assert response.status == 200
            return [event async for event in events(response)]

    async def events(self, stream_id: str, after: int = 0, last_event_id: str | None = None) -> list[Sse]:
        path = f"/streams/{stream_id}/events?after={after}"
        headers = {} if last_event_id is None else {"last-event-id": last_event_id}
        async with self.http.get(self.url + path, headers=headers) as response:
            assert response.status in (200, 204)
            return [event async for event in events(response)]

    def socket(self) -> Any:
        return self.http.ws_connect(self.url + "/ws", autoping=True)


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Sse]:
    """Yield the events when they arrive, without an incomplete last one."""
    text = b""
    async for chunk in response.content.iter_any():
        text += chunk
        *blocks, text = text.split(b"\n\n")
        for block in blocks:
            for event in parsed(block):
                yield event


def parsed(block: bytes) -> Iterator[Sse]:
    """Yield the event of a block; yield nothing for a comment."""
    fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
    if fields:
        id_ = int(fields["id"]) if "id" in fields else None
        yield Sse(fields.get("event", "message"), msgspec.json.decode(fields["data"]), id_)


def text_of(found: list[Sse]) -> str:
    return "".join(event.data["text"] for event in found if event.name == "token")
