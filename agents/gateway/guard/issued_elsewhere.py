"""Credentials that another node of the cluster issued. The node that issued one decides about it.

A client's next connection may land on any node. A ticket or a code is used by its issuer, so it works once in the whole
cluster. A caller counts for FRESH_S after its issuer confirmed it. The callers of open streams and WebSockets are
confirmed every CHECK_S. If an issuer has ended, so has all that it issued.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

from actors import CallFailed
from actors.log import get_logger
from agents.cluster.errors import Garbage
from agents.cluster.node_requests import AskAccess
from agents.gateway.errors import Refusal
from agents.gateway.guard import access
from agents.gateway.guard.access import ANSWERS, QUESTIONS, CredentialRefused, IssuedCaller, Question, key_of
from agents.gateway.guard.caller import Caller, Home
from agents.gateway.guard.issued_here import IssuedHere
from agents.gateway.guard.page_sessions import PageSession
from agents.gateway.guard.place import Place
from agents.gateway.guard.tickets import End, Seal, Unknown
from agents.instance.elsewhere import NoAnswer, NodeEnded, OtherNodes, other_nodes

CHECK_S: Final = 2.0
FRESH_S: Final = 3.0  # above CHECK_S, so that no request waits for the issuer of a caller that is checked
LOST_S: Final = 6.0  # without an answer of a living issuer, after which a caller is revoked
RETRY_S: Final = 1

log = get_logger("understudy.gateway")


async def seal_of_node() -> Seal:
    """Return the seal of this node; without a cluster, secrets stay as they are."""
    nodes = await _nodes()
    return str if nodes is None else nodes.seal


class IssuedElsewhere:
    """The callers of other nodes' credentials. here: what this node issued."""

    def __init__(self, here: IssuedHere) -> None:
        self._here = here
        self._sessions: WeakValueDictionary[bytes, PageSession] = WeakValueDictionary()  # by the hash of the cookie
        self._watched: dict[int, set[Caller]] = {}  # by the epoch of the issuer
        self._watches: dict[int, asyncio.Task[None]] = {}

    # Requests

    async def use(self, noun: str, secret: str, path: str, place: Place) -> tuple[Caller, End]:
        """Return the caller of a ticket or code, and the function that ends it. Raises Unknown and Refusal."""
        nodes, node = await _issuer(secret)
        key = key_of(secret)
        try:
            answer = await _asked_for_client(nodes, node, access.UseTicket(noun, key, path, place))
        except NodeEnded:
            raise Refusal(401, f"the node that issued this {noun} has ended: request a new one") from None
        match answer:
            case IssuedCaller():
                return self._caller(nodes, node, answer), partial(_end_ticket, nodes, node, key)
            case CredentialRefused(status, message):
                raise Refusal(status, message)
        raise Unknown

    async def session(self, secret: str) -> PageSession | None:
        """Return the page session of a cookie, or None. Raises Refusal if its issuer does not answer."""
        key = key_of(secret)
        if (session := self._sessions.get(key)) is None:
            session = await self._found(secret, key)
        else:
            await self.confirm(session)
        return None if session is None or session.revoked else session

    async def _found(self, secret: str, key: bytes) -> PageSession | None:
        try:
            nodes, node = await _issuer(secret)
            answer = await _asked_for_client(nodes, node, access.FindSession(key))
        except (Unknown, NodeEnded):
            return None
        if not isinstance(answer, IssuedCaller) or answer.page is None:
            return None
        known = self._sessions.get(key)  # of a request that asked at the same time
        if known is None:
            caller = self._caller(nodes, node, answer)
            self._sessions[key] = known = PageSession(caller, answer.page, secret, caller.home)
        self.watch(known)
        return known

    async def end(self, session: PageSession, home: Home) -> None:
        """End a page session at its issuer and here. Raises Refusal if the issuer does not answer."""
        with suppress(NodeEnded):
            await _asked_for_client(await _nodes(), home.node, access.EndSession(home.id))
        session.revoke()

    # Callers

    def _caller(self, nodes: OtherNodes, node: int, issued: IssuedCaller) -> Caller:
        """Return the caller of an answer. node: that answered. Raises Unknown."""
        if issued.node == nodes.epoch:
            return self._here.caller(issued.id)
        home = Home(node if issued.node is None else issued.node, issued.id, time.monotonic(), self)
        return Caller(issued.name, issued.user, issued.scopes, home)

    async def confirm(self, caller: Caller) -> None:
        """Ask the issuer of a caller again if its last answer is too old. Raises Refusal if it does not answer."""
        home = caller.home
        if home is None or caller.revoked or time.monotonic() - home.confirmed_s < FRESH_S:
            return
        try:
            answer = await _asked_for_client(await _nodes(), home.node, access.WhichStand([home.id]))
        except NodeEnded:
            answer = None
        _take([caller], answer)
        self.watch(caller)

    def watch(self, caller: Caller) -> None:
        """Confirm the caller again and again while it is in use."""
        if caller.home is None or caller.revoked:
            return
        node = caller.home.node
        self._watched.setdefault(node, set()).add(caller)
        if node not in self._watches:
            self._watches[node] = asyncio.create_task(self._watch_node(node))

    async def _watch_node(self, node: int) -> None:
        try:
            while callers := self._watched[node]:
                await asyncio.sleep(CHECK_S)
                callers -= {each for each in callers if each.revoked or not each.in_use}
                await _confirm_all(node, list(callers))
        finally:
            del self._watches[node]
            for caller in self._watched.pop(node):  # none, unless this task was cancelled
                caller.revoke()


async def _confirm_all(node: int, callers: list[Caller]) -> None:
    """Ask a node which of its callers stand, and revoke the others."""
    if not callers:
        return
    ids = {caller.home.id for caller in callers if caller.home is not None}
    answer = None
    try:
        answer = await _asked(await _nodes(), node, access.WhichStand(list(ids)))
    except NodeEnded:
        log.info("issuer_ended", node=node)
    except NoAnswer as none:
        log.warning("issuer_did_not_answer", node=node, reason=str(none))
        lost_s = time.monotonic() - LOST_S
        callers = [caller for caller in callers if caller.home is not None and caller.home.confirmed_s < lost_s]
    _take(callers, answer)


def _take(callers: Iterable[Caller], answer: Any) -> None:
    """Revoke the callers that the answer to WhichStand does not have."""
    standing = set(answer.ids) if isinstance(answer, access.Standing) else set()
    for caller in callers:
        if caller.home is None or caller.home.id not in standing:
            caller.revoke()
        else:
            caller.home.confirmed_s = time.monotonic()


# Questions


async def _nodes() -> OtherNodes | None:
    """Return the other nodes; None while the cluster's processes are restarted."""
    try:
        return await other_nodes()
    except CallFailed:
        return None


async def _issuer(secret: str) -> tuple[OtherNodes, int]:
    """Return the nodes, and the epoch of the other node that issued a secret. Raises Unknown."""
    nodes = await _nodes() if "." in secret else None
    node = None if nodes is None else nodes.issuer_of(secret)
    if nodes is None or node is None or node == nodes.epoch:
        raise Unknown
    return nodes, node


async def _end_ticket(nodes: OtherNodes, node: int, key: bytes) -> None:
    try:
        await _asked(nodes, node, access.EndTicket(key))
    except (NodeEnded, NoAnswer) as failed:
        log.info("ticket_not_ended", node=node, reason=str(failed))  # it ends with its time


async def _asked_for_client(nodes: OtherNodes | None, node: int, question: Question) -> Any:
    """Return the answer of a node. Raises NodeEnded, and Refusal if the node does not answer."""
    try:
        return await _asked(nodes, node, question)
    except NoAnswer as none:
        log.warning("issuer_did_not_answer", node=node, reason=str(none))
        words = "the node that issued this ticket, code or session does not answer: retry later"
        raise Refusal(503, words, retry_after_s=RETRY_S) from None


async def _asked(nodes: OtherNodes | None, node: int, question: Question) -> Any:
    """Return the answer of a node. Raises NodeEnded and NoAnswer."""
    if nodes is None:
        raise NoAnswer("the processes of the cluster are restarted")
    answer = await nodes.ask_epoch(node, AskAccess(QUESTIONS.packed(question)))
    try:
        if answer is not None:
            return ANSWERS.unpacked(answer)
    except Garbage as garbage:
        raise NoAnswer(f"node {node}: {garbage}") from None
    raise NoAnswer(f"node {node} does not answer for what it issued")
