"""Agents of other nodes of the cluster: the port by which this node's functions reach them.

agents/cluster implements it. A stand-in is a process on this node that answers for such an agent. Without a cluster,
and while the cluster's processes are restarted, no other node is known; the store then refuses what is not this node's.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct

from actors import CallFailed, Pid, Request, Shutdown, call, sys, unregister, whereis
from agents.agent_registry import find_agent, name_of, stands_in
from agents.sessions import open_journal
from supervisors import AlreadyStarted, agent_supervisor

CLUSTER: Final = "cluster"
"""The name of the process that knows the other nodes."""


CANNOT_START: Final = "not_started"
"""The kind of FarFault of an agent that its node could not start."""


HANDED_OVER: Final = Shutdown("handed over")
"""The exit reason of an agent whose turns another node continues: no stream of it has ended."""


PARKED: Final = Shutdown("parked")
"""The exit reason of an agent whose turn waits for people: its stream goes on with the next agent of the session."""


class FarFault(Struct, frozen=True):
    """The reason of a CallFailed: the agent's node refused the request. kind: a word for programs. text: a line."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class ClusterFigures(Struct, frozen=True):
    """Figures for metrics. links, stand_ins: their number now. frames, events, bytes: sent and received, by direction.

    credit_stalls: how often an event waited until its follower had room. nodes: the number of living nodes, by state.
    taken_over, handed_over, declared_dead: as in cluster/counts.py.
    """

    links: int
    stand_ins: int
    frames: dict[str, int]
    events: dict[str, int]
    bytes: dict[str, int]
    credit_stalls: int
    nodes: dict[str, int]
    taken_over: int
    handed_over: int
    declared_dead: int


class OtherNodes(Protocol):
    """The other nodes of the cluster. epoch: of this node, which no other node ever has."""

    @property
    def epoch(self) -> int: ...

    async def agent_of(self, session_id: str) -> Pid | None:
        """Return the stand-in of the session's agent; None unless another living node owns the session."""

    async def wake(self, session_id: str) -> bool:
        """Let a node with clearly less load wake a free session. Return False if this node is to do it."""

    async def ask_all(self, request: Any) -> list[Any]:
        """Return the answers of the other nodes to a request of cluster/node_requests.py. Some may not answer."""

    async def figures(self) -> ClusterFigures: ...

    async def ask(self, node: str, request: Any) -> Any:
        """Return the answer of the node with this name. Raises UnknownNode, and NoAnswer."""

    async def ask_epoch(self, epoch: int, request: Any) -> Any:
        """Return the answer of another node. Raises NodeEnded, and NoAnswer."""

    def seal(self, text: str) -> str:
        """Return the text with this node's epoch, and a proof that a node of the cluster made it."""

    def issuer_of(self, given: str) -> int | None:
        """Return the epoch of the node that sealed a text; None for a text without a valid proof."""


class UnknownNode(Exception):
    """No living node has the name."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(f"expected the name of a living node, which are {', '.join(names)}, got {name!r}"[:300])


class NodeEnded(Exception):
    """No other living node has the epoch."""


class NoAnswer(Exception):
    """The node does not answer, or refused. The text is one line that names the node."""


class OpenOtherNodes(Struct, Request[OtherNodes], frozen=True):
    """A request for the OtherNodes."""


class StopFar(Struct, Request[bool], frozen=True):
    """To a stand-in: stop the agent, as `stop_agent` does. The answer: whether the agent ran."""


class SuspendFar(Struct, Request[bool], frozen=True):
    """To a stand-in: suspend the agent, as `sys.suspend` does. The answer: whether the agent runs."""


class ResumeFar(Struct, Request[bool], frozen=True):
    """To a stand-in: resume the agent, as `sys.resume` does. The answer: whether the agent runs."""


Control: TypeAlias = StopFar | SuspendFar | ResumeFar


async def other_nodes() -> OtherNodes | None:
    """Return the other nodes, or None without a cluster."""
    return None if whereis(CLUSTER) is None else await call(CLUSTER, OpenOtherNodes())


async def may_be_dead() -> bool:
    """Return whether the other nodes may have declared this node dead, since it reaches no store."""
    try:
        journal = await open_journal()
    except CallFailed:
        return False  # the journal is being restarted
    return journal is not None and journal.store.may_be_replaced


async def agent_elsewhere(session_id: str) -> Pid | None:
    """Return the stand-in of an agent that another node has, or None."""
    nodes = await other_nodes()
    return None if nodes is None else await nodes.agent_of(session_id)


async def already_elsewhere(session_id: str) -> AlreadyStarted | None:
    """Give the calling agent's name to the stand-in of the agent of another node. Return why not to start, or None."""
    unregister(name_of(session_id))
    stand_in = await agent_elsewhere(session_id)
    return None if stand_in is None else AlreadyStarted(stand_in, session_id)


async def woken_elsewhere(session_id: str) -> bool:
    """Let another node wake a free session, if this one drains or has clearly more load. Return whether it did."""
    nodes = await other_nodes()
    return nodes is not None and await nodes.wake(session_id)


async def running_agent(session_id: str) -> Pid | None:
    """Return the agent that runs on this node, or the stand-in of one of another node. No agent is woken here."""
    return find_agent(session_id) or await agent_elsewhere(session_id)


async def control(agent: Pid, request: Control) -> bool:
    """Stop, suspend or resume an agent of any node. Return False if it does not run."""
    if stands_in(agent):
        return await call(agent, request, timeout_s=None)
    match request:
        case StopFar():
            await agent_supervisor.stop_agent(agent)
        case SuspendFar():
            await sys.suspend(agent)
        case ResumeFar():
            await sys.resume(agent)
    return True
