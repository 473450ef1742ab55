"""The system for a person who watches it: read without calls to agents, in slices, and bounded in size.

A caller without the scope admin sees the host's own processes and those of its own agents. Other processes are counted
only.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from actors import CallFailed
from actors.clock import unix_s
from actors.kernel.process import Process
from actors.observer import Measure, sliced_top, system_info
from actors.slices import in_slices
from agents.agent_registry import find_agent, name_of
from agents.contract.watch import BreakerState, CrashSummary, Overview, ProviderStatus, Workers
from agents.gateway.guard.caller import Caller
from agents.instance.running import agent_state, running_turns
from agents.instance.waking import turn_name
from agents.llm.breaker import Breaker, Closed, HalfOpen
from agents.llm.providers import breakers
from agents.settings import Scope
from agents.tools.pool_server import open_pool
from supervisors.agent_supervisor import AgentRestarts, which_restarts
from supervisors.crash_log import LoggedCrash, crashes
from supervisors.tree import sliced_tree

DEPTH: Final = 8
SHOWN_TURNS: Final = 100
SHOWN_PROVIDERS: Final = 100
SHOWN_CRASHES: Final = 50
SHOWN_CRASHED: Final = 1000  # agents
OF_AGENTS: Final = (name_of(""), turn_name(""))
"""The beginnings of the names that have an agent's id in them."""


async def overview(caller: Caller, width: int, by: Measure, count: int) -> Overview:
    """Return the system. width: children of one process. by, count: of the busiest processes."""
    visible = visible_to(caller)
    turns, more_turns = await in_slices(running_turns(SHOWN_TURNS, visible))
    return Overview(
        at=unix_s(),
        system=system_info(),
        tree=await in_slices(sliced_tree(width, DEPTH, visible)),
        busiest=await in_slices(sliced_top(by, count, visible)),
        turns=turns,
        more_turns=more_turns,
        providers=await _providers(),
        workers=await _workers(),
        crashes=await _crashes(caller),
        crashed_agents=await crashed_agents(caller),
    )


async def crashed_agents(caller: Caller) -> list[AgentRestarts]:
    """Return the caller's agents that have crashed, in order of their ids."""
    with suppress(CallFailed):  # the supervisor is being restarted
        found = sorted(await which_restarts(), key=lambda each: each.id)
        if caller.may(Scope.ADMIN):
            return found[:SHOWN_CRASHED]
        own = (each for each in found if each.owner == caller.user)
        return [replace(each, crash=replace(each.crash, where=None)) for each in own][:SHOWN_CRASHED]
    return []


def visible_to(caller: Caller) -> Callable[[Process], bool]:
    """Return whether the caller may see a process. A name with a colon has an id in it, such as agent:ID."""
    if caller.may(Scope.ADMIN):
        return lambda _: True

    def visible(process: Process) -> bool:
        kind, colon, agent_id = (process.name or "").partition(":")
        return not colon or (f"{kind}:" in OF_AGENTS and _owner(agent_id) == caller.user)

    return visible


def _owner(agent_id: str) -> str | None:
    """Return the owner of a running agent."""
    pid = find_agent(agent_id)
    state = agent_state(pid.process) if pid is not None else None
    return state.config.owner if state is not None else None


async def _providers() -> list[ProviderStatus]:
    return [_provider(address, breaker) for address, breaker in (await breakers())[:SHOWN_PROVIDERS]]


def _provider(address: str, breaker: Breaker) -> ProviderStatus:
    state: BreakerState = "open"
    match breaker:
        case Closed(failures):
            return ProviderStatus(address, "closed", failures)
        case HalfOpen():
            state = "half_open"
    return ProviderStatus(address, state, 0)


async def _workers() -> Workers | None:
    """Return the workers; None while the pool is being restarted."""
    with suppress(CallFailed):
        pool = await open_pool()
        return Workers(pool.size, tuple(pool.running.values()), pool.waiting)
    return None


async def _crashes(caller: Caller) -> list[CrashSummary]:
    admin = caller.may(Scope.ADMIN)
    logged = [each for each in await crashes() if admin or not (name := each.child.name) or _owner(name) == caller.user]
    return [_crash(each, admin=admin) for each in reversed(logged[-SHOWN_CRASHES:])]


def _crash(logged: LoggedCrash, *, admin: bool) -> CrashSummary:
    child = logged.child
    return CrashSummary(
        number=logged.number,
        at=logged.at,
        supervisor=child.supervisor,
        child=child.child,
        name=child.name,
        pid=child.pid,
        reason=child.reason,
        exception=child.exception,
        where=child.where if admin else None,
    )
