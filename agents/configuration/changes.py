"""The effect of changed settings on a running system: applied now, or at the next start. Pure.

A running turn keeps the settings that it began with, so no change cuts a turn.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from agents.configuration.walking import keys
from agents.core.faults import KeyPath, dotted
from agents.settings import Applies, Settings
from agents.settings.agent import AgentSettings


class Change(Struct, frozen=True):
    """A changed key, without its values: they may be secret.

    path: empty for a whole file. why: the things to which the change applies, or the reason why it does not apply.
    """

    path: KeyPath
    why: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.why}" if self.path else self.why


class Reload(Struct, frozen=True):
    """The outcome of a reload. settings: in force from now on. agents: to be started. changed: new settings of agents.

    rejected: the faults of the new settings; nothing was then applied. Or the agents that could not be started; the
    rest was applied.
    """

    settings: Settings
    applied: tuple[Change, ...] = ()
    needs_restart: tuple[Change, ...] = ()
    rejected: tuple[Change, ...] = ()
    agents: tuple[AgentSettings, ...] = ()
    changed: tuple[AgentSettings, ...] = ()

    def with_stopped(self, stopped: Collection[str]) -> "Reload":
        """Return the reload that starts these changed agents with their new settings, since they do not run."""
        new = {agent.id: agent for agent in self.changed if agent.id in stopped}
        paths = [(AGENTS, id_) for id_ in new]
        return replace(
            self,
            settings=self.settings.model_copy(
                update={AGENTS: tuple(new.get(str(agent.id), agent) for agent in self.settings.agents)}
            ),
            applied=(*self.applied, *(Change(path, "is started with its new settings") for path in paths)),
            needs_restart=tuple(change for change in self.needs_restart if change.path not in paths),
            agents=(*self.agents, *new.values()),
        )


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
    before = {agent.id: agent for agent in old.agents}
    changed = tuple(agent for agent in new.agents if agent.id in before and agent != before[agent.id])
    return Reload(settings, tuple(applied), tuple(needs_restart), agents=added, changed=changed)


def differing(old: Settings, new: Settings) -> Iterator[KeyPath]:
    """Yield the keys whose values differ. `changes` compares the agents."""
    for path, value, _ in keys(new):
        if path != (AGENTS,) and value != _at(old, path):
            yield path


def rule(path: KeyPath) -> Applies | None:
    """Return the effect of a change of this key: its field's, else that of its section; None: it needs a restart."""
    section: Any = Settings
    applies: Applies | None = None
    for part in path:
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            break
        field = section.model_fields[str(part)]
        applies = next((each for each in field.metadata if isinstance(each, Applies)), applies)
        section = field.annotation
    return applies


def _added(old: Settings, new: Settings) -> Iterator[AgentSettings]:
    known = {agent.id for agent in old.agents}
    return (agent for agent in new.agents if agent.id not in known)


def _running(old: Settings, new: Settings) -> Iterator[Change]:
    """Agents that were changed or removed keep running: their conversations must not end unasked."""
    after = {agent.id: agent for agent in new.agents}
    for agent in old.agents:
        if agent.id not in after:
            yield Change((AGENTS, agent.id), "keeps running until it is stopped")
        elif agent != after[agent.id]:
            yield Change((AGENTS, agent.id), "keeps its settings: stop it, then reload again")


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
