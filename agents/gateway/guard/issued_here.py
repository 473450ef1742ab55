"""The answers of this node's gateway to the gateways of other nodes: about what it issued, and what it reserves."""

from collections.abc import Iterable
from typing import assert_never
from weakref import WeakValueDictionary

from actors import Caller as Calling
from actors import GenServer, NoReply, reply, spawn_link
from agents.agent_registry import find_stream
from agents.cluster.errors import Garbage
from agents.cluster.node_requests import AskAccess
from agents.gateway.errors import Refusal
from agents.gateway.guard import access
from agents.gateway.guard.access import ANSWERS, QUESTIONS, Answer, CredentialRefused, IssuedCaller, Question
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.origin import Origin
from agents.gateway.guard.page_sessions import PageSession, PageSessions
from agents.gateway.guard.tickets import Tickets, Unknown
from agents.gateway.reservations import Reservations


class IssuedHere:
    """The credentials that this node issued. known: its tickets and codes. reservations: of all nodes."""

    def __init__(self, known: Iterable[Tickets], sessions: PageSessions, reservations: Reservations) -> None:
        self._known, self._sessions = {each.noun: each for each in known}, sessions
        self._reservations = reservations
        self._callers: WeakValueDictionary[int, Caller] = WeakValueDictionary()  # that other nodes know, by id

    def caller(self, id_: int) -> Caller:
        """Return a caller that other nodes know. Raises Unknown."""
        caller = self._callers.get(id_)
        if caller is None:
            raise Unknown
        return caller

    async def answer(self, question: bytes) -> bytes | None:
        """Answer another node's question; None if this version does not know it."""
        try:
            asked = QUESTIONS.unpacked(question)
        except Garbage:
            return None
        return ANSWERS.packed(await self._answer(asked))

    async def _answer(self, question: Question) -> Answer:
        match question:
            case access.UseTicket():
                return await self._use(question)
            case access.EndTicket(key):
                await self._known["ticket"].end(key)
            case access.FindSession(key):
                session = self._sessions.of_key(key)
                return None if session is None else self._issued(session, session.page)
            case access.EndSession(id_):
                if isinstance(ended := self._callers.get(id_), PageSession):
                    self._sessions.end(ended)
            case access.WhichStand(ids):
                callers = ((id_, self._callers.get(id_)) for id_ in ids)
                return access.Standing([id_ for id_, each in callers if each is not None and not each.revoked])
            case access.Reserve(id_, user, node):
                return access.Reserved(find_stream(id_) is None and self._reservations.hold(id_, user, node))
            case access.Unreserve(id_, node):
                self._reservations.drop(id_, node)
            case _:
                assert_never(question)
        return None

    async def _use(self, question: access.UseTicket) -> Answer:
        known = self._known.get(question.noun)
        try:
            if known is None:
                return None
            ticket = known.use_by_key(question.key, question.path, question.place)
            caller = await known.confirmed(ticket)
        except Unknown:
            return None
        except Refusal as refusal:
            return CredentialRefused(refusal.status, refusal.message)
        return self._issued(caller)

    def _issued(self, caller: Caller, page: Origin | None = None) -> IssuedCaller:
        scopes = sorted(caller.scopes)
        if caller.home is not None:
            return IssuedCaller(caller.home.node, caller.home.id, caller.name, caller.user, scopes)
        self._callers[caller.id] = caller
        return IssuedCaller(None, caller.id, caller.name, caller.user, scopes, page)


class AccessServer(GenServer[IssuedHere]):
    """The process that answers other nodes. Each answer has its own process: it may need a third node."""

    def init(self, here: IssuedHere) -> IssuedHere:
        return here

    def handle_call(self, request: AskAccess, caller: Calling, here: IssuedHere) -> NoReply[IssuedHere]:
        spawn_link(_reply, here, request, caller)
        return NoReply(here)


async def _reply(here: IssuedHere, request: AskAccess, caller: Calling) -> None:
    reply(caller, await here.answer(request.question))
