"""The budgets that limit an agent: those of the settings that name it or its owner, and its own."""

from collections.abc import Iterator

from agents.core.budget import Budget, BudgetOf
from agents.settings import Settings
from agents.settings.agent import AgentSettings
from agents.settings.budgets import EACH, BudgetSettings


def budgets_of(agent: AgentSettings, settings: Settings) -> tuple[Budget, ...]:
    return tuple(limit for each in (*settings.budgets, *agent.budget) for limit in _limits(each, agent))


def _limits(given: BudgetSettings, agent: AgentSettings) -> Iterator[Budget]:
    """Yield one budget for each unit, if the agent's model calls count to it."""
    parties = {
        BudgetOf.OWNER: (given.owner, agent.owner),
        BudgetOf.AGENT: (given.agent, agent.name),
        BudgetOf.SESSION: (given.session, agent.id),
        BudgetOf.TURN: (given.turn, EACH),
    }
    of, party, own = next((of, party, own) for of, (party, own) in parties.items() if party is not None)
    if own is None or party not in (EACH, own):
        return
    for limit, tokens in ((given.cost, False), (given.tokens, True)):
        if limit is not None:
            yield Budget(of, given.per, limit, tokens, given.on_breach, given.wait / 1000)
