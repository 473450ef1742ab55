"""Sessions of people on the gateway's own page, each with a cookie. Every write also has an anti-forgery header.

The cookie is HttpOnly, SameSite=Strict, and without a lifetime of its own, so a browser keeps it in memory. Its name
has the port, since browsers send a host's cookies to all of its ports.
"""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from starlette.types import Scope

from agents.gateway.errors import Refusal
from agents.gateway.guard.access import key_of
from agents.gateway.guard.body import SAFE, header_values
from agents.gateway.guard.caller import Caller, Home
from agents.gateway.guard.origin import Origin
from agents.gateway.guard.place import Place
from agents.gateway.guard.tickets import Seal

SESSION_S: Final = 12 * 3600.0
MOST: Final = 32  # of one user at a time
NO_CSRF: Final = "expected the header `X-CSRF-Token` with the csrf of this page's login, which GET /me shows"


class PageSession(Caller):
    """A caller that logged in on the gateway's own page, with the rights of its token.

    page: the origin of the page. csrf: the value of the anti-forgery header, which every node derives from the secret.
    """

    def __init__(self, of: Caller, page: Origin, secret: str, home: Home | None = None) -> None:
        super().__init__(of.name, of.user, of.scopes, home)
        self.page, self.csrf = page, hmac.digest(secret.encode(), b"csrf", "sha256").hex()

    @property
    def cookie_name(self) -> str:
        prefix = "__Host-" if self.page.scheme == "https" else ""
        return f"{prefix}understudy-{self.page.port}"

    def cookie(self, secret: str) -> str:
        """Return the header Set-Cookie. secret: "" removes the cookie."""
        attributes = "; Path=/; HttpOnly; SameSite=Strict"
        secure = "; Secure" if self.page.scheme == "https" else ""
        return f"{self.cookie_name}={secret}{attributes}{secure}{'' if secret else '; Max-Age=0'}"


Elsewhere: TypeAlias = Callable[[str], Awaitable[PageSession | None]]
"""Returns the page session of a cookie of another node, or None."""


class PageSessions:
    """The page sessions of all users, in memory. A restart of the daemon ends them."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, PageSession] = {}  # by the hash of the cookie, the oldest first

    def begin(self, of: Caller, page: Origin, seal: Seal = str) -> tuple[PageSession, str]:
        """Return a new session and its secret. It ends after SESSION_S, or when the token of its caller is revoked.

        If the user has MOST sessions, the oldest ends.
        """
        own = [key for key, each in self._sessions.items() if each.user == of.user]
        for key in own[: max(0, len(own) + 1 - MOST)]:
            self._end(key)
        secret = seal(secrets.token_urlsafe(32))
        session, key = PageSession(of, page, secret), key_of(secret)
        end = partial(self._end, key)
        timer = asyncio.get_running_loop().call_later(SESSION_S, end)
        session.when_revoked(timer.cancel)
        session.when_revoked(partial(of.forget, end))
        self._sessions[key] = session
        of.when_revoked(end)
        return session, secret

    def of_key(self, key: bytes) -> PageSession | None:
        """Return the session of a cookie with this hash, or None."""
        return self._sessions.get(key)

    async def of_cookie(self, scope: Scope, place: Place, elsewhere: Elsewhere) -> PageSession | None:
        """Return the session of the request's cookie. A cookie counts only for the page that logged in.

        Raises Refusal for a write without the anti-forgery header. A browser sends the cookie also for a page of
        another port of this host, whose request is answered as one without a cookie.
        """
        if scope["type"] == "websocket" and place.origin is None:
            return None  # a browser's upgrade always has an Origin
        for name, secret in _cookies(scope):
            session = self.of_key(key_of(secret)) or await elsewhere(secret)
            if session is not None and session.cookie_name == name and place.is_of(session.page):
                _check_csrf(scope, session)
                return session
        return None

    def end(self, session: PageSession) -> None:
        """End a session, its open streams and its WebSockets."""
        for key, each in tuple(self._sessions.items()):
            if each is session:
                self._end(key)

    def _end(self, key: bytes) -> None:
        if (session := self._sessions.pop(key, None)) is not None:
            session.revoke()


def _check_csrf(scope: Scope, session: PageSession) -> None:
    if scope["type"] == "websocket" or scope["method"] in SAFE:
        return
    given = header_values(scope, b"x-csrf-token")
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), session.csrf.encode()):
        raise Refusal(403, NO_CSRF)


def _cookies(scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the cookies. Source: RFC 6265, section 4.2.1."""
    for header in header_values(scope, b"cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            yield name, value
