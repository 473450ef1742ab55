"""The handover: a node that drains leaves its turns to the other nodes, which continue them as after a crash.

A turn whose calls run gets CALLS_S for them, since the next node can't know the outcome of a call that was stopped.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from actors import CallFailed, CallTimeout, Pid, call, ended
from actors.log import get_logger
from agents.cluster.counts import NODE_COUNTS
from agents.instance.requests import HandOver
from agents.sessions import SessionError, open_journal
from supervisors.agent_supervisor import which_agents

CALLS_S: Final = 5.0
LOOK_S: Final = 0.1
"""The pause between two questions to an agent whose calls run."""

if TYPE_CHECKING:
    from agents.sessions.node_store import NodeStore

log = get_logger("understudy.cluster")


async def peers(node: "NodeStore") -> int:
    """Return the number of other nodes that can continue this node's turns, or 0 if the store can't be read."""
    try:
        return sum(each.epoch != node.fence.epoch and not each.drains for each in await node.nodes())
    except SessionError:
        return 0


async def own_node() -> "NodeStore | None":
    """Return the store of this node, or None without a cluster, or while the journal is restarted."""
    with suppress(CallFailed):
        journal = await open_journal()
        return None if journal is None else journal.store.node
    return None


async def hand_over() -> int:
    """End all agents without an end of their turns, and free their sessions. Return the number of agents."""
    try:
        async with asyncio.timeout(CALLS_S):
            count = await _all_end(at_once=False)
    except TimeoutError:
        count = await _all_end(at_once=True)
    log.info("turns_handed_over", agents=count)
    NODE_COUNTS.handed_over += count
    return count


async def _all_end(*, at_once: bool) -> int:
    count, left = 0, await which_agents()
    while left:
        ends = await asyncio.gather(*[_ends(pid, at_once=at_once) for pid in left])
        count += sum(ends)
        left = [pid for pid, ended_ in zip(left, ends, strict=True) if not ended_]
        if left:
            await asyncio.sleep(LOOK_S)
    return count


async def _ends(pid: Pid, *, at_once: bool) -> bool:
    try:
        ends = await call(pid, HandOver(at_once))
    except CallTimeout:
        return False
    except CallFailed:
        return True  # it has ended
    if ends:
        await ended(pid)  # which frees its session
    return ends
