"""The answers for people who watch the system: an overview, the calls that wait, and the timeline of a turn."""

from typing import Literal, TypeAlias

from msgspec import Struct

from actors.observer import ProcessInfo, SystemInfo
from agents.core.standing import StandingApproval
from agents.instance.running import TurnInProgress, WaitingCall
from agents.timeline import Picture, Timeline
from supervisors.agent_restarts import AgentRestarts
from supervisors.tree import Node

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]


class StreamTimeline(Struct, frozen=True):
    """A turn over time. picture: the layout of the timeline, in pixels."""

    timeline: Timeline
    picture: Picture


class CrashSummary(Struct, frozen=True):
    """The crash of a child. number: rises with each crash. name: the agent's id, for an agent.

    where: the place of the raise, which only the scope admin sees.
    """

    number: int
    at: float
    supervisor: str
    child: str
    name: str
    pid: str
    reason: str
    exception: str | None
    where: str | None


class ProviderStatus(Struct, frozen=True):
    """A provider and its breaker. failures: in a row, while the breaker is closed."""

    address: str
    breaker: BreakerState
    failures: int


class Workers(Struct, frozen=True):
    """The worker OS processes. running: the tool's name of each that runs a call. waiting: calls without a worker."""

    size: int
    running: tuple[str, ...]
    waiting: int


class Overview(Struct, frozen=True):
    """The system at one moment, as far as the caller may see it. Every list is bounded.

    at: Unix seconds. tree: its nodes count the children that are left out. busiest: by the chosen measure. turns: the
    oldest first; more_turns: the number of those that are left out. crashes: the newest first. crashed_agents: as in
    CrashedAgents.
    """

    at: float
    system: SystemInfo
    tree: Node
    busiest: list[ProcessInfo]
    turns: list[TurnInProgress]
    more_turns: int
    providers: list[ProviderStatus]
    workers: Workers | None
    crashes: list[CrashSummary]
    crashed_agents: list[AgentRestarts]


class WaitingCalls(Struct, frozen=True, omit_defaults=True):
    """Calls that wait for a decision, the most urgent first. next: for the next page, or null after the last one."""

    approvals: list[WaitingCall]
    next: str | None = None


class StandingApprovals(Struct, frozen=True):
    """Approvals that hold for later calls, too, in the order of their ids."""

    approvals: list[StandingApproval]


class ApprovalRevoked(Struct, frozen=True):
    """The outcome of a revocation."""

    revoked: bool


class CrashedAgents(Struct, frozen=True):
    """The running agents that have crashed, and those that wait for their restart or are held, in order of their ids.

    The place of a crash is null without the scope admin.
    """

    agents: list[AgentRestarts]


class AgentReset(Struct, frozen=True):
    """The outcome of a reset."""

    reset: bool


class AgentSuspended(Struct, frozen=True):
    """The outcome of a suspension, or of its end."""

    suspended: bool
