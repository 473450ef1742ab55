"""The body of a request: read whole, within a size and a time; and refusals, which end what is still on its way."""

import asyncio
from collections.abc import Iterable
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from agents.core.depth import EXPECTED, text_too_deep
from agents.gateway.errors import Refusal

BODY_S: Final = 30.0  # for all of a body, so that no drip of single bytes holds a connection
DRAIN_S: Final = 1.0
DRAIN_BYTES: Final = 4 * 2**20


def has_body(scope: Scope) -> bool:
    headers = {name: value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")}
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def whole_body(scope: Scope, receive: Receive, max_bytes: int) -> Receive:
    """A receive that gives the body in one piece. Raises Refusal for one that is too large, too slow or too deep."""
    too_large = Refusal(413, f"expected a body of at most {max_bytes} bytes")
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(length) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise too_large
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Refusal(408, f"expected the whole body within {BODY_S:g} s") from None
    if text_too_deep(bytes(body)):
        raise Refusal(422, EXPECTED)
    first: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again if message["type"] == "http.request" else _gone


async def refuse(
    scope: Scope, receive: Receive, send: Send, refusal: Refusal, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer, and close the connection if a body is still to come: nobody will read it."""
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.message[:120]})
        return
    unread = scope["type"] == "http" and has_body(scope)
    own = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(refusal.body)).encode()),
        *([(b"connection", b"close")] if unread else []),
    ]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": [*own, *headers]})
    await send({"type": f"{kind}.body", "body": refusal.body, "more_body": unread})
    if unread:
        await _drain(receive)  # what comes to a closed socket resets it, and takes the answer along
        await send({"type": f"{kind}.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    drained = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while drained < DRAIN_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def _gone() -> Message:
    return {"type": "http.disconnect"}
