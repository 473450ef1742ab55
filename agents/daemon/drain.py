"""The end of the turns that run: they get a while to end by themselves, then they end as interrupted.

Both while the gateway serves: who reads a stream gets its last event.
"""

import asyncio
from contextlib import suppress

from actors import CallFailed, CallTimeout, Pid, ended
from actors.log import get_logger
from agents import agent, application
from agents.instance.turns import STREAM_SUPERVISOR
from agents.sessions import open_journal
from supervisors import terminate_child
from supervisors.agent_supervisor import AGENT_SUPERVISOR, which_agents
from supervisors.api import which_children

log = get_logger("understudy.daemon")


async def drain(drain_s: float) -> None:
    """Behind it no turn runs, and no agent. No new ones may come meanwhile."""
    began_s = asyncio.get_running_loop().time()
    log.info("drain_begun", drain_s=drain_s)
    try:
        async with asyncio.timeout(drain_s):
            await _turns_ended()
    except TimeoutError:
        await _wait_no_longer_for_the_store()
        log.warning("drain_time_up", interrupted=await _unfinished())
    await terminate_child(application.NAME, AGENT_SUPERVISOR)
    log.info("drain_ended", took_s=round(asyncio.get_running_loop().time() - began_s, 3))


async def _wait_no_longer_for_the_store() -> None:
    with suppress(CallFailed):
        if (journal := await open_journal()) is not None:
            journal.wait_no_longer()


async def _turns_ended() -> None:
    """Of all agents, those that wait included. An agent answers when it has taken note of its turn's end."""
    while True:
        for child in await which_children(STREAM_SUPERVISOR):
            if isinstance(child.pid, Pid):
                await ended(child.pid)
        if not await _unfinished():
            return


async def _unfinished() -> int:
    """How many streams wait or run."""
    return sum([await _unfinished_of(pid) for pid in await which_agents()])


async def _unfinished_of(pid: Pid) -> int:
    try:
        info = await agent.info(pid)
    except CallTimeout:
        return 1  # it is held up in the middle of one
    except CallFailed:
        return 0  # it has ended
    return sum(stream.status in ("waiting", "running") for stream in info.streams)
