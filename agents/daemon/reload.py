"""Apply new settings to a running system, without stopping anything.

    reloaded = await reload(settings, lambda: load(file, os.environ).settings)
    settings = reloaded.settings
    gateway.take(settings)

The supervisors get flags and specs from the new settings, as in OTP's code_change. Children that they start or restart
later use the new settings.
"""

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from actors import CallFailed, StartFailed
from agents import application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_registry import stands_in
from agents.configuration.changes import AGENTS, Change, Reload, changes, rule
from agents.configuration.faults import InvalidConfiguration
from agents.configuration.walking import secrets_of
from agents.core.faults import Fault
from agents.daemon.settings import node_name
from agents.instance.elsewhere import running_agent
from agents.llm.providers import change_policy
from agents.node.log_setup import set_up_logging
from agents.node.redaction import secrets_in
from agents.schedules.scheduler import take_settings
from agents.sessions import Elsewhere, SessionError
from agents.settings import Applies, Settings
from agents.settings.webhooks import WebhookSettings, unkept
from agents.webhooks.announcer import WEBHOOKS, take_webhooks
from supervisors import AlreadyStarted, ChildType, SupervisorError
from supervisors.agent_supervisor import start_agent, which_configs
from supervisors.api import code_change, delete_child, restart_child, terminate_child


async def reload(settings: Settings, read: Callable[[], Settings], secrets: Collection[str] = ()) -> Reload:
    """Apply the settings that read returns to everything except the gateway. settings: those in force so far.

    read: if it raises InvalidConfiguration, the faults are rejected and nothing changes. secrets: masked in the log,
    together with the secrets of the settings.
    """
    try:
        new = read()
    except InvalidConfiguration as invalid:
        return Reload(settings, rejected=tuple(_rejected(fault) for fault in invalid.faults))
    planned = changes(settings, new)
    planned = planned.with_stopped([each.id for each in planned.changed if await running_agent(each.id) is None])
    rejected = await _unfit(planned.settings)
    if rejected:
        return Reload(settings, rejected=rejected)
    await _apply(settings, planned, secrets)
    return await _with_agents(settings, planned)


def _rejected(fault: Fault) -> Change:
    why = str(replace(fault, path=(), where=None))
    return Change(fault.path, why if fault.where is None else f"{why} ({fault.where})")


async def _unfit(settings: Settings) -> tuple[Change, ...]:
    """Return the faults of the new settings: of webhooks, and of agents that a restart could not start again."""
    faults = unkept(settings.webhooks, settings.sessions.durability)
    rejected = [Change(fault.path, str(replace(fault, path=()))) for fault in faults]
    for config in await which_configs():
        try:
            agent_config(config, settings)
        except InvalidAgentConfig as invalid:
            path = (AGENTS, config["id"])
            rejected += [Change(path, f"runs, and could not be started any more: {fault}") for fault in invalid.faults]
    return tuple(rejected)


async def _apply(old: Settings, planned: Reload, secrets: Collection[str]) -> None:
    new, applies = planned.settings, {rule(change.path) for change in planned.applied}
    if Applies.LOGGING in applies or secrets_of(new) != secrets_of(old):
        masked = {*secrets_of(new), *secrets_in(os.environ), *secrets}
        set_up_logging(new.logging, masked, node=node_name(new))
    await _respecify(new)
    if Applies.PROVIDERS in applies:
        await change_policy(application.provider_policy(new))
    if Applies.SCHEDULES in applies:
        await take_settings(new)
    if Applies.WEBHOOKS in applies:
        await _send_to(new.webhooks)


async def _send_to(webhooks: tuple[WebhookSettings, ...]) -> None:
    """Have the process that sends messages use these webhooks. It runs as long as there are any."""
    with suppress(CallFailed, StartFailed, SupervisorError):  # one that is being restarted gets them from the tree
        if not webhooks:
            await terminate_child(application.NAME, WEBHOOKS)
            await delete_child(application.NAME, WEBHOOKS)
        elif not take_webhooks(webhooks):
            await restart_child(application.NAME, WEBHOOKS)


async def _respecify(settings: Settings) -> None:
    """Give the whole tree its new specs, from the root down."""
    flags, children = application.tree(settings)
    await code_change(application.NAME, flags, children)
    for child in children:
        if child.type is ChildType.SUPERVISOR and child.name is not None:
            await code_change(child.name, *child.args)


async def _with_agents(old: Settings, planned: Reload) -> Reload:
    """Return the planned reload with the outcome of its agents' starts. One that can't start has its old settings."""
    rejected: dict[str, Change] = {}
    for agent in planned.agents:
        if (refusal := await _refusal(agent.given())) is not None:
            rejected[agent.id] = Change((AGENTS, agent.id), refusal)
    if not rejected:
        return planned
    settings, applied = planned.settings, planned.applied
    before = {agent.id: agent for agent in old.agents}
    agents = (before.get(agent.id) if agent.id in rejected else agent for agent in settings.agents)
    return replace(
        planned,
        settings=settings.model_copy(update={AGENTS: tuple(agent for agent in agents if agent is not None)}),
        applied=tuple(change for change in applied if change.path not in {each.path for each in rejected.values()}),
        rejected=tuple(rejected.values()),
    )


async def _refusal(given: Mapping[str, Any]) -> str | None:
    """Return why the agent could not be started."""
    try:
        await start_agent(given)
    except AlreadyStarted as other:
        return None if stands_in(other.pid) else "an agent with this id runs"
    except Elsewhere:
        return None  # like one with a stand-in: another node of the cluster has started it
    except InvalidAgentConfig as invalid:
        return "; ".join(map(str, invalid.faults))
    except (SessionError, StartFailed) as failed:
        return f"can't be started: {failed}"
    return None
