"""The guard: pure ASGI around every route and every upgrade, also where the gateway is mounted in another app.

The guard checks in this order: Host, Origin, credentials, and the body's media type, size and speed. Without
credentials, it answers /healthz, the files of the gateway's pages, and the preflights of listed origins itself, and
admits a login and a probe of /readyz. A WebSocket of a page may send its token as the first message.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.gateway.errors import Refusal
from agents.gateway.guard.body import guarded_body, refuse
from agents.gateway.guard.body_limits import BodyLimits
from agents.gateway.guard.caller import KEY, NOBODY, Caller
from agents.gateway.guard.cors import VARY, Headers, cors_headers, is_preflight, send_preflight
from agents.gateway.guard.credentials import LOGIN, Credentials, NoCredentials, address_of, is_page_for_people
from agents.gateway.guard.first_message import authenticated, may_follow
from agents.gateway.guard.origin import Allowed
from agents.gateway.guard.place import PLACE, Place, place_of
from agents.gateway.guard.request_log import RECORD, RefusalLines, RequestRecord, note_route
from agents.gateway.guard.tickets import End
from agents.gateway.openai_api.refusals import as_asked
from agents.gateway.page_files import is_page, send_page

HEADER_BYTES: Final = 16 * 1024
HEALTH: Final = "/healthz"
READY: Final = "/readyz"
READS: Final = ("GET", "HEAD")
ALLOW: Final = (b"allow", b"GET, HEAD")  # of /healthz

CONTENT_SECURITY_POLICY: Final = (
    b"default-src 'self'; script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADS: Final = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
"""The ASGI messages with the head of an answer."""
HEADERS: Final = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """The middleware that admits or refuses each request."""

    def __init__(self, app: ASGIApp, allowed: Allowed, credentials: Credentials, limits: BodyLimits) -> None:
        self._app, self._allowed, self._credentials = app, allowed, credentials
        self._limits, self._lines = limits, RefusalLines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        record = scope[RECORD] = RequestRecord(scope, path_of(scope), self._lines)
        try:
            await self._handle(scope, receive, send, record)
        finally:
            record.end()

    async def _handle(self, scope: Scope, receive: Receive, send: Send, record: RequestRecord) -> None:
        path, more = record.path, [VARY]
        route = route_of(scope)
        send = _with_headers(send, more, record)
        try:
            _check_size(scope)
            place = place_of(scope, self._allowed)
            more += cors_headers(place)
            if await _answered(scope, path, place, receive, send):
                return
            admitted = await self._admitted(scope, route, place, receive, send)
        except Refusal as refusal:
            asked = as_asked(refusal, scope)
            await refuse(scope, receive, send, asked, _challenge(scope, route, refusal))
            return
        if admitted is not None:
            caller, receive, send = admitted
            record.caller = caller
            await self._app({**scope, KEY: caller, PLACE: place}, receive, send)

    async def _admitted(
        self, scope: Scope, route: str, place: Place, receive: Receive, send: Send
    ) -> tuple[Caller, Receive, Send] | None:
        """Return the caller of a request, and its checked messages; None if a socket has been closed."""
        caller: Caller = NOBODY
        end: End | None = None
        if not is_login(scope, route):
            try:
                caller, end = await self._credentials.caller(scope, route, place)
            except NoCredentials:
                if may_follow(scope, route, place):
                    address = address_of(scope)
                    return await authenticated(receive, send, lambda token: self._credentials.of_token(token, address))
                if not _is_probe(scope, route):
                    raise
        if scope["type"] == "http":
            receive = await guarded_body(scope, receive, self._limits.of(scope["method"], route))
        return caller, receive, send if end is None else _until_read(send, end)


def path_of(scope: Scope) -> str:
    """Return the path within the gateway, without the prefix of a mount."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def route_of(scope: Scope) -> str:
    """Return the path without a slash at its end."""
    return path_of(scope).removesuffix("/") or "/"


def is_login(scope: Scope, path: str) -> bool:
    """Return whether a request needs no credentials, because its body has them."""
    return scope["type"] == "http" and scope["method"] == "POST" and path == LOGIN


def _is_probe(scope: Scope, path: str) -> bool:
    """Return whether a request asks for READY, which needs no credentials and then tells no reason."""
    return scope["type"] == "http" and scope["method"] in READS and path == READY


def _check_size(scope: Scope) -> None:
    """Raise Refusal for too large a head. A server's own limit misses a head that arrives in one read."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
        raise Refusal(431, f"expected headers of at most {HEADER_BYTES} bytes in all")


async def _answered(scope: Scope, path: str, place: Place, receive: Receive, send: Send) -> bool:
    """Answer a request that needs no credentials, and return True. Return False for any other request."""
    if scope["type"] != "http":
        return False
    if is_preflight(scope, place):
        await send_preflight(scope, send)
    elif path == HEALTH:
        note_route(scope, path)
        await _healthy(scope, receive, send)
    elif is_page(path):
        note_route(scope, path)
        await send_page(path, scope, receive, send)
    else:
        return False
    return True


def _until_read(send: Send, end: End) -> Send:
    """Return a send that ends the ticket with the answer 204: its stream has ended, and its client has all of it."""

    async def ending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 204:
            await end()
        await send(message)

    return ending


def _challenge(scope: Scope, path: str, refusal: Refusal) -> Headers:
    if refusal.status != 401:
        return []
    return [(b"www-authenticate", b'Basic realm="the token"' if is_page_for_people(scope, path) else b"Bearer")]


def _with_headers(send: Send, more: Headers, record: RequestRecord) -> Send:
    """Return a send that adds the headers of every answer. more: those of this one, which the request determines."""

    async def safe_send(message: Message) -> None:
        kind = message["type"]
        if kind in HEADS:
            record.note_head(message)
        elif kind == "websocket.close":
            record.note_close(message.get("code", 1000))
        if kind in HEADS and kind != "websocket.accept":
            own = {name for name, _ in message.get("headers", ())}
            added = [each for each in HEADERS if each[0] not in own]
            message["headers"] = [*message.get("headers", ()), *added, *more]
        await send(message)

    return safe_send


async def _healthy(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] not in READS:
        await refuse(scope, receive, send, Refusal(405, "expected GET or HEAD, got another method"), [ALLOW])
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}' if scope["method"] != "HEAD" else b""})
