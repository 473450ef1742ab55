"""Providers without a network: their clients play a test's script, on any loop and in virtual time, too."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from pydantic import SecretStr

from actors import AsyncioSystemBase
from agents import application
from agents.core.errors import Fault
from agents.llm.client import ModelClient
from agents.llm.endpoint import Api, Endpoint, ProviderFailed
from agents.llm.provider import LLM_SUPERVISOR, Provider, ProviderPolicy
from agents.settings import Settings
from agents.testing.stage import tree
from agents.tools.pool_server import TOOL_POOL
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, Flags, RestartType, start_supervisor

Piece = float | bytes | Fault
"""Seconds to wait, bytes that come, or how it breaks."""

SAID = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


class ScriptedClient:
    """A client that plays one script per request and repeats the last one. opened, closed: numbers of answers."""

    def __init__(self, *scripts: Iterable[Piece]) -> None:
        self.scripts = [list(script) for script in scripts]
        self.bodies: list[Mapping[str, Any]] = []
        self.opened = self.closed = 0
        self.cancelled: list[str] = []
        self.ended = False

    @asynccontextmanager
    async def stream(
        self, api: Api, body: bytes, *, connect_s: float, request_id: str = ""
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        self.bodies.append(json.loads(body))
        script = self.scripts[min(len(self.bodies), len(self.scripts)) - 1]
        self.opened += 1
        try:
            yield _chunks(script)
        finally:
            self.closed += 1

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        body = json.dumps({"id": response_id, "starting_after": after}).encode()
        return self.stream(Api.RESPONSES, body, connect_s=connect_s)

    async def cancel(self, response_id: str, *, timeout_s: float) -> None:
        self.cancelled.append(response_id)

    async def close(self) -> None:
        self.ended = True


async def _chunks(script: Iterable[Piece]) -> AsyncIterator[bytes]:
    for piece in script:
        if isinstance(piece, bytes):
            yield piece
        elif isinstance(piece, float):
            await asyncio.sleep(piece)
        else:
            raise ProviderFailed(piece)


@asynccontextmanager
async def providers(
    new_client: Callable[[Endpoint], ModelClient], policy: ProviderPolicy | None = None
) -> AsyncIterator[AsyncioSystemBase]:
    """Run a process system with only providers in it."""
    policy = policy if policy is not None else ProviderPolicy()
    provider = ChildSpec("provider", Provider, policy, new_client, restart=RestartType.TEMPORARY)
    flags = DynamicFlags(max_children=policy.max_count)
    async with AsyncioSystemBase() as system:
        await start_supervisor(
            Flags(), [ChildSpec(LLM_SUPERVISOR, DynamicSupervisor, flags, provider, name=LLM_SUPERVISOR)]
        )
        yield system


@asynccontextmanager
async def application_with(client: ModelClient) -> AsyncIterator[None]:
    """Return an application without a worker pool. Its providers use this client."""
    flags, children = tree(Settings(model="any", api_key=SecretStr("none")), lambda _: client)
    async with AsyncioSystemBase():
        await application.start_tree(flags, [child for child in children if child.id != TOOL_POOL])
        yield
