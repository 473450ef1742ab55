"""Standing approvals: a person has approved the later calls of a tool, too."""

from typing import Literal, TypeAlias

from msgspec import Struct

Always: TypeAlias = Literal["tool", "session"]
"""The reach of a standing approval: the calls of the tool by this agent, or only those in this session."""


class StandingApproval(Struct, frozen=True):
    """A standing approval of the calls of a tool.

    owner, agent: the user and the name of the agents whose calls it approves. session_id: only those in this session,
    which for a sub-agent is its caller's; None: in all. arguments: only with exactly these; None: with any. by: the
    user who gave it. at: Unix seconds.
    """

    id: str
    owner: str | None
    agent: str
    session_id: str | None
    tool: str
    arguments: str | None
    by: str | None
    at: float
