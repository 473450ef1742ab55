"""Which agent has which id. Source: API reference, agent_registry:find_agent/1.

An agent's name in the process system is its id with a prefix: unique, and given back when the agent ends.
"""

from actors import Pid, whereis

PREFIX = "agent:"


def find_agent(agent_id: str) -> Pid | None:
    """The living agent with this id."""
    return whereis(PREFIX + agent_id)


def name_of(agent_id: str) -> str:
    return PREFIX + agent_id
