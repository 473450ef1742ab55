"""The cost of an event through the gateway, beside the same server that sends prepared bytes."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from agents import application
from agents.core.events import StreamToken
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.wire import frames
from agents.settings import GatewaySettings, Settings, StreamingSettings, ToolSettings
from agents.settings.agent import AgentSettings
from benchmarks.sse_client import TOKEN
from benchmarks.workload import QUESTION, Measured
from supervisors import agent_supervisor

AT_ONCE: Final = 512
SETTINGS: Final = Settings(
    gateway=GatewaySettings(port=0),
    streaming=StreamingSettings(buffer_size=1_000_000),  # so that each token is a separate event
    tools=ToolSettings(workers=1),
)
MODEL: Final = "tokens"
OPENAI: Final = {
    "chat_completions": (
        "/v1/chat/completions",
        {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": QUESTION}]},
        "data: ",
    ),
    "responses": ("/v1/responses", {"model": MODEL, "stream": True, "input": QUESTION}, "data: "),
}
"""The path, the body and the mark of an event of each of OpenAI's forms."""


class Sizes(Struct, frozen=True):
    """The sizes of the runs. tokens: of a stream. resumed: of the stream that is read again."""

    tokens: int = 20_000
    resumed: int = 2_000


async def measured(base_url: str, sizes: Sizes) -> Measured:
    """Return the microseconds per event, by the clock of a client in a separate OS process, for the second of two
    streams.
    """
    events = [frames([StreamToken(f"token{number:05} ", seq=number)]) for number in range(sizes.tokens)]
    pieces = [b"".join(events[at : at + AT_ONCE]) for at in range(0, len(events), AT_ONCE)]
    async with application.running(SETTINGS):
        live = Gateway(SETTINGS, LiveSessions(), TOKEN)
        return {
            "prepared": await _us_an_event(_prepared(events), ["/"] * 2),
            "prepared_at_once": await _us_an_event(_prepared(pieces), ["/"] * 2),
            "sse": await _us_an_event(live, await _questions(base_url, sizes.tokens)),
            **await _as_a_model(base_url, sizes),
            "resume_ms": await _resume_ms(live, base_url, sizes.resumed),
        }


async def _as_a_model(base_url: str, sizes: Sizes) -> Measured:
    """Return the microseconds per event of the same stream in OpenAI's forms."""
    own = {"id": MODEL, "model": f"tokens-{sizes.tokens}", "base_url": base_url, "api_key": "none"}
    settings = SETTINGS.model_copy(update={"agents": (AgentSettings.model_validate(own),)})
    app = Gateway(settings, LiveSessions(), TOKEN)
    found = {}
    async with serving(app, settings) as server:
        for name, (path, body, mark) in OPENAI.items():
            for _ in range(2):
                seconds, events = await _run(server.port, path, msgspec.json.encode(body).decode(), mark)
            found[name] = seconds / events * 1e6
    return found


async def _us_an_event(app: ASGIApp, paths: Sequence[str]) -> float:
    async with serving(app, SETTINGS) as server:
        for path in paths:
            seconds, events = await _client(server.port, path)
    return seconds / events * 1e6


async def _resume_ms(app: ASGIApp, base_url: str, tokens: int) -> float:
    """Return the time from the request to the last event of a finished stream, from its second event on."""
    path, *_ = await _questions(base_url, tokens)
    async with serving(app, SETTINGS) as server:
        await _client(server.port, path, stream_id="resumed")
        seconds, _ = await _client(server.port, "/streams/resumed/events?after=1", ask=False)
    return seconds * 1000


async def _questions(base_url: str, tokens: int) -> list[str]:
    """Return the addresses of two agents. The first one pays for imports and connections, so the second is measured."""
    paths = []
    for _ in range(2):
        id_ = uuid4().hex
        config = {"id": id_, "model": f"tokens-{tokens}", "base_url": base_url, "api_key": "none"}
        await agent_supervisor.start_agent(config)
        paths.append(f"/agents/{id_}/stream")
    return paths


def _prepared(pieces: Sequence[bytes]) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


async def _client(port: int, path: str, *, ask: bool = True, stream_id: str | None = None) -> tuple[float, int]:
    question = {"message": QUESTION} if stream_id is None else {"message": QUESTION, "stream_id": stream_id}
    return await _run(port, path, msgspec.json.encode(question).decode() if ask else "")


async def _run(port: int, *arguments: str) -> tuple[float, int]:
    """Return the seconds and the events of a client. arguments: those of benchmarks.sse_client."""
    command = [sys.executable, "-m", "benchmarks.sse_client", str(port), *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    seconds, events = told.split()
    return float(seconds), int(events)
