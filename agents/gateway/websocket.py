"""The WebSocket: it receives actions, and sends their answers and the events of up to MAX_STREAMS streams.

    {"action": "stream_chat", "agent_id": "a", "message": "Hello", "ref": 1}
    {"type": "answer", "action": "stream_chat", "data": {"stream_id": "...", "over": false}, "ref": 1}
    {"type": "token", "data": "Hi", "seq": 2, "stream_id": "..."} ...

An action that fails is answered with {"type": "refused", "code", "error"}, and the socket stays open.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, assert_never

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from actors.log import get_logger
from agents.core.text import to_json
from agents.gateway import actions
from agents.gateway.actions import Action, action_of
from agents.gateway.connection import TRY_AGAIN_LATER, connection_of, direct_of
from agents.gateway.errors import EXPECTED, Refusal, refusal_of
from agents.gateway.event_stream import MOVED, STORE_UNAVAILABLE, Delivery, too_slow
from agents.gateway.guard.caller import caller_in
from agents.gateway.guard.credentials import SOCKET, SOCKETS
from agents.gateway.guard.middleware import route_of
from agents.gateway.guard.request_log import note_route
from agents.gateway.guard.scopes import permit
from agents.gateway.parts import given
from agents.gateway.reader import AnyReader, ReaderClosed, ReaderMoved, Writer
from agents.gateway.visible import Everything
from agents.gateway.wire import message
from agents.sessions import SessionError

MAX_STREAMS: Final = 100  # per socket at a time
TOO_LARGE: Final = 1009
REVOKED: Final = 1008  # "policy violation"

log = get_logger("understudy.gateway")


class _Revoked(Exception):
    """The token of the connection was revoked."""


class Socket:
    """One connection. Each stream has its own task, so a slow stream delays no other.

    The connection owns its readers: each reader is in `_readers` as soon as it exists. `run` closes all readers at its
    end, whichever task ends first.
    """

    def __init__(self, websocket: WebSocket, everything: Everything, delivery: Delivery, max_bytes: int) -> None:
        self._websocket, self._delivery, self._max_bytes = websocket, delivery, max_bytes
        self._caller, direct = caller_in(websocket.scope), direct_of(websocket.scope)
        self._writer = None if direct is None else Writer(direct, partial(map, message))
        self._visible = everything.visible_to(self._caller)
        self._tasks = asyncio.TaskGroup()
        self._readers: dict[str, AnyReader] = {}

    async def run(self) -> None:
        """Serve the connection until it ends. Its streams continue."""
        await self._websocket.accept()
        try:
            async with self._tasks:
                self._tasks.create_task(self._listen())
                await self._until_revoked()
        except* WebSocketDisconnect:
            pass
        except* _Revoked:
            await self._close_revoked()
        finally:
            self._close_readers()

    def _close_readers(self) -> None:
        for reader in self._readers.values():
            reader.close()

    async def _until_revoked(self) -> None:
        revoked = asyncio.get_running_loop().create_future()

        def revoke() -> None:
            self._close_readers()  # at once: the tasks end in a later turn of the loop
            if not revoked.done():
                revoked.set_result(None)

        with self._caller.until_revoked(revoke):
            await revoked
        raise _Revoked

    async def _listen(self) -> None:
        while (received := await self._websocket.receive())["type"] != "websocket.disconnect":
            text = received.get("text")
            data = received["bytes"] if text is None else text.encode()
            if len(data) > self._max_bytes:
                await self._websocket.close(TOO_LARGE, f"expected a message of at most {self._max_bytes} bytes")
                break
            await self._handle(data)
        raise WebSocketDisconnect

    async def _handle(self, data: bytes) -> None:
        action: Action | None = None
        try:
            action = action_of(data)
            await self._do(action)
        except EXPECTED as error:
            await self._refuse(refusal_of(error), action)

    async def _do(self, action: Action) -> None:
        permit(self._caller, action.needs, f"WS {action.action}")
        match action:
            case actions.Ping():
                await self._send({"type": "pong", **_ref(action)})
            case actions.StreamChat():
                self._check_room()
                agent_id = action.agent_id or await self._visible.default_agent("stream_chat.agent_id")
                reader = await self._visible.ask(agent_id, await given(action.message, action.parts), action.stream_id)
                await self._read(action, reader, **({} if action.agent_id else {"agent_id": agent_id}))
            case actions.Subscribe():
                self._check_room()
                await self._read(action, await self._visible.streams.follow(action.stream_id, action.after))
            case actions.Cancel():  # its answer waits until the turn's tools are dead
                self._tasks.create_task(self._cancel(action))
            case actions.Approve():
                decision = await self._visible.streams.approve(
                    action.stream_id,
                    action.call_id,
                    action.arguments,
                    action.edited,
                    action.always,
                    action.same_arguments,
                )
                await self._answer(action, decision)
            case actions.Deny():
                await self._answer(
                    action, await self._visible.streams.deny(action.stream_id, action.call_id, action.reason)
                )
            case actions.AnswerQuestion():
                given_to = action.stream_id, action.call_id, action.answer, action.question
                await self._answer(action, await self._visible.streams.answer(*given_to))
            case actions.Steer():
                message = await given(action.message, action.parts)
                await self._answer(action, await self._visible.streams.steer(action.stream_id, message))
            case _:
                assert_never(action)

    async def _cancel(self, action: actions.Cancel) -> None:
        try:
            await self._answer(action, await self._visible.streams.cancel(action.stream_id))
        except EXPECTED as error:
            await self._refuse(refusal_of(error), action)

    # Streams

    def _check_room(self) -> None:
        if len(self._readers) >= MAX_STREAMS:
            raise Refusal(429, f"expected at most {MAX_STREAMS} streams at a time on one socket: open another socket")

    async def _read(
        self, action: actions.StreamChat | actions.Subscribe, reader: AnyReader | None, **named: str
    ) -> None:
        """Send the answer, then the events. A second subscription to a stream replaces the first.

        named: more keys of the answer.
        """
        if reader is None:
            await self._answer(action, {"stream_id": action.stream_id, "over": True})
            return
        if (earlier := self._readers.get(reader.stream_id)) is not None:
            earlier.close()
        self._readers[reader.stream_id] = reader
        await self._answer(action, {"stream_id": reader.stream_id, "over": False, **named})
        self._tasks.create_task(self._pump(reader))

    async def _pump(self, reader: AnyReader) -> None:
        try:
            async for batch in reader.batches(self._delivery.heartbeat_s, self._writer):
                await self._write(map(message, batch))
        except ReaderClosed:
            return
        except ReaderMoved:
            await self._send({"type": "cut", "data": MOVED, "stream_id": reader.stream_id})
        except SessionError as error:
            log.warning("replay_broken_off", stream=reader.stream_id, reason=str(error))
            await self._send({"type": "cut", "data": STORE_UNAVAILABLE, "stream_id": reader.stream_id})
        finally:
            reader.close()
            if self._readers.get(reader.stream_id) is reader:
                del self._readers[reader.stream_id]

    # Writing

    async def _answer(self, action: Action, data: Any) -> None:
        await self._send({"type": "answer", "action": action.action, "data": data, **_ref(action)})

    async def _refuse(self, refusal: Refusal, action: Action | None) -> None:
        named = {} if action is None else {"action": action.action, **_ref(action)}
        await self._send({"type": "refused", "code": refusal.kind, "error": refusal.message, **named})

    async def _send(self, answer: dict[str, Any]) -> None:
        await self._write([to_json(answer)])

    async def _write(self, texts: Iterable[bytes]) -> None:
        try:
            async with asyncio.timeout(self._delivery.write_timeout_s):
                for text in texts:
                    await self._websocket.send({"type": "websocket.send", "text": text.decode()})
        except TimeoutError:
            self._cut()
            raise WebSocketDisconnect(TRY_AGAIN_LATER) from None

    async def _close_revoked(self) -> None:
        try:
            async with asyncio.timeout(self._delivery.write_timeout_s):
                await self._websocket.close(REVOKED, "the token was revoked")
        except TimeoutError:
            self._cut()
        except (WebSocketDisconnect, WebSocketDisconnected):
            return  # the connection has already ended

    def _cut(self) -> None:
        connection = connection_of(self._websocket.scope)
        if connection is not None:
            data = too_slow(self._delivery.write_timeout_s)
            connection.cut(to_json({"type": "cut", "data": data}))


class Sockets:
    """Middleware that serves the WebSockets, so that they do not pass the layers of the app.

    Those layers would hold 10 KiB for as long as a socket is open. Each action has its own scope.
    """

    def __init__(self, app: ASGIApp, everything: Everything, delivery: Delivery, max_bytes: int) -> None:
        self._app, self._everything, self._delivery, self._max_bytes = app, everything, delivery, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and route_of(scope) in SOCKETS:
            note_route(scope, SOCKET)
            websocket = WebSocket(scope, receive, send)
            await Socket(websocket, self._everything, self._delivery, self._max_bytes).run()
        else:
            await self._app(scope, receive, send)


def _ref(action: Action) -> dict[str, Any]:
    return {} if action.ref is None else {"ref": action.ref}
