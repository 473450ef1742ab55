"""An agent's configuration, checked as a whole.

config.py        the checked configuration
routes.py        the models that an agent asks, in order, each with its provider's address, key and price
answer_type.py   the form of the final answer
kept.py          the part of a configuration that is kept with a session
"""

from agents.agent_config.config import AgentConfig, agent_config
from agents.agent_config.errors import InvalidAgentConfig

__all__ = ["AgentConfig", "InvalidAgentConfig", "agent_config"]
