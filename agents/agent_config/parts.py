"""The check of a message's parts against an agent's configuration, before anything is kept or asked."""

from agents.agent_config.config import AgentConfig
from agents.core.errors import ContentRefused
from agents.core.parts import Content
from agents.llm.dialects import DIALECTS
from agents.parts.limits import unreadable


def refusal(config: AgentConfig, content: Content) -> ContentRefused | None:
    """Return why the agent refuses a message with this content, or None. Its first model must take each part."""
    if isinstance(content, str):
        return None
    route = config.routes[0]
    kinds = route.accepts & DIALECTS[route.api].kinds
    why = config.part_limits.fault(content) or unreadable(content, route.model, kinds)
    return None if why is None else ContentRefused(why)
