"""The faults of a tool's definition: its texts, and whether its isolation can run the function."""

import inspect
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agents.core.faults import Fault, dotted
from agents.core.text import no_text_in
from agents.tools import callables

if TYPE_CHECKING:
    from agents.tools.tool import Tool

WAY_OUT = 'write it in a module of its own, as async def, or with isolation="thread"'
STAYS = 'isolation="thread" and async def run it in this process'
DOCUMENTED = "a docstring that tells the model what the tool does"
WRITE = 'write """Look up a book.""" as the first line of the function, or give description='
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # the pattern that every provider accepts


def text_faults(made: "Tool") -> list[Fault]:
    name: object = made.name
    text: object = made.description
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return [Fault((), NAME.pattern, _named(name), inside="name")]
    if not isinstance(text, str):
        return [Fault((), "a str", _named(text), inside="description")]
    if not text.strip():
        return [Fault((), DOCUMENTED, f"none; {WRITE}")]
    half = no_text_in({"description": text, "parameters": made.parameters})
    return [] if half is None else [Fault((), half.expected, half.got, inside=dotted(half.path))]


def isolation_faults(made: "Tool") -> list[Fault]:
    function, is_async = made.function, callables.is_async(made.function)
    if inspect.isgeneratorfunction(callables.described(function)):
        return [Fault((), "a function that returns its result, or an async def that yields", "a generator")]
    match made.isolation:
        case "task" if not is_async:
            return [Fault((), "async def", "def, which would hold up the event loop", inside='isolation "task"')]
        case "thread" if is_async:
            return [Fault((), "def", "async def", inside='isolation "thread"')]
        case "process" if not _is_function_of_a_module(function):
            return [_needs_a_module(callables.kind_of(function), STAYS)]
        case "process":
            return _address_faults(function)
        case _:
            return []


def _address_faults(function: Callable[..., Any]) -> list[Fault]:
    module, qualname = callables.address_of(callables.described(function)) or ("", "")
    if "<" in qualname:
        return [_needs_a_module("a lambda or an inner function", WAY_OUT)]
    if not _has_file(sys.modules.get(module)):
        return [_needs_a_module(f"one of {module}, which has no file", WAY_OUT)]
    return []


def _is_function_of_a_module(function: Any) -> bool:
    """Return whether another process finds the function by its name in a module."""
    return isinstance(function, classmethod) or (
        callables.address_of(function) is not None and not callables.needs_object(function)
    )


def _needs_a_module(got: str, way_out: str) -> Fault:
    expected = "a function of a module that has a file"
    return Fault((), expected, f"{got}; {way_out}", inside='isolation "process"')


def _has_file(module: ModuleType | None) -> bool:
    """Return False for code that was typed into an interpreter or a notebook, read from stdin, or given with -c."""
    file = getattr(module, "__file__", None)
    return file is not None and (module is not sys.modules["__main__"] or os.path.exists(file))


def _named(value: object) -> str:
    from actors.kernel.errors import named  # only here: worker processes load no process system

    return named(value)
