"""Checks of a request's body: media type, size and time. Also refusals, which drain a body that still arrives."""

import asyncio
from collections.abc import Iterable
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from agents.core.depth import EXPECTED, text_too_deep
from agents.gateway.errors import Refusal

BODY_S: Final = 30.0  # for the whole body, so that single slow bytes can't hold a connection
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing. Source: RFC 9110 section 9.2.1."""
SIMPLE: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""Media types that a page may send to another origin without a preflight. Source: Fetch, section 2.2.2."""
NOT_JSON: Final = "expected the header `Content-Type: application/json` on a write with a body"
DRAIN_S: Final = 1.0
DRAIN_BYTES: Final = 4 * 2**20


async def guarded_body(scope: Scope, receive: Receive, max_bytes: int) -> Receive:
    """Return a receive that gives the body in one piece.

    Raises Refusal if the body is too large, too slow, or not JSON.
    A write's body is read even if no header announces it: HTTP/2 allows that, and a mounted gateway may be served over
    HTTP/2.
    """
    announced = has_body(scope)
    _check_media_type(scope, with_body=announced)
    if scope["method"] in SAFE and not announced:
        return receive
    body, last = await _whole(scope, receive, max_bytes)
    _check_media_type(scope, with_body=bool(body))
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again if last["type"] == "http.request" else _gone


async def _whole(scope: Scope, receive: Receive, max_bytes: int) -> tuple[bytes, Message]:
    """Return the body, and the ASGI message that ended it."""
    too_large = Refusal(413, f"expected a body of at most {max_bytes} bytes")
    length = next(iter(header_values(scope, b"content-length")), "0")
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
    return bytes(body), message


async def refuse(
    scope: Scope, receive: Receive, send: Send, refusal: Refusal, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send the refusal. Close the connection if a body is still to come, since no route will read it."""
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
        await _drain(receive)  # data that arrives at a closed socket resets it, and the answer is lost
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


def _check_media_type(scope: Scope, *, with_body: bool) -> None:
    """Refuse a write that a page of another origin could send without asking first: a form, or text/plain.

    Such a page could send a write without any body as well. That one passes here, and is stopped elsewhere: it needs
    the header `Authorization`, and a page that sets this header has to ask first. Source: Fetch, "CORS-safelisted".
    """
    if scope["method"] in SAFE:
        return
    media_types = [kind.partition(";")[0].strip().lower() for kind in header_values(scope, b"content-type")]
    if SIMPLE.intersection(media_types) or (with_body and media_types != ["application/json"]):
        raise Refusal(415, NOT_JSON)
    if header_values(scope, b"content-encoding"):
        raise Refusal(415, "expected a body without Content-Encoding")


def has_body(scope: Scope) -> bool:
    """Return whether the head announces a body."""
    return bool(header_values(scope, b"transfer-encoding")) or any(
        each != "0" for each in header_values(scope, b"content-length")
    )


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Return the values of a header. name: in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def _gone() -> Message:
    return {"type": "http.disconnect"}
