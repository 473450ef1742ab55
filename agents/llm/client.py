"""The port through which a model call sends its requests, and what makes a client of an endpoint."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from agents.llm.endpoint import Api, Endpoint


class ModelClient(Protocol):
    """A sender of requests: OpenAIClient, or a test's client. resume and cancel are for background mode."""

    def stream(
        self, api: Api, body: bytes, *, connect_s: float, request_id: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    async def cancel(self, response_id: str, *, timeout_s: float) -> None: ...

    async def close(self) -> None: ...


NewClient: TypeAlias = Callable[[Endpoint], ModelClient | Awaitable[ModelClient]]
"""Makes the client of an endpoint. Raises ProviderFailed if the endpoint's address or its key is unusable."""
