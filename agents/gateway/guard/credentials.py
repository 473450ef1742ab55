"""The callers of requests, by their credentials: a token, a ticket in the address, or the cookie of a page session.

A request with the header Authorization counts by this header only, whatever else it has. There is one exception: a
browser that has opened /docs sends the password with all later requests, where it counts for nothing.
"""

import base64
import binascii
import re
import time
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from actors.log import get_logger
from agents.gateway.errors import Refusal
from agents.gateway.guard.body import header_values
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.issued_elsewhere import IssuedElsewhere, seal_of_node
from agents.gateway.guard.issued_here import IssuedHere
from agents.gateway.guard.page_sessions import PageSession, PageSessions
from agents.gateway.guard.place import Place
from agents.gateway.guard.tickets import End, Tickets, Unknown
from agents.gateway.guard.token import WrongTokens
from agents.gateway.guard.tokens import Tokens
from agents.gateway.reservations import Reservations

log = get_logger("understudy.gateway")

TICKET_S: Final = 30
STREAM_TICKET_S: Final = 600
CODE_S: Final = 60
PRINTED_CODE_S: Final = 600  # of the address that a starting daemon prints: a person opens it later
TICKETS: Final = 100  # of one user at a time
CODES: Final = 20

SOCKET: Final = "/ws"
SOCKETS: Final = frozenset({SOCKET, "/"})
"""The paths of the WebSocket. Both accept its tickets."""
LOGIN: Final = "/login"
EVENTS: Final = re.compile(r"/streams/[A-Za-z0-9._~-]+/events")
ASK: Final = re.compile(r"/agents/[A-Za-z0-9._~-]+/stream")
"""The path by which EventSource sends a message. Its GET has an effect, so it accepts no cookie."""
PAGES: Final = frozenset({"/docs", "/openapi.json"})
"""Pages for a browser, which may send the token as a password. No other path accepts a password."""

NO_CREDENTIALS: Final = "expected one header `Authorization: Bearer TOKEN`; the token is in the token file"
LOG_PAUSE_S: Final = 1.0


class NoCredentials(Refusal):
    """The request has no credentials that count."""


class Credentials:
    """All credentials of a gateway. They outlive its settings. token: the install's token.

    here: the answers to the gateways of other nodes, about what this one issued and about its reservations.
    """

    def __init__(self, token: str, reservations: Reservations) -> None:
        self.tokens = Tokens(token)
        self._page_sessions = PageSessions()
        self._tickets = Tickets("ticket", TICKETS, time.monotonic)
        self._codes = Tickets("code", CODES, time.monotonic)
        self.here = IssuedHere((self._tickets, self._codes), self._page_sessions, reservations)
        self._elsewhere = IssuedElsewhere(self.here)
        self._wrong = WrongTokens(time.monotonic)
        self._logged_s = -LOG_PAUSE_S

    # Callers of requests

    async def caller(self, scope: Scope, path: str, place: Place) -> tuple[Caller, End | None]:
        """Return the caller of a request, and the end of the ticket that the request used. Raises Refusal.

        path: within the gateway. A ticket is removed from the scope, so that no log has it.
        """
        address = address_of(scope)
        tickets = _taken_tickets(scope, path)
        given = header_values(scope, b"authorization")
        if given and not _is_password_elsewhere(scope, path, given):
            token = _token_in(given[0]) if len(given) == 1 else None
            if token is None:
                raise Refusal(401, NO_CREDENTIALS)
            return self.of_token(token, address), None
        if tickets:
            return await self._used(self._tickets, tickets, _ticket_path(path), place, address)
        if _sends_message(scope, path):
            raise NoCredentials(401, "expected a ticket of POST /tickets, or a header `Authorization: Bearer TOKEN`")
        session = await self._page_sessions.of_cookie(scope, place, self._elsewhere.session)
        if session is not None:
            return session, None
        raise NoCredentials(401, NO_CREDENTIALS)

    def of_token(self, token: str, address: str) -> Caller:
        """Return the caller of a token. Raises Refusal, and counts the wrong tokens of an address."""
        caller = self.tokens.caller(token)
        if caller is None:
            raise self._wrong_secret("the token of the token file, or one of gateway.tokens", address)
        return caller

    async def of_code(self, code: str, place: Place, address: str) -> Caller:
        """Return the caller of a one-time code, which this use ends. Raises Refusal as for a token."""
        caller, _end = await self._used(self._codes, [code], LOGIN, place, address)
        return caller

    # New credentials

    async def ticket(
        self, caller: Caller, place: Place, stream_id: str | None, agent_id: str | None = None
    ) -> tuple[str, int]:
        """Return a ticket of a caller, and its life in seconds.

        stream_id: of the stream to read. agent_id: of the agent for one message. Without either, the ticket is for the
        WebSocket. It belongs to the page that requests it. If no page does, it belongs to the first one that uses it.
        """
        seal = await seal_of_node()
        if stream_id is None:
            path = SOCKET if agent_id is None else f"/agents/{agent_id}/stream"
            return self._tickets.issue(caller, path, TICKET_S, origin=place.origin, seal=seal), TICKET_S
        path, life_s = f"/streams/{stream_id}/events", STREAM_TICKET_S
        return self._tickets.issue(caller, path, life_s, origin=place.origin, once=False, seal=seal), life_s

    async def code(self, caller: Caller, life_s: int = CODE_S) -> str:
        """Return a one-time code with which a person logs in on the gateway's page with the caller's rights."""
        return self._codes.issue(caller, LOGIN, life_s, seal=await seal_of_node())

    async def begin_session(self, caller: Caller, place: Place) -> tuple[PageSession, str]:
        """Return a new page session and its secret."""
        return self._page_sessions.begin(caller, place.page, await seal_of_node())

    async def end_session(self, session: PageSession) -> None:
        """End a session, its open streams and its WebSockets. Raises Refusal if its node does not answer."""
        if session.home is None:
            self._page_sessions.end(session)
        else:
            await self._elsewhere.end(session, session.home)

    # Wrong ones

    async def _used(
        self, known: Tickets, secrets: list[str], path: str, place: Place, address: str
    ) -> tuple[Caller, End]:
        try:
            if len(secrets) == 1:
                return await self._use(known, secrets[0], path, place)
        except Unknown:
            pass
        raise self._wrong_secret(f"one {known.noun} of this daemon", address)

    async def _use(self, known: Tickets, secret: str, path: str, place: Place) -> tuple[Caller, End]:
        try:
            ticket = known.use(secret, path, place)
        except Unknown:
            return await self._elsewhere.use(known.noun, secret, path, place)
        return await known.confirmed(ticket), ticket.end

    def _wrong_secret(self, expected: str, address: str) -> Refusal:
        """Count a wrong token, ticket or code, and return the refusal. expected: the right one, in words."""
        if not self._wrong.too_many(address):
            return Refusal(401, f"expected {expected}, got another")
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_PAUSE_S:
            self._logged_s = now_s
            log.warning("wrong_tokens_refused", address=address)
        return Refusal(429, "too many failed tokens from this address: retry in one second")


def address_of(scope: Scope) -> str:
    """Return the client's address, by which wrong tokens are counted."""
    return str((scope.get("client") or ("",))[0])


def is_page_for_people(scope: Scope, path: str) -> bool:
    """Return whether a request is for a page that accepts the token as a password."""
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS") and path in PAGES


def _ticket_path(path: str) -> str:
    return SOCKET if path in SOCKETS else path


def _taken_tickets(scope: Scope, path: str) -> list[str]:
    """Remove the tickets from the address in the scope, and return them if the path accepts tickets."""
    query = scope.get("query_string", b"")
    if b"ticket" not in query:
        return []
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    scope["query_string"] = urlencode([pair for pair in pairs if pair[0] != "ticket"]).encode()
    return [value for name, value in pairs if name == "ticket"] if _takes_tickets(scope, path) else []


def _takes_tickets(scope: Scope, path: str) -> bool:
    if scope["type"] == "websocket":
        return path in SOCKETS
    return _sends_message(scope, path) or (scope["method"] == "GET" and EVENTS.fullmatch(path) is not None)


def _sends_message(scope: Scope, path: str) -> bool:
    """Return whether a GET sends a message to an agent."""
    return scope["type"] == "http" and scope["method"] == "GET" and ASK.fullmatch(path) is not None


def _is_password_elsewhere(scope: Scope, path: str, given: list[str]) -> bool:
    """Return whether the header is a password on a path that accepts none. Source: RFC 7617, section 2.2."""
    password = len(given) == 1 and given[0].partition(" ")[0].lower() == "basic"
    return password and not is_page_for_people(scope, path)


def _token_in(header: str) -> str | None:
    scheme, _, given = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip() or None
        case "basic":
            try:
                return base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
    return None
