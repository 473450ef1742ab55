"""The rules for an agent's context window, from its settings."""

from typing import Final

from agents.agent_config.routes import summary_candidate
from agents.core.context import ContextPolicy
from agents.settings import Settings
from agents.settings.agent import AgentSettings

MOST_RESERVED: Final = 16_384


def context_policy(agent: AgentSettings, settings: Settings) -> ContextPolicy:
    """Return the rules. The settings must have no route_faults."""
    context = agent.context
    reserve = min((context.max_tokens or 0) // 4, MOST_RESERVED) if context.reserve is None else context.reserve
    writer = summary_candidate(agent, settings)
    return ContextPolicy(
        context.max_tokens, reserve, context.strategy, context.keep_turns, price=writer.price, model=writer.name
    )
