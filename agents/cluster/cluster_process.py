"""The process `cluster`: it listens for other nodes, and knows the agents of other nodes."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Final, TypeVar

from msgspec import Struct

from actors import Caller, Error, GenServer, Pid, Reply, StartFailed, call, whereis
from actors.log import get_logger
from agents.agent_registry import find_agent
from agents.cluster.asking import ask_node
from agents.cluster.counts import NODE_COUNTS
from agents.cluster.errors import ClusterError, HandshakeRefused
from agents.cluster.link.address import PeerNode
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.link import Link
from agents.cluster.link.server import listening
from agents.cluster.links import CountLinks, LinkTo
from agents.cluster.listen_address import advertised, listen_address
from agents.cluster.node_links import LINKS
from agents.cluster.node_requests import NodeRequest, WakeSession, answered_here
from agents.cluster.own_node import OwnNode
from agents.cluster.placement import NodeLoad, place
from agents.cluster.remote import Remote
from agents.cluster.seal import issuer_of, sealed
from agents.instance.elsewhere import ClusterFigures, NoAnswer, NodeEnded, OpenOtherNodes, UnknownNode
from agents.sessions import SessionError, StoreUnavailable
from agents.settings import Settings
from supervisors import AlreadyStarted, count_children
from supervisors.dynamic_supervisor import start_child

STAND_INS: Final = "stand_ins"
CHECKED_PEERS: Final = 3
CHECK_S: Final = 2.0
EACH_S: Final = 1.0  # for each of several nodes: one that is stopped must not hold up a list

CHANCE: Final = Random()  # noqa: S311 (load, no secret)

T = TypeVar("T")

log = get_logger("understudy.cluster")


class ClusterNode(Struct, frozen=True):
    """The other nodes, as functions of this node see them: see OtherNodes.

    known: the living other nodes by epoch, as the store had them last.
    """

    node: OwnNode
    remote: Remote
    known: dict[int, PeerNode] = {}

    @property
    def epoch(self) -> int:
        return self.node.me.epoch

    async def agent_of(self, session_id: str) -> Pid | None:
        """Return the stand-in of the session's agent; None unless another living node owns the session.

        Raises StoreUnavailable.
        """
        known = await self.node.other_owner(session_id)
        if known is None:
            return None
        session = await self.node.store.session(session_id)
        user = None if session is None else session.owner
        try:
            pid = await start_child(STAND_INS, session_id, self.remote, user, known)
        except AlreadyStarted as other:
            return other.pid
        except StartFailed as failed:
            if isinstance(failed.reason, AlreadyStarted):
                return failed.reason.pid
            raise
        return pid if isinstance(pid, Pid) else find_agent(session_id)

    async def wake(self, session_id: str) -> bool:
        """Let a node with clearly less load wake a free session. Return False if this node is to do it.

        In SQLite the nodes do not know each other's load.
        """
        own = self.node.nodes
        if not (own.draining or self.node.store.has_server):
            return False
        loads = [NodeLoad(each.epoch, each.load, each.drains) for each in await self.node.living()]
        here = NodeLoad(self.node.me.epoch, own.load(), own.draining)
        chosen = place(here, [each for each in loads if each.epoch != here.epoch], CHANCE)
        if chosen is None or chosen is here:
            return False
        peer = next((each for each in await self.node.others() if each.epoch == chosen.epoch), None)
        try:
            return peer is not None and await ask_node(self.remote.links, peer, WakeSession(session_id))
        except NoAnswer as none:
            log.warning("session_not_placed", session=session_id, reason=str(none))
            return False

    async def ask_all(self, request: NodeRequest[T]) -> list[T]:
        """Return the answers of the other nodes that answer."""
        try:
            peers = await self.node.others()
        except StoreUnavailable as unavailable:
            log.warning("nodes_not_asked", reason=str(unavailable))
            return []
        asked = [ask_node(self.remote.links, peer, request, EACH_S) for peer in peers]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, NoAnswer):
                log.warning("node_did_not_answer", reason=str(outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    async def figures(self) -> ClusterFigures:
        return ClusterFigures(
            links=await call(self.remote.links, CountLinks()),
            stand_ins=(await count_children(STAND_INS)).active,
            frames={"in": COUNTS.frames_in, "out": COUNTS.frames_out},
            events={"in": COUNTS.events_in, "out": COUNTS.events_out},
            bytes={"in": COUNTS.bytes_in, "out": COUNTS.bytes_out},
            credit_stalls=COUNTS.stalls,
            nodes=Counter(node.state for node in await self.node.living()),
            taken_over=NODE_COUNTS.taken_over,
            handed_over=NODE_COUNTS.handed_over,
            declared_dead=NODE_COUNTS.declared_dead,
        )

    async def ask(self, node: str, request: NodeRequest[T]) -> T:
        """Return the answer of the node with this name. Raises UnknownNode, NoAnswer and StoreUnavailable."""
        if node == self.node.me.name:
            answer: T = await answered_here(request)
            return answer
        peers = {peer.name: peer for peer in await self.node.others()}
        if node not in peers:
            raise UnknownNode(node, sorted([*peers, self.node.me.name]))
        return await ask_node(self.remote.links, peers[node], request)

    async def ask_epoch(self, epoch: int, request: NodeRequest[T]) -> T:
        """Return the answer of another node. Raises NodeEnded, and NoAnswer.

        While the store is away, the node is asked at its last known address.
        """
        try:
            known = {peer.epoch: peer for peer in await self.node.others()}
            self.known.clear()
            self.known.update(known)
        except StoreUnavailable as unavailable:
            if epoch not in self.known:
                raise NoAnswer(f"node {epoch}: {unavailable}") from None
        if (peer := self.known.get(epoch)) is None:
            raise NodeEnded(f"expected the epoch of another living node, got {epoch}")
        return await ask_node(self.remote.links, peer, request)

    def seal(self, text: str) -> str:
        return sealed(self.node.me.secret, self.epoch, text)

    def issuer_of(self, given: str) -> int | None:
        return issuer_of(self.node.me.secret, given)


class ClusterState(Struct, frozen=True):
    """listener: what ends the listening."""

    cluster: ClusterNode
    listener: AsyncExitStack


class ClusterProcess(GenServer[ClusterState]):
    """The process. A start fails with a ClusterError of one line."""

    trap_exit = True

    async def init(self, settings: Settings) -> ClusterState | Error:
        listener, links = AsyncExitStack(), whereis(LINKS)
        assert links is not None, "the links are an earlier child"
        try:
            node = await OwnNode.open(settings)
            bound = await listener.enter_async_context(_listening(settings, node, links))
            await node.nodes.advertise(str(advertised(settings, bound)))
            await _check_peers(node, links)
        except (ClusterError, SessionError) as failed:
            await listener.aclose()
            return Error(failed)
        failover_s = settings.cluster.failover_wait / 1000
        remote = Remote(links, node.owner_of, node.read, failover_s, settings.streaming.buffer_size)
        log.info("node_listens", node=node.me.name, epoch=node.me.epoch, address=str(bound))
        return ClusterState(ClusterNode(node, remote), listener)

    def handle_call(self, request: OpenOtherNodes, caller: Caller, state: ClusterState) -> Reply[ClusterState]:
        return Reply(state.cluster, state)

    async def terminate(self, reason: Any, state: ClusterState) -> None:
        await state.listener.aclose()


def _listening(settings: Settings, node: OwnNode, links: Pid) -> Any:
    return listening(listen_address(settings, node.me.epoch), node.me, links, node.lives, node.protection)


async def _check_peers(node: OwnNode, links: Pid) -> None:
    """Raise HandshakeRefused if the first other node that answers does not accept this one, or is of another cluster.

    A node that does not answer says nothing about this one.
    """
    peers = (await node.others())[:CHECKED_PEERS]
    asked = [asyncio.create_task(call(links, LinkTo(peer), None)) for peer in peers]
    refused: HandshakeRefused | None = None
    try:
        for answer in asyncio.as_completed(asked, timeout=CHECK_S):
            result: Link | ClusterError = await answer
            if isinstance(result, Link):
                return
            refused = result if isinstance(result, HandshakeRefused) else refused
    except TimeoutError:
        log.warning("nodes_do_not_answer", nodes=_names(peers))
    finally:
        for task in asked:
            task.cancel()
    if refused is not None:
        raise refused


def _names(peers: Sequence[PeerNode]) -> list[str]:
    return [str(peer) for peer in peers]
