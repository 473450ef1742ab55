"""The guard: pure ASGI around every route and every upgrade, also where the gateway is mounted in another app.

The guard checks in this order: Host, Origin, token, and the body's media type, size and speed. The guard answers
/healthz and the files of the gateway's pages itself, without a token. There is no CORS, so no page of another origin
can read an answer.
"""

import asyncio
import base64
import binascii
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.log import get_logger
from agents.gateway.errors import Refusal
from agents.gateway.guard.body import guarded_body, header_values, refuse
from agents.gateway.guard.caller import KEY, Caller
from agents.gateway.guard.origin import Allowed, host_of, origin_of
from agents.gateway.guard.token import WrongTokens
from agents.gateway.guard.tokens import Tokens
from agents.gateway.page_files import is_page, send_page

log = get_logger("understudy.gateway")

PAGES: Final = frozenset({"/docs", "/openapi.json"})
"""Pages for a browser, which may send the token as a password. No other path accepts a password."""
HEADER_BYTES: Final = 16 * 1024
LOG_PAUSE_S: Final = 1.0
ALLOW: Final = (b"allow", b"GET, HEAD")  # of /healthz

CONTENT_SECURITY_POLICY: Final = (
    b"default-src 'self'; script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """The middleware that admits or refuses each request."""

    def __init__(self, app: ASGIApp, allowed: Allowed, tokens: Tokens, max_body_bytes: int) -> None:
        self._app, self._allowed, self._tokens, self._max_body_bytes = app, allowed, tokens, max_body_bytes
        self._wrong = WrongTokens(lambda: asyncio.get_running_loop().time())
        self._logged_s = -LOG_PAUSE_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        safe_send = _with_headers(send)
        try:
            _check_size(scope)
            self._check_place(scope)
            path = path_of(scope)
            if scope["type"] == "http" and path == "/healthz":
                await _healthy(scope, receive, safe_send)
                return
            if scope["type"] == "http" and is_page(path):
                await send_page(path, scope, receive, safe_send)
                return
            caller = self._caller(scope)
            if scope["type"] == "http":
                receive = await guarded_body(scope, receive, self._max_body_bytes)
        except Refusal as refusal:
            await refuse(scope, receive, safe_send, refusal, _challenge(scope, refusal))
            return
        await self._app({**scope, KEY: caller}, receive, safe_send)

    def _check_place(self, scope: Scope) -> None:
        """Check Host and Origin. A check of Host stops DNS rebinding. Source: RFC 9110 section 7.2, 7.4; RFC 6454."""
        scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
        our_port = (scope.get("server") or (None, None))[1]
        hosts = header_values(scope, b"host")
        host = host_of(hosts[0]) if len(hosts) == 1 else None
        if host is None:
            raise Refusal(400, f"expected one Host header with a valid host, got {len(hosts)} or an invalid host")
        if not self._allowed.host(host, scheme, our_port):
            raise Refusal(421, "expected a Host that is served here: see allowed_hosts in the settings")
        for text in header_values(scope, b"origin"):
            origin = origin_of(text)
            if origin is None or not self._allowed.origin(origin, scheme, our_port):
                raise Refusal(403, "expected no Origin or an allowed one: see allowed_origins in the settings")

    def _caller(self, scope: Scope) -> Caller:
        given = header_values(scope, b"authorization")
        token = _token_in(given[0], password=_is_page(scope)) if len(given) == 1 else None
        if token is None:
            raise Refusal(401, "expected one header `Authorization: Bearer TOKEN`; the token is in the token file")
        caller = self._tokens.caller(token)
        if caller is None:
            raise self._wrong_token(scope)
        return caller

    def _wrong_token(self, scope: Scope) -> Refusal:
        address = (scope.get("client") or ("",))[0]
        if not self._wrong.too_many(address):
            return Refusal(401, "expected the token of the token file, or one of gateway.tokens, got another")
        now_s = asyncio.get_running_loop().time()
        if now_s - self._logged_s >= LOG_PAUSE_S:
            self._logged_s = now_s
            log.warning("wrong_tokens_refused", address=address)
        return Refusal(429, "too many failed tokens from this address: retry in one second")


def _check_size(scope: Scope) -> None:
    """Raise Refusal for too large a head. A server's own limit misses a head that arrives in one read."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
        raise Refusal(431, f"expected headers of at most {HEADER_BYTES} bytes in all")


def _token_in(header: str, *, password: bool) -> str | None:
    scheme, _, given = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip() or None
        case "basic" if password:
            try:
                return base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
    return None


def _is_page(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS") and path_of(scope) in PAGES


def path_of(scope: Scope) -> str:
    """Return the path within the gateway, without the prefix of a mount."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _challenge(scope: Scope, refusal: Refusal) -> list[tuple[bytes, bytes]]:
    if refusal.status != 401:
        return []
    return [(b"www-authenticate", b'Basic realm="the token"' if _is_page(scope) else b"Bearer")]


def _with_headers(send: Send) -> Send:
    async def safe_send(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            own = {name for name, _ in message.get("headers", ())}
            message["headers"] = [*message.get("headers", ()), *(each for each in HEADERS if each[0] not in own)]
        await send(message)

    return safe_send


async def _healthy(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        await refuse(scope, receive, send, Refusal(405, "expected GET or HEAD, got another method"), [ALLOW])
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}' if scope["method"] != "HEAD" else b""})
