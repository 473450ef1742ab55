"""A WebSocket whose first message has the token, since a browser's WebSocket has no header of its own.

> {"action": "authenticate", "token": "...", "ref": 1}
< {"type": "answer", "action": "authenticate", "data": {"user": "ann", "scopes": ["read"]}, "ref": 1}
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from starlette.types import Message, Receive, Scope, Send

from agents.core.text import to_json
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.credentials import SOCKETS
from agents.gateway.guard.place import Place

PATIENCE_S: Final = 5.0
MOST_BYTES: Final = 4096  # of a message whose sender is unknown
REFUSED: Final = 1008  # "policy violation"
EXPECTED: Final = 'expected {"action": "authenticate", "token": TOKEN} as the first message'


class Authenticate(Struct, frozen=True, forbid_unknown_fields=True):
    """The first message of a socket without another credential."""

    action: Literal["authenticate"]
    token: str
    ref: str | int | None = None


def may_follow(scope: Scope, path: str, place: Place) -> bool:
    """Return whether the token may be in the first message of this upgrade: one by a page, with no header for it."""
    return scope["type"] == "websocket" and path in SOCKETS and place.origin is not None


async def authenticated(
    receive: Receive, send: Send, of_token: Callable[[str], Caller]
) -> tuple[Caller, Receive, Send] | None:
    """Accept the socket, and return its caller and its later messages; None if it has been closed.

    of_token: returns the caller of a token, or raises Refusal.
    """
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    given: Authenticate | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        given = _first(message)
        caller = of_token(given.token)
    except TimeoutError:
        await _refuse(send, Refusal(401, f"{EXPECTED} within {PATIENCE_S:g} s"), given)
        return None
    except Refusal as refusal:
        await _refuse(send, refusal, given)
        return None
    data = {"user": caller.user, "scopes": sorted(caller.scopes)}
    await _send(send, {"type": "answer", "action": given.action, "data": data, **_ref(given)})
    return caller, _receive_again(receive), _without_accept(send)


def _first(message: Message) -> Authenticate:
    text = message.get("text")
    data: bytes = message["bytes"] if text is None else text.encode()
    try:
        if len(data) <= MOST_BYTES:
            return msgspec.json.decode(data, type=Authenticate)
    except (msgspec.DecodeError, RecursionError):
        pass
    raise Refusal(401, EXPECTED)


async def _refuse(send: Send, refusal: Refusal, given: Authenticate | None) -> None:
    named = {} if given is None else {"action": given.action, **_ref(given)}
    await _send(send, {"type": "refused", "code": refusal.kind, "error": refusal.message, **named})
    await send({"type": "websocket.close", "code": REFUSED, "reason": refusal.message})


async def _send(send: Send, answer: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": to_json(answer).decode()})


def _ref(given: Authenticate) -> dict[str, Any]:
    return {} if given.ref is None else {"ref": given.ref}


def _receive_again(receive: Receive) -> Receive:
    first: list[Message] = [{"type": "websocket.connect"}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


def _without_accept(send: Send) -> Send:
    async def later(message: Message) -> None:
        if message["type"] != "websocket.accept":
            await send(message)

    return later
