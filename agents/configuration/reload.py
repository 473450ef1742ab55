"""Takes new settings over in a system that runs: nothing that runs is stopped.

    reloaded = await reload(settings, lambda: load(file, os.environ).settings, gateway.take)
    settings = reloaded.settings

The supervisors get the flags and specs that the new settings make, as by OTP's code_change: what they start, or start
anew, is of the new settings.
"""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec.structs import replace

from actors import Pid, StartFailed
from actors.sys import get_state, replace_state
from agents import application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.configuration.changes import AGENTS, Applies, Change, Reload, changes, rule
from agents.configuration.faults import Fault, InvalidConfiguration
from agents.configuration.walking import secrets_of
from agents.llm.provider import LLM_SUPERVISOR, ProviderPolicy, ProviderState
from agents.log_setup import set_up_logging
from agents.redaction import secrets_in
from agents.sessions import SessionError
from agents.settings import Settings
from supervisors import AlreadyStarted, ChildType
from supervisors.agent_supervisor import AGENT_SUPERVISOR, start_agent
from supervisors.api import code_change, which_children
from supervisors.dynamic_supervisor import Brood


async def reload(
    settings: Settings,
    read: Callable[[], Settings],
    gateway: Callable[[Settings], None],
    secrets: Collection[str] = (),
) -> Reload:
    """Take over what read returns; settings are those that hold so far.

    read: raises InvalidConfiguration, whose faults are then what is rejected. gateway: called if something of the
    gateway's has changed. secrets: that no log may show, beside those of the settings.
    """
    try:
        new = read()
    except InvalidConfiguration as invalid:
        return Reload(settings, rejected=tuple(_rejected(fault) for fault in invalid.faults))
    planned = changes(settings, new)
    rejected = await _unfit(planned.settings)
    if rejected:
        return Reload(settings, rejected=rejected)
    await _apply(settings, planned, gateway, secrets)
    return await _with_agents(planned)


def _rejected(fault: Fault) -> Change:
    return Change(fault.path, f"expected {fault.expected}, got {fault.got} ({fault.where})")


async def _unfit(settings: Settings) -> tuple[Change, ...]:
    """What agents that run need and would lose: each may have to be started anew, by the new settings."""
    brood: Brood = await get_state(AGENT_SUPERVISOR)
    rejected: list[Change] = []
    for config, *_ in (*brood.running.values(), *brood.restarting.values()):
        try:
            agent_config(config, settings)
        except InvalidAgentConfig as invalid:
            path = (AGENTS, config["id"])
            rejected += [Change(path, f"runs, and could not be started any more: {line}") for line in invalid.faults]
    return tuple(rejected)


async def _apply(old: Settings, planned: Reload, gateway: Callable[[Settings], None], secrets: Collection[str]) -> None:
    new, applies = planned.settings, {rule(change.path) for change in planned.applied}
    if Applies.LOGGING in applies or secrets_of(new) != secrets_of(old):
        set_up_logging(new.logging, {*secrets_of(new), *secrets_in(os.environ), *secrets})
    await _respecify(new)
    if Applies.PROVIDERS in applies:
        await _change_policy(application.provider_policy(new))
    if Applies.GATEWAY in applies:
        gateway(new)


async def _respecify(settings: Settings) -> None:
    """The whole tree once more, from the root down."""
    flags, children = application.tree(settings)
    await code_change(application.NAME, flags, children)
    for child in children:
        if child.type is ChildType.SUPERVISOR and child.name is not None:
            await code_change(child.name, *child.args)


async def _change_policy(policy: ProviderPolicy) -> None:
    """Of the providers that are in use."""

    def changed(state: ProviderState) -> ProviderState:
        return replace(state, policy=policy)

    for provider in await which_children(LLM_SUPERVISOR):
        if isinstance(provider.pid, Pid):
            await replace_state(provider.pid, changed)


async def _with_agents(planned: Reload) -> Reload:
    """What was planned, and what came of the agents to start."""
    rejected: dict[str, Change] = {}
    for agent in planned.agents:
        if (refusal := await _refusal(agent.given())) is not None:
            rejected[agent.id] = Change((AGENTS, agent.id), refusal)
    if not rejected:
        return planned
    settings, applied = planned.settings, planned.applied
    return replace(
        planned,
        settings=settings.model_copy(update={AGENTS: tuple(a for a in settings.agents if a.id not in rejected)}),
        applied=tuple(change for change in applied if change.path not in {each.path for each in rejected.values()}),
        rejected=tuple(rejected.values()),
    )


async def _refusal(given: Mapping[str, Any]) -> str | None:
    """Why the agent could not be started."""
    try:
        await start_agent(given)
    except AlreadyStarted:
        return "an agent with this id runs"
    except InvalidAgentConfig as invalid:
        return "; ".join(invalid.faults)
    except (SessionError, StartFailed) as failed:
        return f"can't be started: {failed}"
    return None
