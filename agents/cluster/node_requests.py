"""The requests of one node to another one as a whole, and their answers: what runs there, and reports of its state.

On a link they are calls of the session THIS_NODE.
"""

from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from actors import CallFailed, Request, call, whereis
from actors.observer import processes
from actors.slices import in_slices
from agents.agent_registry import agents_of, find_agent, find_stream, id_of, is_agent, stands_in
from agents.cluster.agents_here import infos_here
from agents.cluster.packing import Packing
from agents.instance.elsewhere import other_nodes
from agents.instance.info import AgentInfo
from agents.instance.running import WaitingCall, agent_state, waiting_calls
from agents.instance.waiting import waiting_bytes
from agents.instance.waking import wake

THIS_NODE: Final = ""
REPORTS: Final = "reports"
"""The name of the process that makes reports: the gateway's."""
ACCESS: Final = "access"
"""The name of the process that answers for the credentials that this node issued: the gateway's."""

T = TypeVar("T")


class NodeRequest(Struct, Generic[T], frozen=True, tag_field="type"):
    """A request whose answer is a T."""


class ListRunning(NodeRequest[list[AgentInfo]], frozen=True, tag="running"):
    """List the first agents that run with an id above after. owner: of this user; None: of all users."""

    after: str | None
    limit: int
    owner: str | None


class RunningAmong(NodeRequest[list[str]], frozen=True, tag="among"):
    """Choose those of these agents that run."""

    ids: list[str]


class UserUsage(Struct, frozen=True):
    """The part of a user's quotas that one node counts: the ids of its agents, and the bytes of waiting messages."""

    agents: list[str]
    waiting_bytes: int


class GetUsage(NodeRequest[UserUsage], frozen=True, tag="usage"):
    owner: str


class ListWaiting(NodeRequest[list[WaitingCall]], frozen=True, tag="waiting"):
    """List the calls that wait for a decision. owner: of this user's agents; None: of all.

    after: as in waiting_calls.
    """

    limit: int
    owner: str | None
    after: tuple[float, str, int] | None = None


class FindStream(NodeRequest[str | None], frozen=True, tag="stream"):
    """Find the session of a stream that an agent of this node has."""

    stream: str


class WakeSession(NodeRequest[bool], frozen=True, tag="wake"):
    """Start the agent of a free session. The answer: whether it runs on this node."""

    session: str


class NodeFigures(Struct, frozen=True):
    """The numbers of a node's agents and links."""

    agents: int
    links: int


class DescribeNode(NodeRequest[NodeFigures], frozen=True, tag="describe"):
    """Count the agents and the links."""


class Report(Struct, frozen=True):
    """A report as the gateway sends it. fault: the reason for none, in place of a body."""

    body: bytes = b""
    media_type: str = ""
    fault: str | None = None


class MakeReport(NodeRequest[Report], Request[Report], frozen=True, tag="report"):
    """Make a report. query: its parameters."""

    name: str
    query: dict[str, Any]


class AskAccess(NodeRequest[bytes | None], Request[bytes | None], frozen=True, tag="access"):
    """Ask a node about credentials that it issued. Only gateways read the question. The answer: None without one."""

    question: bytes


AnyNodeRequest: TypeAlias = (
    ListRunning
    | RunningAmong
    | GetUsage
    | ListWaiting
    | FindStream
    | WakeSession
    | DescribeNode
    | MakeReport
    | AskAccess
)

_REQUESTS: Final[Packing[AnyNodeRequest]] = Packing(AnyNodeRequest)
_ANSWERS: Final[dict[type, Packing[Any]]] = {
    ListRunning: Packing(list[AgentInfo]),
    RunningAmong: Packing(list[str]),
    GetUsage: Packing(UserUsage),
    ListWaiting: Packing(list[WaitingCall]),
    FindStream: Packing(str | None),
    WakeSession: Packing(bool),
    DescribeNode: Packing(NodeFigures),
    MakeReport: Packing(Report),
    AskAccess: Packing(bytes | None),
}


def packed_node_request(request: NodeRequest[Any]) -> bytes:
    return _REQUESTS.packed(request)  # type: ignore[arg-type]  # the union has every request


def unpacked_node_answer(request: NodeRequest[T], received: bytes) -> T:
    """Return the answer to the request. Raises Garbage."""
    answer: T = _ANSWERS[type(request)].unpacked(received)
    return answer


async def answer_of_node(received: bytes) -> bytes:
    """Answer another node's request. Raises Garbage for one that this version does not know."""
    request = _REQUESTS.unpacked(received)
    return _ANSWERS[type(request)].packed(await answered_here(request))


async def answered_here(request: NodeRequest[Any]) -> Any:
    """Answer a request with what this node has. Stand-ins are agents of other nodes."""
    match request:
        case ListRunning(after, limit, owner):
            return await infos_here(after, limit, owner)
        case RunningAmong(ids):
            return [id_ for id_ in ids if (pid := find_agent(id_)) is not None and not stands_in(pid)]
        case GetUsage(owner):
            own = [pid for pid in agents_of(owner) if not stands_in(pid)]
            return UserUsage([id_ for pid in own if (id_ := id_of(pid))], sum(map(waiting_bytes, own)))
        case ListWaiting(limit, owner, place):
            return await in_slices(waiting_calls(limit, lambda process: _is_of(owner, process), place))
        case FindStream(stream):
            having = find_stream(stream)
            return None if having is None or stands_in(having) else id_of(having)
        case WakeSession(session):
            pid = await wake(session, here=True)
            return pid is not None and not stands_in(pid)
        case DescribeNode():
            nodes = await other_nodes()
            links = 0 if nodes is None else (await nodes.figures()).links
            return NodeFigures(sum(is_agent(pid) and not stands_in(pid) for pid in processes()), links)
        case MakeReport():
            return await _report(request)
        case AskAccess():
            return await _access(request)
    raise AssertionError(f"expected a known request, got {type(request).__name__}")


async def _report(request: MakeReport) -> Report:
    if whereis(REPORTS) is None:
        return Report(fault="the node makes no reports now")
    try:
        return await call(REPORTS, request, timeout_s=None)
    except CallFailed:
        return Report(fault="the node could not make the report")


async def _access(request: AskAccess) -> bytes | None:
    try:
        return None if whereis(ACCESS) is None else await call(ACCESS, request, timeout_s=None)
    except CallFailed:
        return None


def _is_of(owner: str | None, process: Any) -> bool:
    state = agent_state(process)
    return owner is None or (state is not None and state.config.owner == owner)
