"""The drain: running turns get time to finish, and are interrupted after it.

The gateway serves meanwhile, so that every reader of a stream gets its terminal event.
"""

import asyncio
from contextlib import suppress

from actors import CallFailed, CallTimeout, Pid, ended
from actors.log import get_logger
from agents import agent, application
from agents.daemon.handover import hand_over, own_node, peers
from agents.instance.turns import STREAM_SUPERVISOR
from agents.schedules.scheduler import hold
from agents.sessions import SessionError, open_journal
from supervisors import terminate_child
from supervisors.agent_supervisor import AGENT_SUPERVISOR, which_agents
from supervisors.api import which_children

log = get_logger("understudy.daemon")


async def drain(drain_s: float) -> None:
    """Wait until no turn runs, for drain_s at most, then stop all agents.

    The caller ensures that no new turn begins meanwhile. A turn that still runs after drain_s ends as `interrupted`. In
    a cluster with another node, it is handed over instead.
    """
    await hold()
    node = await own_node()
    if node is not None:
        with suppress(SessionError):
            await node.drain(True)
    began_s = asyncio.get_running_loop().time()
    log.info("drain_begun", drain_s=drain_s)
    try:
        async with asyncio.timeout(drain_s):
            await turns_ended()
    except TimeoutError:
        if node is not None and await peers(node):
            await hand_over()
        await _wait_no_longer_for_the_store()
        log.warning("drain_time_up", interrupted=await _unfinished())
    await terminate_child(application.NAME, AGENT_SUPERVISOR)
    log.info("drain_ended", took_s=round(asyncio.get_running_loop().time() - began_s, 3))


async def _wait_no_longer_for_the_store() -> None:
    with suppress(CallFailed):
        if (journal := await open_journal()) is not None:
            journal.wait_no_longer()


async def turns_ended() -> None:
    """Return when no agent has a stream that waits or runs.

    An agent answers `info` only after it has recorded the end of its turn.
    """
    while True:
        for child in await which_children(STREAM_SUPERVISOR):
            if isinstance(child.pid, Pid):
                await ended(child.pid)
        if not await _unfinished():
            return


async def _unfinished() -> int:
    """Return the number of streams that wait or run."""
    return sum([await _unfinished_of(pid) for pid in await which_agents()])


async def _unfinished_of(pid: Pid) -> int:
    try:
        info = await agent.info(pid)
    except CallTimeout:
        return 1  # busy in the middle of a turn
    except CallFailed:
        return 0  # the agent has ended
    return sum(stream.status in ("waiting", "running") for stream in info.streams)
