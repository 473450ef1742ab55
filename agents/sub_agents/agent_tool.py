"""An agent as a tool: the value in a list of tools, and its name in the configuration file: ("agent", "researcher").

A call gives the agent one message. The result is the answer. Each call has a session of its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Final, TypeGuard, Unpack

from msgspec import UNSET
from pydantic import Field

from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.settings.agent import AgentSettings
from agents.settings.agent_options import AgentOptions, AgentToolOptions
from agents.tools.errors import InvalidTool
from agents.tools.tool import Tool, tool

AGENT: Final = "agent"
INVALID: Final = re.compile(r"[^a-zA-Z0-9_-]")
DEFAULT_TIME_MS: Final = 600_000
NOT_STARTED: Final = "expected a call by an agent that runs"
A_MAPPING: Final = 'the configuration of an agent as a mapping, as in {"model": "gpt-4o"}'
A_NAME: Final = "a name: the key `name` of the configuration, or name="


@dataclass(frozen=True, kw_only=True)
class AgentTool(Tool):
    """A tool whose calls an agent answers. agent: the agent's configuration. reference: its id in the settings."""

    agent: Mapping[str, Any] = field(hash=False, repr=False)
    reference: str | None = None


def as_tool(
    config: AgentOptions | Mapping[str, Any],
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Unpack[AgentToolOptions],
) -> AgentTool:
    """Return an agent as a tool for another agent. Raises InvalidTool.

    config: the keys of start_agent. name, description: for the calling model; by default those of the configuration.
    The key `id` has no effect: each call has an agent with an id of its own. options: as of `tool`. The default of
    timeout_s is the agent's `limits.time`.
    """
    if not isinstance(config, Mapping):
        raise InvalidTool(Fault((), A_MAPPING, type(config).__name__, inside="as_tool"))
    given = {key: value for key, value in config.items() if key != "id"}
    named = name if name is not None else INVALID.sub("_", str(given.get("name", "")))[:64]
    if not named:
        raise InvalidTool(Fault((), A_NAME, "none", inside="as_tool"))
    described = description if description is not None else str(given.get("description", ""))
    policy: dict[str, Any] = {"timeout_s": _time_s(given), **options}
    made = tool(name=named, description=described, isolation="task", idempotent=True, **policy)(_not_started)
    agent = {"name": named, **given}
    return AgentTool(**{each.name: getattr(made, each.name) for each in fields(made)}, agent=agent)


def _kept(entry: Any) -> Any:
    """Return the entry of a list of tools, or the tool of a kept configuration. Raises InvalidTool."""
    if not isinstance(entry, Mapping):
        return entry
    try:
        return as_tool(**entry)
    except TypeError:
        raise InvalidTool(Fault((), "a name, a Tool or a function", "dict")) from None


def as_kept(made: AgentTool, agent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tool as JSON data. agent: its agent's configuration as JSON data. Raises TypeError for other data."""
    if callable(made.requires_approval):
        raise TypeError(f"{made.name} has a rule that is code")
    options = {key: getattr(made, key) for key in AgentToolOptions.__annotations__}
    given = {key: value for key, value in options.items() if value is not UNSET}
    return {"config": dict(agent), "name": made.name, "description": made.description, **given}


def names_agent(entry: Any) -> TypeGuard[tuple[str, str] | list[str]]:
    """Return whether an entry of a list of tools names an agent of the settings."""
    return isinstance(entry, tuple | list) and len(entry) == 2 and entry[0] == AGENT and isinstance(entry[1], str)


def with_agents(named: Iterable[Any], known: Sequence[AgentSettings]) -> Iterator[Any]:
    """Yield the entries of a list of tools, with agents as tools in place of their names. Raises InvalidTool.

    known: the agents of the settings.
    """
    for place, each in enumerate(named):
        try:
            yield _agent_named(each[1], known) if names_agent(each) else _kept(each)
        except InvalidTool as invalid:
            raise InvalidTool(*(fault.below("tools", place) for fault in invalid.faults)) from None


def _agent_named(name: str, known: Iterable[AgentSettings]) -> AgentTool:
    """Return the agent of the settings with this id as a tool. Raises InvalidTool."""
    agents = {each.id: each for each in known}
    if name not in agents:
        expected = f"an agent of agents ({', '.join(agents) or 'none'})"
        raise InvalidTool(Fault((), expected, f"{name!r}{suggestion(name, agents)}"))
    return replace(_agent_of_settings(agents[name]), reference=name)


def _agent_of_settings(found: AgentSettings) -> AgentTool:
    return as_tool(found.given(), name=INVALID.sub("_", found.id)[:64], description=found.description)


async def _not_started(message: Annotated[str, Field(min_length=1, description="the task, with all it needs")]) -> Any:
    raise AssertionError(NOT_STARTED)


def _time_s(config: Mapping[str, Any]) -> float:
    """Return the deadline of a call: the agent's limit for a turn."""
    limits = config.get("limits")
    time = (
        limits.get("time", DEFAULT_TIME_MS) if isinstance(limits, Mapping) else getattr(limits, "time", DEFAULT_TIME_MS)
    )
    return (time if isinstance(time, int) and time > 0 else DEFAULT_TIME_MS) / 1000
