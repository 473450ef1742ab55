"""The restarts of agents, for those who wait for one and for people who watch the system."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from actors import CallFailed, Request
from supervisors.dynamic_children import DynamicState
from supervisors.reports import LastCrash


class AgentRestarts(Struct, frozen=True):
    """The crashes of an agent within the period, and its restart.

    state: `held` if the agent crashed too often and is not restarted until it is reset. next_s: the seconds until its
    restart, if it waits for one.
    """

    id: str
    owner: str | None
    state: Literal["running", "restarting", "held"]
    crashes: int
    next_s: float | None
    crash: LastCrash


class NotRestarted(CallFailed):
    """The agent crashed and has no process now. retry_after_s: the seconds until its restart; None if it is held."""

    def __init__(self, found: AgentRestarts) -> None:
        crash = found.crash.exception or found.crash.reason
        self.retry_after_s = None if found.state == "held" else found.next_s or 0.0
        held = "is held: mend the cause, then reset it"
        words = held if self.retry_after_s is None else f"restarts in {self.retry_after_s:.1f} s"
        times = "once" if found.crashes == 1 else f"{found.crashes} times"
        super().__init__(found.id, f"crashed {times}, the last time by {crash}, and {words}")
        self.args = (f"agent {found.id!r} {self.reason}",)


class GetRestarts(Struct, Request[list[AgentRestarts]], frozen=True):
    """Answered with the restarts of the agents that have crashed. agent_id: only of this agent."""

    agent_id: str | None = None


class ResetById(Struct, Request[None], frozen=True):
    """Answered as ResetChild."""

    agent_id: str


def restarts_in(state: DynamicState, now_s: float, agent_id: str | None = None) -> Iterator[AgentRestarts]:
    """Yield the restarts of the agents that have crashed. now_s: the loop's time. agent_id: only of this agent."""
    for pid, own in state.restarts_of.items():
        config, *_ = state.running.get(pid) or state.restarting.get(pid) or state.held[pid]
        if agent_id is None or config["id"] == agent_id:
            waits, held = pid in state.restarting, pid in state.held
            next_s = max(0.0, own.due_s - now_s) if waits and own.due_s is not None else None
            count = own.log.within(now_s, state.flags.period_s)
            word: Literal["running", "restarting", "held"] = "restarting" if waits else "held" if held else "running"
            yield AgentRestarts(config["id"], config.get("owner"), word, count, next_s, own.crash)
