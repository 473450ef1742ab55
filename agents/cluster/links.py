"""The process that holds a node's links: it dials other nodes, and starts what serves their requests.

There is one link to a node, whichever end opened it. A link that ended is dialed again by the next LinkTo.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import (
    Caller,
    Down,
    GenServer,
    NoReply,
    Outcome,
    Pid,
    Reply,
    Request,
    Shutdown,
    exit,  # noqa: A004 (OTP's word)
    monitor,
    reply,
    send,
    spawn_link,
)
from actors.server.outcomes import Next
from agents.cluster.answering import answer_call
from agents.cluster.errors import ClusterError, Unreachable
from agents.cluster.finding import Find
from agents.cluster.judge import NodeDown
from agents.cluster.link.address import PeerNode, Protection
from agents.cluster.link.connection import IDLE_S
from agents.cluster.link.handshake import Identity
from agents.cluster.link.link import Accepted, Link, Requested
from agents.cluster.link.opening import dial
from agents.cluster.link.wire import SessionCall
from agents.cluster.loop import loop_link
from agents.cluster.relay import Relay


class LinkTo(Struct, Request[Link | ClusterError], frozen=True):
    """Get the open link to a node, and dial the node if there is none. The answer: the link, or the reason for none."""

    peer: PeerNode


class CountLinks(Struct, Request[int], frozen=True):
    """Count the open links to other nodes."""


class Dialed(Struct, frozen=True):
    """To the links, from their own dialer."""

    epoch: int
    result: Link | ClusterError


class LinksState(Struct, frozen=True):
    """links: by the epoch of the peer. waiting: the callers of LinkTo while a dialer runs."""

    me: Identity
    protection: Protection
    find: Find
    idle_s: float = IDLE_S
    links: Mapping[int, Link] = {}
    waiting: Mapping[int, tuple[Caller, ...]] = {}


class Links(GenServer[LinksState]):
    """The links of a node. The link to the node itself is in memory: a stand-in whose agent has come here uses it.

    find: finds the agents for the requests of other nodes. The node's listener names this process as its server.
    """

    trap_exit = True

    def init(self, me: Identity, protection: Protection, find: Find, idle_s: float = IDLE_S) -> LinksState:
        return LinksState(me, protection, find, idle_s)

    def handle_call(self, request: LinkTo | CountLinks, caller: Caller, state: LinksState) -> Outcome[LinksState]:
        if isinstance(request, CountLinks):
            return Reply(sum(epoch != state.me.epoch for epoch in state.links), state)
        epoch = request.peer.epoch
        link = state.links.get(epoch)
        if link is not None and not link.ended:
            return Reply(link, state)
        if request.peer.address is None:
            link = loop_link(state.me, self.pid, state.idle_s)
            return Reply(link, _with(state, link))
        waiting = state.waiting.get(epoch, ())
        if not waiting:
            spawn_link(_dial, self.pid, request.peer, state)
        return NoReply(replace(state, waiting={**state.waiting, epoch: (*waiting, caller)}))

    def handle_info(self, message: Any, state: LinksState) -> Next[LinksState]:
        match message:
            case Requested(link, request, feed):
                if isinstance(request, SessionCall):
                    spawn_link(answer_call, link, request, state.find)
                elif feed is not None:
                    Relay.start_link(link, request, feed, state.find)
            case Accepted(link):  # it may come while a dialer of this node tries in vain
                return NoReply(_with(_answered(state, link.peer.epoch, link), link))
            case Dialed(epoch, result):
                state = _answered(state, epoch, result)
                return NoReply(_with(state, result) if isinstance(result, Link) else state)
            case NodeDown(name, epoch):  # a link to a node that was stopped looks alive until its next ping
                if (gone := state.links.get(epoch)) is not None:
                    exit(gone.pid, Shutdown("the node is down"))
                return NoReply(_answered(state, epoch, Unreachable(f"node {name} is down")))
            case Down(pid=pid):
                return NoReply(replace(state, links={e: link for e, link in state.links.items() if link.pid != pid}))
        return NoReply(state)


def _answered(state: LinksState, epoch: int, result: Link | ClusterError) -> LinksState:
    """Answer the callers that wait for a link to this node."""
    for caller in state.waiting.get(epoch, ()):
        reply(caller, result)
    return replace(state, waiting={each: callers for each, callers in state.waiting.items() if each != epoch})


def _with(state: LinksState, link: Link) -> LinksState:
    """Remember the link, unless there is an open one to its peer."""
    known = state.links.get(link.peer.epoch)
    if link.ended or (known is not None and not known.ended):
        return state
    monitor(link.pid)
    return replace(state, links={**state.links, link.peer.epoch: link})


async def _dial(links: Pid, peer: PeerNode, state: LinksState) -> None:
    result: Link | ClusterError = Unreachable(f"{peer} at {peer.address}: the dialer failed")
    try:
        result = await dial(peer, state.me, links, state.protection, state.idle_s)
    except ClusterError as error:
        result = error
    finally:
        send(links, Dialed(peer.epoch, result))
