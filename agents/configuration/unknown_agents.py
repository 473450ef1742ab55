"""Names for which the settings have no agent. They are no faults: a program or a client may start the agent later."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.configuration.loading import Loaded
from agents.configuration.placing import placed
from agents.core.faults import Fault, KeyPath
from agents.core.nearest import suggestion
from agents.settings import Settings
from agents.settings.budgets import EACH

EXPECTED: Final = "an agent of the configuration, or one that starts later"


def unknown_agents(loaded: Loaded) -> Iterator[Fault]:
    """Yield a warning for each name that schedules, webhooks, budgets and the gateway give for an unknown agent."""
    for path, name, known in _named(loaded.settings):
        if name not in known:
            yield placed(Fault(path, EXPECTED, f"{name!r}{suggestion(name, known)}"), loaded.marks)


def _named(settings: Settings) -> Iterator[tuple[KeyPath, str, set[str]]]:
    """Yield the names of agents, each with its path and the names that the settings' agents have there."""
    ids = {str(each.id) for each in settings.agents}
    names = {str(each["name"]) for agent in settings.agents for each in _team(agent.model_dump()) if each.get("name")}
    accounts = {str(each.given().get("account") or each.name) for each in settings.agents}
    if settings.gateway.default_agent is not None:
        yield ("gateway", "default_agent"), settings.gateway.default_agent, ids
    for number, schedule in enumerate(settings.schedules):
        yield ("schedules", number, "agent"), schedule.agent, ids
    for number, webhook in enumerate(settings.webhooks):
        for place, name in enumerate(webhook.agents):
            yield ("webhooks", number, "agents", place), name, ids | names
    for number, budget in enumerate(settings.budgets):
        if budget.agent not in (None, EACH):
            yield ("budgets", number, "agent"), str(budget.agent), accounts | names


def _team(agent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the agent, and those to which it may hand over."""
    yield agent
    for each in agent.get("handoffs") or ():
        if isinstance(each, Mapping):
            yield from _team(each)
