"""Sessions with the configuration of an agent of the settings: they have its address and its secrets."""

from collections.abc import Mapping
from typing import Any, Final

from agents.agent_config.kept import kept_config
from agents.settings import Settings
from agents.settings.agent import AgentSettings

OWN: Final = ("id", "name", "owner", "account")
"""Keys that a session has of its own, if a client begins it with an agent of the settings."""


def of_settings(config: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """Return the configuration with its secrets if it is that of an agent of the settings, whole or kept; else None.

    It may have another id: a client may begin sessions with the agent. They have the agent's account, which only a host
    sets. None also if several agents fit that have different secrets.
    """
    found = [whole for agent in settings.agents if _may_be_of(agent, config) and (whole := _whole(config, agent))]
    return found[0] if found and all(each == found[0] for each in found) else None


def _may_be_of(agent: AgentSettings, config: Mapping[str, Any]) -> bool:
    if config.get("id") == agent.id:
        return bool(config.get("owner") == agent.owner)
    return config.get("account") in {agent.account or agent.name, agent.id}


def _whole(config: Mapping[str, Any], agent: AgentSettings) -> dict[str, Any] | None:
    """Return the agent's configuration for this session, if the session's one, whole or kept, is the same."""
    whole = {**agent.given(), **{key: config[key] for key in OWN if key in config}}
    return whole if config in (whole, kept_config(whole)) else None
