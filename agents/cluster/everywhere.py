"""The agents and calls of all nodes, this one included. A node that does not answer is left out."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import TypeVar

from agents.cluster.node_requests import ListRunning, ListWaiting, NodeRequest, RunningAmong, answered_here
from agents.instance.elsewhere import other_nodes
from agents.instance.info import AgentInfo
from agents.instance.running import WaitingCall, place_of, waiting_call
from agents.sessions import open_journal

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


async def waiting_everywhere(
    limit: int, owner: str | None, after: tuple[float, str, int] | None = None
) -> list[WaitingCall]:
    """Return the calls that wait for a decision, the most urgent first. Those of parked turns come from the store.

    owner: only of this user's agents. after: the place of the last one of the previous page.
    """
    parked = await _parked(limit, owner, after)
    live = [call for calls in await asked_everywhere(ListWaiting(limit, owner, after)) for call in calls]
    found = {place_of(call): call for call in (*parked, *live)}
    return [found[place] for place in nsmallest(limit, found)]


async def _parked(limit: int, owner: str | None, after: tuple[float, str, int] | None) -> list[WaitingCall]:
    journal = await open_journal()
    if journal is None:
        return []
    waits = await journal.store.parked_waits(after, limit, owner)
    return [waiting_call(each.wait.waiting, each.stream_id, each.session_id, each.owner, parked=True) for each in waits]
