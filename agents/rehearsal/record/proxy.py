"""The proxy: it passes requests to the provider and answers to the client, unchanged and at once, and records both.

The request keeps its key, which is never written.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web

from agents.rehearsal.errors import CannotListen, ErrorResponse, error_body
from agents.rehearsal.faults import cut_connection
from agents.rehearsal.listening import listen
from agents.rehearsal.record.answer import AnswerReader
from agents.rehearsal.record.cleaning import Cleaner
from agents.rehearsal.record.steps import Exchange, Record
from agents.rehearsal.request import ModelRequest, read_chat, read_responses

JSON = dict[str, Any]

HOST = "127.0.0.1"
MAX_BODY_BYTES = 64 * 2**20
SHUTDOWN_S = 0.05
CONNECT_S = 30.0
BAD_GATEWAY = 502

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "host", "accept-encoding", "content-length"}
)
"""Headers of one connection. Source: RFC 9110, 7.6.1. Compressed answers could not be read, so none are asked for."""
OF_A_RESPONSE = HOP_BY_HOP - {"content-length"} | {"date", "server"}

READERS: dict[str, Callable[[JSON], ModelRequest]] = {
    "/chat/completions": read_chat,
    "/responses": read_responses,
}
KEYS = ("authorization", "api-key", "x-api-key")


@dataclass
class Passing:
    """An exchange that passes. request: None if it is not recorded."""

    request: ModelRequest | None
    reader: AnswerReader
    began_s: float


class RecordingProxy:
    """`async with RecordingProxy(upstream, changed) as proxy` listens on loopback until the block ends.

    upstream: the base URL of the provider. changed: is called after each recorded exchange. Raises CannotListen.
    """

    def __init__(self, upstream: str, changed: Callable[[], object], port: int = 0, *, paced: bool = True) -> None:
        parts = urlsplit(upstream)
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._query = parts.query
        self._cleaner = Cleaner()
        self._changed = changed
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.port, self.record = port, Record(address, self._cleaner, paced=paced)
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/v1{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        self._http = aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
        )
        try:
            self.port = await listen(self._runner, HOST, self.port)
        except CannotListen:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def _pass(self, http: web.Request) -> web.StreamResponse:
        """Pass a request and its answer, and record them. A client that leaves ends the provider's connection, too."""
        body = await http.read()
        passing = self._passing(http, body)
        headers = [(name, value) for name, value in http.headers.items() if name.lower() not in HOP_BY_HOP]
        try:
            async with self._http.request(
                http.method,
                self._url(http),
                headers=[*headers, ("accept-encoding", "identity")],
                data=body or None,
                allow_redirects=False,
            ) as upstream:
                return await self._answer(http, upstream, passing)
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"The provider can't be reached: {type(error).__name__}"
            self._note(passing, _refused(BAD_GATEWAY, error_body(message, "api_connection_error")["error"], {}))
            return web.json_response(error_body(message, "api_connection_error"), status=BAD_GATEWAY)

    def _url(self, http: web.Request) -> str:
        query = "&".join(filter(None, (self._query, http.query_string)))
        return f"{self._base}{http.match_info['path']}" + (f"?{query}" if query else "")

    def _passing(self, http: web.Request, body: bytes) -> Passing:
        """Return the exchange of a request. Only requests that a script can answer are recorded."""
        for name in KEYS:
            self._cleaner.learn(http.headers.get(name, "").removeprefix("Bearer ").strip())
        read, request = READERS.get(http.match_info["path"]), None
        with suppress(ErrorResponse, msgspec.DecodeError, TypeError, RecursionError):
            decoded = msgspec.json.decode(body) if read and http.method == "POST" else None
            request = read(decoded) if read and isinstance(decoded, dict) else None
        streamed = request is not None and request.stream
        return Passing(request, AnswerReader(responses=read is read_responses, streamed=streamed), _now_s())

    async def _answer(
        self, http: web.Request, upstream: aiohttp.ClientResponse, passing: Passing
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
        for name, value in upstream.headers.items():
            if name.lower() not in OF_A_RESPONSE:
                response.headers.add(name, value)
        if upstream.headers.get("content-encoding", "identity") != "identity":
            passing.request = None
        body = bytearray()
        try:
            await response.prepare(http)
            async for chunk in upstream.content.iter_any():
                passing.reader.feed(chunk, _now_s())
                if upstream.status >= 400:
                    body += chunk
                await response.write(chunk)
            passing.reader.end(_now_s())
        except (asyncio.CancelledError, ConnectionResetError):  # the client has left
            ended = passing.reader.answer.ended
            self._note(passing, _fault(upstream, bytes(body), passing) if ended else _broken("stall", passing))
            raise
        except (aiohttp.ClientError, OSError) as error:
            reset = isinstance(error, OSError) or isinstance(error.__cause__, OSError)
            self._note(passing, _broken("drop" if reset else "close", passing))
            await cut_connection(http, reset=reset)
            raise ConnectionResetError from error
        self._note(passing, _fault(upstream, bytes(body), passing))
        await response.write_eof()
        return response

    def _note(self, passing: Passing, fault: JSON | None) -> None:
        if passing.request is not None:
            self.record.add(Exchange(passing.request, passing.reader.answer, passing.began_s, fault))
            self._changed()


def _fault(upstream: aiohttp.ClientResponse, body: bytes, passing: Passing) -> JSON | None:
    """Return the fault of an answer that came to its end, or None."""
    answer = passing.reader.answer
    if upstream.status >= 400:
        try:
            error = msgspec.json.decode(body).get("error")
        except (msgspec.DecodeError, AttributeError, RecursionError):
            error = None
        return _refused(upstream.status, error if isinstance(error, dict) else {}, upstream.headers)
    if answer.error is not None:
        return _broken("error_event", passing) | _error(answer.error)
    if answer.finish is None:
        return {"name": "html"} if "html" in upstream.content_type else _broken("truncate", passing)
    return None


def _broken(name: str, passing: Passing) -> JSON:
    return {"name": name, "after_tokens": len(passing.reader.answer.order)}


def _refused(status: int, error: JSON, headers: Any) -> JSON:
    fault: JSON = {"name": "refused", "status": status, **_error(error)}
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(ValueError, TypeError):
            wait_s = float(headers.get(name)) * unit_s
            if math.isfinite(wait_s) and wait_s >= 0:
                return {**fault, "retry_after_s": round(wait_s, 3)}
    return fault


def _error(error: JSON) -> JSON:
    """Return the parts of an error that a fault has. A code may be a number."""
    given = {name: error.get(name) for name in ("message", "type", "code")}
    return {name: str(value) for name, value in given.items() if isinstance(value, str | int)}


def _now_s() -> float:
    return asyncio.get_running_loop().time()
