"""The signature of a tool's function: the arguments that the model may send, as a JSON schema and as a validator.

A function that can't become a tool is refused here, with one line per fault.
"""

import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterator
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError

from agents.core.faults import Fault
from agents.tools.errors import InvalidTool

Validator = TypeAdapter[dict[str, Any]]

NAMED_LINE = re.compile(r"(?::param\s+|[-*]\s+)?(\w+)\s*(?:\([^)]*\))?:\s+(\S.*)")


class Bound:
    """A mark for a parameter that the host sets with `Tool.bind`: `root: Annotated[str, Bound]`.

    The model never sees the parameter.
    """


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters by name, with resolved annotations.

    Raises InvalidTool if JSON can't carry a parameter by its name.
    """
    where = location(function)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise InvalidTool(Fault((), "annotations that resolve", str(error), inside=where)) from error
    faults = [fault.within(where) for fault in _faults(signature.parameters.values(), hints)]
    if faults:
        raise InvalidTool(*faults)
    return {name: each.replace(annotation=hints[name]) for name, each in signature.parameters.items()}


def host_only(parameters: dict[str, inspect.Parameter]) -> frozenset[str]:
    """Return the names of the parameters that are marked Bound."""
    return frozenset(name for name, each in parameters.items() if Bound in getattr(each.annotation, "__metadata__", ()))


def validator_of(
    function: Callable[..., Any], parameters: dict[str, inspect.Parameter], hidden: Collection[str]
) -> tuple[Validator, dict[str, Any]]:
    """Return a validator for an object of arguments, and its JSON schema.

    Both leave the hidden parameters out. The validator fills in defaults.
    """
    shown = [each for name, each in parameters.items() if name not in hidden]

    def collect(**values: Any) -> dict[str, Any]:
        return values

    arguments: Any = collect

    # pydantic reads a function by these two. The "call" then returns the validated values.
    arguments.__signature__ = inspect.Signature(shown)
    arguments.__annotations__ = {each.name: each.annotation for each in shown}
    try:
        validator: Validator = TypeAdapter(arguments, config=ConfigDict(allow_inf_nan=False))
        schema = validator.json_schema()
    except PydanticUserError as error:
        got = str(error).partition("\n")[0]
        raise InvalidTool(Fault((), "types that JSON can carry", got, inside=location(function))) from error
    return validator, _described(schema, inspect.getdoc(function) or "")


def description_of(function: Callable[..., Any]) -> str:
    """Return the docstring's first paragraph, on one line."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def location(function: Callable[..., Any]) -> str:
    """Return the place of the function, for a person: file.py:12 name."""
    name = getattr(function, "__qualname__", repr(function))
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno} {name}" if code else name


def _faults(parameters: Collection[inspect.Parameter], hints: dict[str, Any]) -> Iterator[Fault]:
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            yield Fault((), "parameters with names", str(each))
        elif each.kind is each.POSITIONAL_ONLY:
            yield Fault((), "parameters that can be passed by name", f"positional-only {each.name}")
    bare = [each.name for each in parameters if each.name not in hints]
    if bare:
        yield Fault((), "an annotation on every parameter", f"{', '.join(bare)} without one")


def _described(schema: dict[str, Any], docstring: str) -> dict[str, Any]:
    """Return the schema without its generated titles. A parameter without a Field text gets its docstring line."""
    lines = dict(_documented(docstring))
    schema.setdefault("properties", {})
    for name, each in schema["properties"].items():
        each.pop("title", None)
        if name in lines:
            each.setdefault("description", lines[name])
    return schema


def _documented(docstring: str) -> Iterator[tuple[str, str]]:
    """Return (name, text) of every "name: text" in the docstring. A text ends at a blank line or at the next name."""
    name, text = "", ""
    for line in [*map(str.strip, docstring.splitlines()), ""]:
        found = NAMED_LINE.fullmatch(line)
        if (found or not line) and name:
            yield name, text
            name = ""
        if found:
            name, text = found.groups()
        elif name:
            text = f"{text} {line}"
