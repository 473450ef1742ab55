"""The effect of changed settings on a running system: applied now, or at the next start. Pure.

A running turn keeps the settings that it began with, so no change cuts a turn.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from pydantic import BaseModel

from agents.configuration.faults import KeyPath, dotted
from agents.configuration.walking import keys
from agents.settings import Settings
from agents.settings.agent import AgentSettings


class Applies(StrEnum):
    """The things to which a change applies without a restart."""

    NEW_AGENTS = "agents that start from now on"
    PROVIDERS = "model calls from now on"
    SUPERVISORS = "restarts from now on"
    LOGGING = "log events from now on"
    GATEWAY = "requests from now on"


class Change(Struct, frozen=True):
    """A changed key, without its values: they may be secret.

    why: the things to which the change applies, or the reason why it does not apply.
    """

    path: KeyPath
    why: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.why}"


class Reload(Struct, frozen=True):
    """The outcome of a reload. settings: in force from now on. agents: to be started.

    rejected: the faults of the new settings. If there are any, nothing was applied.
    """

    settings: Settings
    applied: tuple[Change, ...] = ()
    needs_restart: tuple[Change, ...] = ()
    rejected: tuple[Change, ...] = ()
    agents: tuple[AgentSettings, ...] = ()


RULES: Final[Mapping[KeyPath, Applies]] = {
    ("model",): Applies.NEW_AGENTS,
    ("base_url",): Applies.NEW_AGENTS,
    ("api_key",): Applies.NEW_AGENTS,
    ("prices",): Applies.NEW_AGENTS,
    ("streaming",): Applies.NEW_AGENTS,
    ("streaming", "enable_compression"): Applies.GATEWAY,
    ("tools", "file_ops_root"): Applies.NEW_AGENTS,
    ("tools", "web_search_endpoint"): Applies.NEW_AGENTS,
    ("providers",): Applies.PROVIDERS,
    ("providers", "named"): Applies.NEW_AGENTS,
    ("providers", "order"): Applies.NEW_AGENTS,
    ("supervision",): Applies.SUPERVISORS,
    ("logging",): Applies.LOGGING,
    ("gateway", "tokens"): Applies.GATEWAY,
    ("gateway", "allowed_hosts"): Applies.GATEWAY,
    ("gateway", "allowed_origins"): Applies.GATEWAY,
    ("gateway", "heartbeat"): Applies.GATEWAY,
    ("gateway", "write_timeout"): Applies.GATEWAY,
    ("gateway", "max_body_bytes"): Applies.GATEWAY,
    ("gateway", "max_message_bytes"): Applies.GATEWAY,
    ("gateway", "max_connections"): Applies.GATEWAY,
    ("gateway", "clients"): Applies.GATEWAY,
}
"""By key path; the longest that fits counts. What has no rule needs a restart."""

AGENTS: Final = "agents"


def changes(old: Settings, new: Settings) -> Reload:
    """Return the effect of each key whose value differs between old and new."""
    settings = old
    applied: list[Change] = []
    needs_restart: list[Change] = []
    for path in differing(old, new):
        applies = rule(path)
        if applies is None:
            needs_restart.append(Change(path, "needs a restart"))
        else:
            applied.append(Change(path, f"applies to {applies}"))
            settings = _with(settings, path, _at(new, path))
    added = tuple(_added(old, new))
    applied += [Change((AGENTS, agent.id), "is started") for agent in added]
    needs_restart += _running(old, new)
    settings = settings.model_copy(update={AGENTS: (*old.agents, *added)})
    return Reload(settings, tuple(applied), tuple(needs_restart), agents=added)


def differing(old: Settings, new: Settings) -> Iterator[KeyPath]:
    """Return the keys whose values differ, with one entry per agent."""
    for path, value, _ in keys(new):
        if path != (AGENTS,) and value != _at(old, path):
            yield path


def rule(path: KeyPath) -> Applies | None:
    fitting = (path[:length] for length in range(len(path), 0, -1))
    return next((RULES[each] for each in fitting if each in RULES), None)


def _added(old: Settings, new: Settings) -> Iterator[AgentSettings]:
    known = {agent.id for agent in old.agents}
    return (agent for agent in new.agents if agent.id not in known)


def _running(old: Settings, new: Settings) -> Iterator[Change]:
    """Agents that were changed or removed keep running: their conversations must not end unasked."""
    after = {agent.id: agent for agent in new.agents}
    for agent in old.agents:
        if agent.id not in after:
            yield Change((AGENTS, agent.id), "goes on until it is stopped")
        elif agent != after[agent.id]:
            yield Change((AGENTS, agent.id), "goes on as it was started until it is stopped")


def _at(section: Any, path: KeyPath) -> Any:
    for part in path:
        section = getattr(section, str(part))
    return section


def _with(section: Any, path: KeyPath, value: Any) -> Any:
    name, below = str(path[0]), path[1:]
    if below:
        value = _with(getattr(section, name), below, value)
    assert isinstance(section, BaseModel)
    return section.model_copy(update={name: value})
