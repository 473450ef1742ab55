"""The drain of a node that does not stop: its agents end, and the other nodes continue its turns."""

import asyncio
from contextlib import suppress

from actors import CallFailed, CallTimeout, call
from actors.log import get_logger
from agents.daemon.drain import turns_ended
from agents.daemon.handover import hand_over, own_node, peers
from agents.gateway.errors import Refusal
from agents.gateway.gate import DRAINING, Gate
from agents.instance.requests import Retire
from supervisors.agent_supervisor import which_agents

NO_CLUSTER = "expected a node of a cluster, got a daemon that has its store for itself: see cluster.enabled"

log = get_logger("understudy.cluster")


class NodeDrain:
    """The drain of this node, which closes the gate until it is ended."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._task: asyncio.Task[None] | None = None

    async def begin(self, drain_s: float) -> None:
        """Accept no new turns, and hand over those that still run after drain_s. Raises Refusal."""
        node = await own_node()
        if node is None:
            raise Refusal(409, NO_CLUSTER)
        if not await peers(node):
            raise Refusal(409, "expected another node that can continue this one's turns, got none")
        self._gate.closed = self._gate.closed or DRAINING
        await node.drain(True)
        await self._stop()
        self._task = asyncio.create_task(_drained(drain_s))

    async def end(self) -> None:
        """Accept new turns again. Raises Refusal."""
        node = await own_node()
        if node is None:
            raise Refusal(409, NO_CLUSTER)
        await self._stop()
        await node.drain(False)
        if self._gate.closed == DRAINING:
            self._gate.closed = None

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))


async def release_idle(count: int | None = None) -> int:
    """End agents without a turn, at most count of them, and free their sessions. Return their number."""
    ended = 0
    for pid in await which_agents():
        if count is not None and ended >= count:
            break
        with suppress(CallFailed, CallTimeout):
            ended += await call(pid, Retire())
    return ended


async def _drained(drain_s: float) -> None:
    log.info("node_drains", drain_s=drain_s, released=await release_idle())
    with suppress(TimeoutError):
        async with asyncio.timeout(drain_s):
            await turns_ended()
    await hand_over()
    log.info("node_drained")
