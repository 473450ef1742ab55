"""The port through which a model call sends its requests."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from agents.llm.endpoint import Api


class ModelClient(Protocol):
    """A sender of requests: OpenAIClient, or a test's client. resume and cancel are for background mode."""

    def stream(
        self, api: Api, body: bytes, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    async def cancel(self, response_id: str, *, timeout_s: float) -> None: ...

    async def close(self) -> None: ...
