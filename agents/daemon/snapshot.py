"""The state of the system as numbers, read on request and in slices."""

import asyncio
from asyncio import gather
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors import CallFailed, SystemInfo, system_info
from actors.clock import unix_s
from actors.observer import sliced_top
from actors.slices import in_slices
from agents.core.waiting import WaitSum
from agents.instance.elsewhere import ClusterFigures, other_nodes
from agents.instance.running import queued_messages, waiting_sums
from agents.instance.turns import STREAM_SUPERVISOR
from agents.llm.breaker import Breaker, Closed, HalfOpen
from agents.llm.providers import breakers
from agents.sessions import JournalHandle, SessionError, StoreUnavailable, open_journal
from agents.sessions.waiting import Behind
from supervisors.agent_supervisor import AGENT_SUPERVISOR, which_restarts
from supervisors.api import count_children
from supervisors.tree import restarts

if TYPE_CHECKING:
    from agents.sessions import Store

PROBE_S: Final = 0.01
LONGEST: Final = 10


class Snapshot(Struct, frozen=True):
    """The numbers at one moment.

    at: the moment, in Unix seconds. crashed: the agents that have crashed, by their state. messages: those that wait
    for their turns. restarts: of named children, by supervisor and child. mailboxes: the fullest, by process. breakers:
    the number of providers, by address and state of the breaker. sessions: in the store; None: sessions are not kept,
    or the store can't be read. journal: the events that are not on disk; None: sessions are not kept. loop_lag_s: the
    delay of a timer. waiting: for people, in the turns that run on this node. parked: in the parked turns of the store;
    none if it can't be read. cluster: None without a cluster.
    """

    at: float
    system: SystemInfo
    agents: int
    crashed: dict[str, int]
    turns: int
    messages: int
    restarts: dict[tuple[str, str], int]
    mailboxes: dict[str, int]
    breakers: dict[tuple[str, str], int]
    sessions: int | None
    journal: Behind | None
    loop_lag_s: float
    waiting: list[WaitSum]
    parked: list[WaitSum]
    cluster: ClusterFigures | None = None


async def snapshot() -> Snapshot:
    """Take a snapshot."""
    journal = await _journal()
    sessions, parked = (None, []) if journal is None else await gather(_count(journal.store), _parked(journal.store))
    return Snapshot(
        at=unix_s(),
        system=system_info(),
        agents=(await count_children(AGENT_SUPERVISOR)).active,
        crashed=Counter(each.state for each in await which_restarts()),
        turns=(await count_children(STREAM_SUPERVISOR)).active,
        messages=await in_slices(queued_messages()),
        restarts=await in_slices(restarts()),
        mailboxes=await _mailboxes(),
        breakers=await _breakers(),
        sessions=sessions,
        journal=None if journal is None else journal.behind,
        loop_lag_s=await _loop_lag_s(),
        waiting=await in_slices(waiting_sums()),
        parked=parked,
        cluster=await _cluster(),
    )


async def _cluster() -> ClusterFigures | None:
    try:
        nodes = await other_nodes()
        return None if nodes is None else await nodes.figures()
    except CallFailed:
        return None  # the links are being restarted


async def _mailboxes() -> dict[str, int]:
    found: Counter[str] = Counter()
    for info in await in_slices(sliced_top("mailbox", LONGEST)):
        found[info.name or info.label] += info.mailbox
    return dict(found)


async def _breakers() -> dict[tuple[str, str], int]:
    return Counter((address, _state(breaker)) for address, breaker in await breakers())


def _state(breaker: Breaker) -> str:
    match breaker:
        case Closed():
            return "closed"
        case HalfOpen():
            return "half_open"
    return "open"


async def _journal() -> JournalHandle | None:
    try:
        return await open_journal()
    except CallFailed:
        return None  # the journal is being restarted


async def _count(store: "Store") -> int | None:
    """Return the number of sessions; None if the store is unavailable."""
    try:
        return await store.count()
    except StoreUnavailable:
        return None


async def _parked(store: "Store") -> list[WaitSum]:
    """Return what waits in parked turns; nothing if the store is unavailable or damaged."""
    try:
        return await store.parked_sums()
    except SessionError:
        return []


async def _loop_lag_s() -> float:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.sleep(PROBE_S)
    return max(0.0, loop.time() - began_s - PROBE_S)
