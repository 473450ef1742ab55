"""A provider in memory: a client that plays a rehearsal's script on the running loop, in virtual time, too."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import msgspec

from agents.core.errors import ConnectionClosed, NetworkError
from agents.llm.client_faults import status_fault
from agents.llm.endpoint import Api, Endpoint, ProviderFailed
from agents.rehearsal import chat, responses
from agents.rehearsal.director import Director
from agents.rehearsal.errors import BrokenOff, ErrorResponse
from agents.rehearsal.playback import Performance, read

PATHS: Final = {Api.CHAT: "/chat/completions", Api.RESPONSES: "/responses"}
FORMS: Final = {Api.CHAT: chat, Api.RESPONSES: responses}


class InMemoryClient:
    """A client of one endpoint. The director's script answers, and no connection is made."""

    def __init__(self, director: Director, endpoint: Endpoint) -> None:
        self._director, self._endpoint = director, endpoint
        self._key = endpoint.api_key if isinstance(endpoint.api_key, str) else ""

    def stream(
        self, api: Api, body: bytes, *, connect_s: float, request_id: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        sent = msgspec.json.decode(body)
        return self._answer(lambda: self._director.answer(FORMS[api], sent, self._key), f"POST {PATHS[api]}")

    def resume(
        self, response_id: str, after: int, *, connect_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._answer(
            lambda: self._director.resume(response_id, after, stream=True), f"GET /responses/{response_id}"
        )

    async def cancel(self, response_id: str, *, timeout_s: float) -> None:
        with suppress(ErrorResponse):
            self._director.background.cancel(response_id)

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    @asynccontextmanager
    async def _answer(
        self, perform: Callable[[], Performance], request: str
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        try:
            performance = perform()
        except ErrorResponse as refusal:
            method, _, path = request.partition(" ")
            body = msgspec.json.encode(refusal.body)
            where = f"{self._endpoint.address}{path}"
            raise ProviderFailed(status_fault(refusal.status, refusal.headers, body, method, where)) from None
        try:
            yield read(performance)
        except BrokenOff as broken:
            raise ProviderFailed(ConnectionClosed() if broken.begun else NetworkError("econnreset")) from None
