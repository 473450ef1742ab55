"""The rehearsal server: OpenAI's HTTP API, answered from a script."""

import asyncio
import secrets
import signal
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypedDict

import msgspec
from aiohttp import web

from agents.rehearsal import chat, responses
from agents.rehearsal.director import Director
from agents.rehearsal.errors import ErrorResponse, invalid_api_key
from agents.rehearsal.listening import listen
from agents.rehearsal.loop_thread import LoopThread
from agents.rehearsal.playback import play
from agents.rehearsal.script import Script
from agents.rehearsal.wire import WireFormat

MAX_BODY_BYTES = 64 * 2**20
ENDING = (signal.SIGINT, signal.SIGTERM)
SHUTDOWN_S = 0.05  # then streams are cut; 0 would mean no limit to aiohttp

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint(TypedDict):
    """The address of a server and a key that it accepts, under the names that start_agent and OpenAI clients use."""

    base_url: str
    api_key: str


class RehearsalServer:
    """`async with RehearsalServer(script) as server` serves on the running loop until the block ends.

    `with` does the same for blocking code, on the server's own thread.
    port: 0 chooses a free port. api_key: None accepts any key, or no key. Raises CannotListen, an OSError.
    """

    def __init__(self, script: Script, host: str = "127.0.0.1", port: int = 0, api_key: str | None = None) -> None:
        self.host = host
        self.port = port
        self._api_key = api_key
        self._director = Director(script)
        self._runner = web.AppRunner(
            self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
        )

    @property
    def script(self) -> Script:
        return self._director.script

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI client."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    @property
    def endpoint(self) -> Endpoint:
        """base_url and api_key, for start_agent or an OpenAI client: `start_agent(model="echo", **server.endpoint)`."""
        return {"base_url": self.base_url, "api_key": self._api_key or "rehearsal"}

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The decoded bodies of the last requests, oldest first, also of refused ones."""
        return list(self._director.requests)

    @property
    def cancelled(self) -> list[str]:
        """The ids of the background responses that were cancelled, in order."""
        return list(self._director.background.cancelled)

    async def __aenter__(self) -> Self:
        self.port = await listen(self._runner, self.host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server, and cut streams that still run."""
        await self._runner.cleanup()

    def __enter__(self) -> Self:
        self._thread = LoopThread("rehearsal server")
        try:
            return self._thread.run(self.__aenter__())
        except BaseException:
            self._thread.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._thread.run(self.__aexit__(kind, error, trace))
        finally:
            self._thread.stop()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_in_openai_shape], client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.get("/healthz", self._health),
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat_completions),
                web.post("/v1/responses", self._responses),
                web.get("/v1/responses/{id}", self._resume),
                web.post("/v1/responses/{id}/cancel", self._cancel),
            ]
        )
        app.on_response_prepare.append(_number)
        return app

    async def _health(self, _http: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _models(self, http: web.Request) -> web.Response:
        self._check_key(http)
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "rehearsal"} for name in self.script.models]
        return web.json_response({"object": "list", "data": data})

    async def _chat_completions(self, http: web.Request) -> web.StreamResponse:
        return await self._answer(http, chat)

    async def _responses(self, http: web.Request) -> web.StreamResponse:
        return await self._answer(http, responses)

    async def _answer(self, http: web.Request, api: WireFormat) -> web.StreamResponse:
        key = self._check_key(http)
        return await play(http, self._director.answer(api, await _body(http), key))

    async def _resume(self, http: web.Request) -> web.StreamResponse:
        self._check_key(http)
        after = http.query.get("starting_after", "-1")
        if not after.removeprefix("-").isdecimal():
            raise ErrorResponse(
                400, f"Invalid 'starting_after': expected an integer, got '{after}'.", param="starting_after"
            )
        stream = http.query.get("stream") == "true"
        return await play(http, self._director.resume(http.match_info["id"], int(after), stream=stream))

    async def _cancel(self, http: web.Request) -> web.Response:
        self._check_key(http)
        return web.json_response(self._director.background.cancel(http.match_info["id"]))

    def _check_key(self, http: web.Request) -> str:
        given = http.headers.get("authorization", "").removeprefix("Bearer ")
        if self._api_key is not None and not secrets.compare_digest(given.encode(), self._api_key.encode()):
            raise invalid_api_key(given)
        return given


async def serve(
    script: Script, say: Callable[[str], object], host: str = "127.0.0.1", port: int = 0, api_key: str | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. say: is given the line that says where the server listens, once it does."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with RehearsalServer(script, host, port, api_key) as server:
        for number in ENDING:
            loop.add_signal_handler(number, stopped.set)
        try:
            say(f"rehearsal server on {server.base_url}")
            await stopped.wait()
        finally:
            for number in ENDING:
                loop.remove_signal_handler(number)


async def _number(_http: web.Request, response: web.StreamResponse) -> None:
    response.headers["x-request-id"] = f"req_{secrets.token_hex(12)}"


async def _body(http: web.Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await http.read())
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ErrorResponse(400, f"We could not parse the JSON body of your request: {exc}") from exc
    if not isinstance(body, dict):
        raise ErrorResponse(400, "Expected a JSON object as the body of your request")
    return body


@web.middleware
async def _in_openai_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal in OpenAI's shape, also those of the HTTP layer."""
    try:
        return await handler(request)
    except ErrorResponse as exc:
        refusal = exc
    except web.HTTPException as exc:
        refusal = ErrorResponse(exc.status, f"{exc.reason} ({request.method} {request.path})")
    except ConnectionResetError:
        return web.Response()  # the connection is gone, by a fault or by the client
    return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)
