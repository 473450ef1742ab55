"""Routes of logins: a token or a one-time code becomes a session of the gateway's page, a caller gets tickets."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from actors.log import get_logger
from agents.contract.answers import AcceptedParts, Me, NewCode, NewTicket
from agents.gateway.actions import Id
from agents.gateway.document.responses import answers, json, nothing
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.credentials import CODE_S, Credentials, address_of
from agents.gateway.guard.page_sessions import PageSession
from agents.gateway.guard.place import place_in
from agents.gateway.guard.scopes import needs
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.gateway.routes.request_body import RequestBody
from agents.settings import PartSettings

Secret = Annotated[str, Field(min_length=1, max_length=1024)]

log = get_logger("understudy.gateway")


class Login(RequestBody):
    """The proof of a login: a one-time code, or a token."""

    code: Secret | None = None
    token: Secret | None = None


class TicketWanted(RequestBody):
    """The purpose of a ticket: a stream to read, or an agent to ask once by GET. Without either: the WebSocket."""

    stream_id: Id | None = None
    agent_id: Id | None = None


def login(credentials: Credentials, limits: PartSettings) -> APIRouter:
    """Return the routes. limits: of the parts of a message."""
    parts = AcceptedParts(**limits.model_dump(mode="json"))
    routes = APIRouter(tags=["login"])

    @routes.post("/login")
    @needs(None)
    @answers(json(Me), refuses=(401, 403, 422))
    async def log_in(body: Login, request: Request) -> Response:
        """Begin a session of the gateway's page: the answer has its cookie, and `csrf` for the header X-CSRF-Token."""
        place, address = place_in(request.scope), address_of(request.scope)
        if not place.is_own:
            raise Refusal(403, "expected a login from the gateway's own page, got one from another origin")
        match body:
            case Login(code=str(code), token=None):
                caller = await credentials.of_code(code, place, address)
            case Login(code=None, token=str(token)):
                caller = credentials.of_token(token, address)
            case _:
                raise Refusal(422, "body: expected either code or token, got both or neither")
        session, secret = await credentials.begin_session(caller, place)
        log.info("page_session_began", caller=caller.name, user=caller.user, address=address)
        return Json(_me(session, parts), headers={"set-cookie": session.cookie(secret)})

    @routes.post("/login/codes")
    @needs(None)
    @answers(json(NewCode, 201), refuses=(403, 429))
    async def new_code(caller: CurrentCaller) -> Response:
        """Make a one-time code with the rights of the token: the page's address is `/#code=CODE`."""
        if isinstance(caller, PageSession):
            raise Refusal(403, "expected a token, got a page session: a code would outlive it")
        return Json(NewCode(await credentials.code(caller), CODE_S), 201)

    @routes.get("/me")
    @needs(None)
    @answers(json(Me))
    async def me(caller: CurrentCaller) -> Response:
        """Show the user and the scopes of the request."""
        return Json(_me(caller, parts))

    @routes.post("/logout")
    @needs(None)
    @answers(nothing("The session has ended, or there was none."))
    async def log_out(caller: CurrentCaller) -> Response:
        """End the session of the gateway's page, its open streams and its WebSockets."""
        if not isinstance(caller, PageSession):
            return Response(status_code=204)
        await credentials.end_session(caller)
        return Response(status_code=204, headers={"set-cookie": caller.cookie("")})

    @routes.post("/tickets")
    @needs(None)
    @answers(json(NewTicket, 201), refuses=(422, 429))
    async def ticket(body: TicketWanted, caller: CurrentCaller, request: Request) -> Response:
        """Make a ticket for `/ws`, for a GET of `/agents/{agent_id}/stream`, or for `/streams/{stream_id}/events`.

        It has the rights of the request's token, and belongs to the request's origin.
        """
        if body.stream_id is not None and body.agent_id is not None:
            raise Refusal(422, "body: expected stream_id, agent_id or neither, got both")
        place = place_in(request.scope)
        secret, life_s = await credentials.ticket(caller, place, body.stream_id, body.agent_id)
        return Json(NewTicket(secret, life_s), 201)

    return routes


def _me(caller: Caller, parts: AcceptedParts) -> Me:
    csrf = caller.csrf if isinstance(caller, PageSession) else None
    return Me(caller.user, sorted(caller.scopes), csrf, parts)
