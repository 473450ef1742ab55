"""The tools of an agent: from the names in its configuration to Tool values. A mapping, not a process."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

from actors.kernel import errors
from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.core.outcome import OnUnknown
from agents.tools.errors import InvalidTool
from agents.tools.importing import found_at
from agents.tools.tool import Tool, tool

Named: TypeAlias = str | Tool | Callable[..., Any]
Bound: TypeAlias = Callable[[str], Mapping[str, Any]]
"""A function that returns the host's values for a tool's name. Called only for a tool with parameters marked Bound."""

# Imported only when an agent names one: web_search loads an HTTP client.
BUILTIN: Mapping[str, str] = MappingProxyType(
    {
        "ask_user": "agents.tools.builtin.ask_user:ask_user",
        "calculator": "agents.tools.builtin.calculator:calculator",
        "file_ops": "agents.tools.builtin.file_ops:file_ops",
        "web_search": "agents.tools.builtin.web_search:web_search",
    }
)


def resolve(
    named: Iterable[Named], bound: Bound = lambda _: {}, *, elsewhere: Callable[[Any], bool] = lambda _: False
) -> Mapping[str, Tool]:
    """Return the tools by the name that the model calls, in the given order.

    named: names of built-in tools, "module:function", Tools, or annotated functions.
    bound: gives the host's values for a tool, such as {"root": "/srv/notes"} for file_ops. Values for parameters not
    marked Bound are ignored: a program's tool may have the name of a built-in one.
    elsewhere: whether an entry of the list names no tool here, so that it is left out.
    Raises InvalidTool with every fault in the list.
    """
    tools: dict[str, Tool] = {}
    faults: list[Fault] = []
    for position, each in enumerate(named):
        if elsewhere(each):
            continue
        try:
            found = _bound(_found(each), bound)
        except InvalidTool as error:
            faults += [fault.below("tools", position) for fault in error.faults]
            continue
        if found.name in tools:
            faults.append(Fault(("tools", position), "every name once", f"{found.name} again"))
        tools[found.name] = found
    if faults:
        raise InvalidTool(*faults)
    return MappingProxyType(tools)


def with_defaults(tools: Mapping[str, Tool], timeout_s: float, on_unknown: OnUnknown) -> Mapping[str, Tool]:
    """Return the tools with these values in place of those that they lack."""
    return {
        name: replace(
            tool,
            timeout_s=timeout_s if tool.timeout_s is None else tool.timeout_s,
            on_unknown=on_unknown if tool.on_unknown is None and not tool.idempotent else tool.on_unknown,
        )
        for name, tool in tools.items()
    }


def usable(named: Any) -> Iterator[Tool]:
    """Return the valid tools of a list. An invalid tool, or a value that is not a list, is left out.

    `resolve` reports what was left out.
    """
    for each in named if isinstance(named, list | tuple) else ():
        with suppress(InvalidTool):
            yield _found(each)


def _bound(found: Tool, bound: Bound) -> Tool:
    if found.needs_object:
        got = f"{found.function.__qualname__} of the class: give {found.name} of an object"
        raise InvalidTool(Fault((), "the method of an object", got, inside=found.name))
    hidden = found.host_only
    values = {name: value for name, value in bound(found.name).items() if name in hidden} if hidden else {}
    found = found.bind(**values) if values else found
    missing = found.unbound()
    if missing:
        way = f"{found.name}.bind({'=..., '.join(missing)}=...) makes the tool to give"
        raise InvalidTool(Fault((), f"the host to bind {', '.join(missing)}", f"nothing; {way}", inside=found.name))
    return found


def _found(named: Named) -> Tool:
    match named:
        case Tool():
            return named
        case str() if named in BUILTIN:
            return _tool_at(BUILTIN[named])
        case str() if ":" in named:
            return _tool_at(named)
        case str():
            expected = f"{', '.join(BUILTIN)} or module:function"
            raise InvalidTool(Fault((), expected, f"{named!r}{suggestion(named, BUILTIN)}"))
        case _ if callable(named):
            return tool(named)
        case _:
            raise InvalidTool(Fault((), "a name, a Tool or a function", f"{errors.named(named)}{_methods(named)}"))


def _tool_at(path: str) -> Tool:
    found = found_at(path)
    if not isinstance(found, Tool) and not callable(found):
        raise InvalidTool(Fault((), "a tool or a function", type(found).__name__, inside=path))
    return _found(found)


def _methods(given: object) -> str:
    """Return the hint for an object whose class has tools."""
    names = [name for name, each in vars(type(given)).items() if isinstance(each, Tool)]
    return f"; give its methods: {', '.join(names)}" if names else ""
