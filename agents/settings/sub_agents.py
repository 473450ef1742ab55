"""The limits of agents that are tools of other agents."""

from pydantic import BaseModel, ConfigDict

from agents.settings.values import Count


class SubAgentSettings(BaseModel):
    """The limits of sub-agents and hand-offs.

    max_depth: number of sub-agents below each other. max_parallel: sub-agents of one turn that run at the same time;
    further calls wait. max_handoffs: hand-offs of one turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_depth: Count = 3
    max_parallel: Count = 8
    max_handoffs: Count = 5
