"""The part of an agent's configuration that is kept with its session, and the check before it is used again.

Other programs may write to the store, so its content is data and not trusted. A kept configuration may name built-in
tools, and providers of the settings. Code, addresses and MCP servers are accepted only if this program has given them
to an agent, by its configuration or by start_agent. An address with its own secrets is not accepted, because no
secret is kept. The secrets of an agent of the settings are there: of_settings.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
from pydantic import BaseModel

from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.core.faults import Fault, KeyPath
from agents.core.text import each_text, joined_surrogates
from agents.hooks import Hook, hook
from agents.hooks.points import POINTS
from agents.mcp.spec import ServerSpec, names_server
from agents.node.redaction import Redactor
from agents.settings import Settings
from agents.sub_agents.agent_tool import AGENT, AgentTool, as_kept, names_agent
from agents.tools.callables import address_of
from agents.tools.registry import BUILTIN
from agents.tools.tool import Tool

SECRETS: Final = ("api_key", "headers", "query")
"""Keys whose values may be secrets."""
ADDRESS: Final = "base_url"
AWS: Final = "aws"
"""The key for requests that are signed with credentials of the host. It belongs to the address."""

_given: Final[WeakKeyDictionary[ProcessSystem, set[str]]] = WeakKeyDictionary()
"""The code and the addresses that each application has given to its agents."""


def kept_config(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the configuration for a later start, as JSON data without secrets; None if JSON can't contain it."""
    try:
        config = {key: _plain(key, value) for key, value in given.items() if key not in SECRETS}
        kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config))
    except (TypeError, ValueError, RecursionError):
        return None
    return kept


def comes_back_whole(given: Mapping[str, Any]) -> bool:
    """Return whether an agent with this configuration can be restored completely from its session.

    An agent's own secrets are not kept, and an answer type without a bounded check is not accepted from a store.
    """
    kept = kept_config(given)
    return kept is not None and not _has_secret(given) and all(map(_bounded, _answer_types(kept)))


def restored(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept configuration in the form for start_agent. Invalid text from an old store is replaced."""
    config: dict[str, Any] = each_text(joined_surrogates, dict(kept))
    return config


def give(given: Mapping[str, Any]) -> None:
    """Record the code and the addresses of an agent that the program starts, for `not_given`."""
    config = kept_config(given) or {}
    named = {tool for _, tool in _tools(config) if isinstance(tool, str) and ":" in tool}
    named |= {_other(tool) for _, tool in _tools(config) if _names_other(tool)}
    if not _has_secret(given):
        named |= {address for _, each in _asked(config) if (address := _asked_address(each)) is not None}
    if named:
        _given.setdefault(current_system(), set()).update(named)


def not_given(kept: Mapping[str, Any], settings: Settings) -> Iterator[Fault]:
    """Yield a fault for each name in a kept configuration that is not accepted."""
    given = _given.get(current_system(), set()) | {settings.base_url, *BUILTIN.values()}
    for path, tool in _tools(kept):
        if isinstance(tool, str) and ":" in tool and tool not in given:
            yield Fault(path, "a built-in tool, or code that this program gave an agent", repr(tool))
        elif _names_other(tool) and _other(tool) not in given:
            what = "a server" if names_server(tool) else "a sub-agent"
            yield Fault(path, f"{what} that this program gave an agent", repr(_other(tool)))
    for path, each in _asked(kept):
        address = _asked_address(each)
        if address is not None and address not in given:
            expected, got = "an address that this program gave an agent without a key", Redactor()(address)
            yield Fault((*path, ADDRESS if each.get(AWS) is None else AWS), expected, repr(got))
        for secret in SECRETS:
            if each.get(secret) is not None:
                yield Fault((*path, secret), "none with a session", "a secret")


def _asked_address(config: Mapping[str, Any]) -> str | None:
    """Return the configuration's own address, with its signature if it has one."""
    address, aws = config.get(ADDRESS), config.get(AWS)
    if aws is None:
        return None if address is None else str(address)
    return f"{address or 'Bedrock'} signed by {msgspec.json.encode(aws, order='sorted').decode()}"


def _names_other(tool: Any) -> bool:
    """Return whether an entry of a list of tools names a server or an agent of the settings."""
    return names_server(tool) or names_agent(tool)


def _other(tool: Any) -> str:
    """Return the name of a server or an agent as no code and no address is written."""
    return f"{tool[0]} {tool[1]}"


def _tools(config: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the tools and hooks of an agent and of its sub-agents, each with its path."""
    for place, tool in enumerate(_list(config.get("tools"))):
        yield (*path, "tools", place), tool
    for place, each in enumerate(_list(config.get("handoffs"))):
        if isinstance(each, str):
            yield (*path, "handoffs", place), (AGENT, each)
    hooks = _mapping(config.get("hooks"))
    for point in POINTS if isinstance(hooks, Mapping) else ():
        for place, each in enumerate(_list(hooks.get(point))):
            yield (*path, "hooks", point, place), each
    for below, agent in _sub_agents(config):
        yield from _tools(agent, (*path, *below))


def _sub_agents(config: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Yield the configurations of the agents that are tools or get a hand-off, each with its path."""
    for place, each in enumerate(_list(config.get("handoffs"))):
        if isinstance(each, Mapping):
            yield ("handoffs", place), each
    for place, tool in enumerate(_list(config.get("tools"))):
        agent = tool.agent if isinstance(tool, AgentTool) else tool.get("config") if isinstance(tool, Mapping) else None
        if isinstance(agent, Mapping) and not (isinstance(tool, AgentTool) and tool.reference is not None):
            yield ("tools", place, "agent"), agent


def _has_secret(given: Mapping[str, Any]) -> bool:
    return any(secret in each for _, each in _asked(given) for secret in SECRETS)


def _answer_types(config: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the answer types of an agent and of its sub-agents."""
    yield config.get("answer_type")
    for _, agent in _sub_agents(config):
        yield from _answer_types(agent)


def _bounded(answer_type: Any) -> bool:
    if answer_type is None:
        return True
    try:
        AnswerType.bounded(answer_type)
    except InvalidAnswerType:
        return False
    return True


def _asked(config: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Yield the parts of a configuration that may have an address and a key, each with its path."""
    yield (), config
    for number, fallback in enumerate(_list(config.get("fallbacks"))):
        if isinstance(fallback, Mapping | BaseModel):
            yield ("fallbacks", number), _mapping(fallback)
    for path, agent in _sub_agents(config):
        yield from (((*path, *below), each) for below, each in _asked(agent))


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _plain(key: str, value: Any) -> Any:
    match key:
        case "tools":
            if any(isinstance(tool, ServerSpec) for tool in value):
                raise TypeError("a server that is not in the settings has no name that another program knows")
            return [_kept_tool(tool) if isinstance(tool, Tool) else tool for tool in value]
        case "handoffs":
            return [_kept_agent(each) if isinstance(each, Mapping) else each for each in value]
        case "hooks" if value is not None:
            return {
                key: [_kept_hook(each) for each in entry] if key in POINTS else entry
                for key, entry in _mapping(value).items()
            }
        case "fallbacks" if value is not None:
            return [
                {name: _mapping(each) for name, each in _mapping(fallback).items() if name not in SECRETS}
                for fallback in value
            ]
        case "answer_type" if isinstance(value, type) and issubclass(value, BaseModel):
            return value.model_json_schema()
        case _ if isinstance(value, BaseModel):
            return _mapping(value)
        case _:
            return value


def _kept_tool(tool: Tool) -> Any:
    """Return a tool in the form for the store. Raises TypeError for a tool that another program can't find."""
    if not isinstance(tool, AgentTool):
        return _address(tool)
    return as_kept(tool, _kept_agent(tool.agent))


def _kept_hook(named: Any) -> Any:
    """Return a hook in the form for the store. Raises TypeError as `_kept_tool`."""
    return named if isinstance(named, str) else _address(named if isinstance(named, Hook) else hook(named))


def _kept_agent(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of another agent for the store. Raises TypeError as `_kept_tool`."""
    if (kept := kept_config(given)) is None:
        raise TypeError("an agent has a part that another program can't find")
    return kept


def _mapping(section: Any) -> Any:
    """Return a section of a configuration as a mapping. A program may give it as an instance of its settings class."""
    return section.model_dump(exclude_unset=True) if isinstance(section, BaseModel) else section


def _address(tool: Tool) -> str:
    """Return the address of a tool's function, "module:name".

    Raises TypeError, like the JSON encoder, for a tool that another program can't find.
    """
    address = address_of(tool.function)
    if address is None or address[0] == "__main__" or "<" in address[1] or tool.bound or tool.needs_object:
        raise TypeError(f"{tool.name} has no address")
    return ":".join(address)
