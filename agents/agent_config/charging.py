"""The account of an agent's model calls, and the budgets that limit them: those of the settings, and its own."""

from collections.abc import Iterator

from msgspec import Struct

from agents.core.budget import Budget, BudgetOf
from agents.settings import Settings
from agents.settings.agent import AgentSettings
from agents.settings.budgets import EACH, BudgetSettings


class Charging(Struct, frozen=True):
    """The account to which model calls are charged, by its name, and the budgets that limit them."""

    account: str = ""
    budgets: tuple[Budget, ...] = ()


def charging_of(agent: AgentSettings, settings: Settings) -> Charging:
    return Charging(_account(agent), budgets_of(agent, settings))


def budgets_of(agent: AgentSettings, settings: Settings) -> tuple[Budget, ...]:
    return tuple(limit for each in (*settings.budgets, *agent.budget) for limit in _limits(each, agent))


def _limits(given: BudgetSettings, agent: AgentSettings) -> Iterator[Budget]:
    """Yield one budget for each unit, if the agent's model calls count to it."""
    parties = {
        BudgetOf.OWNER: (given.owner, agent.owner),
        BudgetOf.AGENT: (given.agent, _account(agent)),
        BudgetOf.SESSION: (given.session, agent.id),
        BudgetOf.TURN: (given.turn, EACH),
    }
    of, party, own = next((of, party, own) for of, (party, own) in parties.items() if party is not None)
    if own is None or party not in (EACH, own):
        return
    for limit, tokens in ((given.cost, False), (given.tokens, True)):
        if limit is not None:
            yield Budget(of, given.per, limit, tokens, given.on_breach, given.wait / 1000)


def _account(agent: AgentSettings) -> str:
    return agent.account or agent.name
