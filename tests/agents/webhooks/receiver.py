"""A receiver of webhooks on loopback, which checks each signature with the library of Standard Webhooks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.agents.llm.http.loopback import answered_by

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
WAIT_S = 30.0


class Receiver:
    """State: the messages in the order of their arrival, each with its id. statuses: of the next answers, else 204."""

    def __init__(self) -> None:
        self.url = ""
        self.ids: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self._arrived = asyncio.Condition()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        message = Webhook(SECRET).verify(body, dict(request.headers))
        async with self._arrived:
            self.ids.append(request.headers["webhook-id"])
            self.messages.append(message)
            self._arrived.notify_all()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"location": f"{self.url}/other"} if status == 302 else {})

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait for this number of messages, and return them."""
        async with asyncio.timeout(WAIT_S), self._arrived:
            await self._arrived.wait_for(lambda: len(self.messages) >= count)
        return self.messages

    async def having(self, kind: str) -> dict[str, Any]:
        """Wait for a message of this type, and return its data."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.messages if each["type"] == kind]

        async with asyncio.timeout(WAIT_S), self._arrived:
            await self._arrived.wait_for(found)
        data: dict[str, Any] = found()[0]["data"]
        return data


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with answered_by(receiver.answer) as receiver.url:
        yield receiver
