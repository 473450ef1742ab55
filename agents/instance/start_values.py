"""The values that an agent gets at its start and keeps to its end, from its configuration and the settings."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from agents.agent_config import AgentConfig, InvalidAgentConfig, agent_config
from agents.agent_config.kept import comes_back_whole, give, not_given
from agents.agent_config.of_settings import of_settings
from agents.budgets.account import Account
from agents.budgets.keeper import counts_here
from agents.core.charge import Payer
from agents.instance.state import Keeping
from agents.instance.waking import Origin
from agents.parts.store import MemoryParts, PartStore
from agents.sessions.session_parts import SessionParts
from agents.settings import Durability, Settings
from agents.sub_agents.parent_call import ParentCall
from agents.traces.span import NO_TRACER, Tracer
from agents.webhooks.announcer import Announcer


def checked_config(
    config: Mapping[str, Any], settings: Settings, origin: Origin, parent: ParentCall | None = None
) -> AgentConfig:
    """Return the checked configuration. Import no code that only the store names. Raises InvalidAgentConfig.

    parent: the call that the agent answers, whose turn limits the agent's.
    """
    if origin is Origin.KEPT:
        if (whole := of_settings(config, settings)) is not None:
            return checked_config(whole, settings, Origin.GIVEN)
        if faults := [*not_given(config, settings)]:
            raise InvalidAgentConfig(faults)
    checked = agent_config(config, settings, from_host=origin.of_host)
    if origin.of_host:
        give(config)
    if parent is None:
        return checked
    policy = replace(checked.policy, limits=parent.limited(checked.policy.limits))
    own = checked.charging
    charging = replace(own, budgets=own.budgets + parent.budgets)
    return replace(checked, parent=parent, policy=policy, charging=charging)


def keeping_of(config: Mapping[str, Any], settings: Settings, origin: Origin) -> Keeping:
    """Return the rules for keeping the session. The session of one turn is not kept."""
    if origin is Origin.ONCE:
        return Keeping.once()
    comes_back = comes_back_whole(config) or of_settings(config, settings) is not None
    return Keeping.by(settings, comes_back=comes_back)


def parts_of(agent_id: str, settings: Settings, keeping: Keeping) -> PartStore:
    """Return the store of the agent's parts: in memory, unless the session is kept."""
    kept = keeping.kept and settings.sessions.durability is not Durability.OFF
    return SessionParts(agent_id) if kept else MemoryParts()


def announcer_of(config: AgentConfig, settings: Settings) -> Announcer | None:
    """Return what makes the messages of webhooks about the agent's turns; None if no webhook gets any."""
    if not settings.webhooks:
        return None
    is_sub_agent = config.parent is not None
    return Announcer(settings.webhooks, config.id, config.name, config.owner, is_sub_agent=is_sub_agent) or None


def tracer_of(settings: Settings) -> Tracer:
    """Return what begins the spans of the agent's turns. Without telemetry, OpenTelemetry is not loaded."""
    if not settings.telemetry.enabled:
        return NO_TRACER
    from agents.traces.recorded import RecordingTracer

    return RecordingTracer(with_content=settings.telemetry.content)


async def account_of(config: AgentConfig, *, begun: bool) -> Account:
    """Return the account that pays the agent's model calls. Those of a sub-agent count to its caller's turn, too.

    begun: the session has turns. Raises SessionError.
    """
    parent = config.parent
    root = (config.id, "") if parent is None else (parent.root_session, parent.root_stream)
    charging = config.charging
    payer = Payer(config.owner, charging.account, config.id, "", *root)
    account = Account(payer, charging.budgets, counts_here())
    return await account.with_session() if begun else account
