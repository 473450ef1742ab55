"""The faults of settings that each have a valid form: of several values together, and of the code that they name."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.agent_config import InvalidAgentConfig, agent_config
from agents.configuration.placing import faulty, placed
from agents.configuration.sources.reading import Mark
from agents.core.faults import Fault, KeyPath
from agents.hooks.resolve import faults_of_owners
from agents.settings import Settings
from agents.settings.schedules import schedule_faults
from agents.settings.tokens import token_faults
from agents.settings.webhooks import unkept


def cross_faults(settings: Settings, marks: Mapping[KeyPath, Mark]) -> Iterator[Fault]:
    """Yield faults that concern several values."""
    names = settings.providers.named
    for number, name in enumerate(settings.providers.order):
        if name not in names:
            expected = f"one of providers.named ({', '.join(names) or 'none'})"
            yield faulty(("providers", "order", number), marks, expected, repr(name))
    for fault in token_faults(settings.gateway.tokens):
        yield placed(fault.below("gateway", "tokens"), marks)
    for fault in schedule_faults(settings.schedules):
        yield placed(fault.below("schedules"), marks)
    if ("sessions", "durability") in marks:  # the daemon has another default
        for fault in unkept(settings.webhooks, settings.sessions.durability):
            yield placed(fault, marks)


def code_faults(settings: Settings, marks: Mapping[KeyPath, Mark], *, sound: bool) -> Iterator[Fault]:
    """Yield the faults of hooks and agents, whose modules are imported.

    sound: model, providers, prices, tools, hooks are valid. If not, skip the agents: their faults would repeat those.
    """
    of_hooks = [fault.below("hooks") for fault in faults_of_owners(settings.hooks)]
    yield from (placed(fault, marks) for fault in of_hooks)
    for number, agent in enumerate(settings.agents if sound and not of_hooks else ()):
        yield from _agent_faults(("agents", number), agent.given(), settings, marks)


def _agent_faults(
    path: KeyPath, given: Mapping[str, Any], settings: Settings, marks: Mapping[KeyPath, Mark]
) -> Iterator[Fault]:
    """Yield the faults that start_agent would raise, and Python types, which a file can't hold."""
    answer = given.get("answer_type")
    if answer is not None and not isinstance(answer, Mapping):
        yield faulty((*path, "answer_type"), marks, "a JSON schema of an object", repr(answer))
        given = {**given, "answer_type": None}
    try:
        agent_config(given, settings)
    except InvalidAgentConfig as invalid:
        for fault in invalid.faults:
            yield placed(fault.below(*path), marks)
