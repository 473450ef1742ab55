"""The agents and calls of all nodes, this one included. A node that does not answer is left out."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import TypeVar

from agents.cluster.node_requests import ListRunning, ListWaiting, NodeRequest, RunningAmong, answered_here
from agents.instance.elsewhere import other_nodes
from agents.instance.info import AgentInfo
from agents.instance.running import WaitingCall

T = TypeVar("T")


async def asked_everywhere(request: NodeRequest[T]) -> list[T]:
    """Return the answers of all nodes, this node's first."""
    nodes = await other_nodes()
    here: T = await answered_here(request)
    return [here] if nodes is None else [here, *await nodes.ask_all(request)]


async def running_everywhere(after: str | None, limit: int, owner: str | None) -> list[AgentInfo]:
    """Return the first running agents with an id above after, in order of their ids. owner: only this user's."""
    found = {info.id: info for infos in await asked_everywhere(ListRunning(after, limit, owner)) for info in infos}
    return [found[id_] for id_ in nsmallest(limit, found)]


async def running_among(ids: Sequence[str]) -> set[str]:
    """Return those of these agents that run."""
    return {id_ for found in await asked_everywhere(RunningAmong(list(ids))) for id_ in found}


async def waiting_everywhere(limit: int, owner: str | None) -> list[WaitingCall]:
    """Return the calls that wait for a decision, the most urgent first. owner: only of this user's agents."""
    found = [call for calls in await asked_everywhere(ListWaiting(limit, owner)) for call in calls]
    return sorted(found, key=lambda waiting: waiting.expires_in_s)[:limit]
