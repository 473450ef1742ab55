"""JSON-RPC messages as lines on pipes: the streams of the official client over a child's stdout and stdin."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Self

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from anyio import BrokenResourceError
    from mcp.shared.message import SessionMessage
    from mcp_types import JSONRPCRequest, jsonrpc_message_adapter

from agents.mcp.line_log import LineLog

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # a picture as base64 has a few MB
AT_ONCE: Final = 8  # messages that are read without a turn of the loop


class Pipe:
    """A stream whose closing does nothing: the transport owns the pipe."""

    async def aclose(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Incoming(Pipe):
    """The server's messages. A line that is not one is logged and skipped.

    on_end: called when the server has closed its stdout. on_excess: called with the reason, after a line too long.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        server: str,
        on_end: Callable[[], None],
        on_excess: Callable[[str], None],
    ) -> None:
        self._reader, self._on_end, self._on_excess = reader, on_end, on_excess
        self._garbage = LineLog("mcp_server_garbage", server)
        self._read = 0

    def __aiter__(self) -> "Incoming":
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        while True:
            self._read += 1
            if self._read % AT_ONCE == 0:
                await asyncio.sleep(0)  # a buffer full of lines would hold the loop, and their tasks would pile up
            line = await self._line()
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                self._garbage.add(line)

    async def receive(self) -> SessionMessage | Exception:
        return await self.__anext__()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil()
        except asyncio.LimitOverrunError:
            self._on_excess(f"it sent a line above {MAX_MESSAGE_BYTES} bytes")
        except (asyncio.IncompleteReadError, OSError):
            self._on_end()
        raise StopAsyncIteration


class Flow(asyncio.BaseProtocol):
    """The state of the pipe to the server: whether it takes more, and whether it is open."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.open = True

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self.writable.set()


class Outgoing(Pipe):
    """The messages to the server. A request waits until the server reads; a notification, which is short, does not."""

    def __init__(self, transport: asyncio.WriteTransport, flow: Flow) -> None:
        self._transport, self._flow = transport, flow

    async def send(self, item: SessionMessage, /) -> None:
        message: Any = item.message
        if isinstance(message, JSONRPCRequest):
            await self._flow.writable.wait()
        if not self._flow.open or self._transport.is_closing():
            raise BrokenResourceError
        self._transport.write(message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
