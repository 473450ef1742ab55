"""A tool: a typed function that a model may call, with the policy of how its calls run.

    @tool
    def add(a: int, b: int) -> int:
        '''Add two whole numbers.'''
        return a + b

    @tool(timeout_s=5.0, idempotent=True, retries=2)
    async def fetch(url: Annotated[str, Field(description="Where to look")]) -> str: ...

The model gets the name, the docstring's first paragraph, and the parameters.
"""

import inspect
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Generic, Unpack, overload

import msgspec
from pydantic import TypeAdapter, ValidationError
from typing_extensions import ParamSpec, TypeVar

from agents.core.faults import Fault, expectation
from agents.tools import arguments, signature
from agents.tools.errors import InvalidTool
from agents.tools.policy import Options, Policy, policy_faults, unknown_options
from agents.tools.signature import Validator

WAY_OUT = 'write it in a module of its own, as async def, or with isolation="thread"'
P = ParamSpec("P", default=...)
R = TypeVar("R", default=Any)

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # the pattern that every provider accepts


@dataclass(frozen=True, kw_only=True)
class Tool(Policy, Generic[P, R]):
    """A tool as a value: `tool` makes it, `bind` returns a changed copy. Policy holds how its calls run.

    A type checker knows the parameters and the result of the function: Tool[[int, int], int]. `Tool` means any tool.

    parameters: JSON schema of the object of arguments, closed (`additionalProperties` is false).
    bound: values that the host has set, as JSON data. The model neither sees nor sets them. fixed: the same values,
    typed.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    function: Callable[P, R]
    validator: Validator = field(repr=False, compare=False)
    bound: dict[str, Any] = field(default_factory=dict, hash=False)
    fixed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function directly: arguments are not validated, and bound values are filled in."""
        function: Callable[..., R] = self.function
        return function(*args, **{**self.fixed, **kwargs})

    def arguments(self, json_text: str) -> dict[str, Any]:
        """Return the values for a call of the function, bound values included. Raises InvalidArguments."""
        values = arguments.validated(json_text, self.validator, tuple(self.parameters["properties"]))
        return {**values, **self.fixed}

    def bind(self, **values: Any) -> "Tool[..., R]":
        """Return the tool with these parameters set by the host and hidden from the model. Raises InvalidTool.

        values must be plain JSON data, since a worker process gets them over its socket.
        """
        parameters = signature.parameters_of(self.function)
        unknown = values.keys() - parameters.keys()
        if unknown:
            expected = " or ".join(parameters) or "nothing"
            raise InvalidTool(Fault((), expected, ", ".join(sorted(unknown)), inside=f"{self.name}.bind"))
        bound = {**self.bound, **values}
        hidden = signature.host_only(parameters) | bound.keys()
        validator, schema = signature.validator_of(self.function, parameters, hidden)
        fixed = {name: _typed(f"{self.name}.bind: {name}", value, parameters[name]) for name, value in bound.items()}
        return replace(self, bound=bound, fixed=fixed, validator=validator, parameters=schema)

    @property
    def host_only(self) -> frozenset[str]:
        """Return the names of the parameters that are marked Bound."""
        return signature.host_only(signature.parameters_of(self.function))

    def unbound(self) -> tuple[str, ...]:
        """Return the names of the parameters that only the host can set, that have no default and no value yet."""
        parameters = signature.parameters_of(self.function)
        needed = signature.host_only(parameters) - self.bound.keys()
        return tuple(name for name, each in parameters.items() if name in needed and each.default is each.empty)


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *, name: str | None = ..., description: str | None = ..., **options: Unpack[Options]
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Unpack[Options],
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a Tool of a typed function, with or without options. Raises InvalidTool where the tool is defined.

    name, description: by default those of the function and its docstring. options: the fields of Policy, which explains
    each. isolation: by default "process" for `def` and "task" for `async def`.

    An `async def` that yields is a tool, too: the last value is the result, and each earlier value is progress.
    """

    def decorate(function: Callable[..., Any]) -> Tool:
        policy: dict[str, Any] = {"isolation": None, **options}
        policy["isolation"] = policy["isolation"] or ("task" if _is_async(function) else "process")
        _refuse(function, unknown_options(options))
        parameters = signature.parameters_of(function)
        validator, schema = signature.validator_of(function, parameters, signature.host_only(parameters))
        made = Tool(
            name=getattr(function, "__name__", "") if name is None else name,
            description=signature.description_of(function) if description is None else description,
            parameters=schema,
            function=function,
            validator=validator,
            **policy,
        )
        _refuse(function, _isolation_faults(made) or _name_faults(made) or policy_faults(made))
        return made

    return decorate if function is None else decorate(function)


def _refuse(function: Callable[..., Any], faults: list[Fault]) -> None:
    if faults:
        raise InvalidTool(*(fault.within(signature.location(function)) for fault in faults))


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _has_file(module: ModuleType | None) -> bool:
    """Return False for code that was typed into an interpreter or a notebook, read from stdin, or given with -c."""
    file = getattr(module, "__file__", None)
    return file is not None and (module is not sys.modules["__main__"] or os.path.exists(file))


def _typed(where: str, value: Any, parameter: inspect.Parameter) -> Any:
    """Return the value as the function gets it. It passes through JSON, as in a worker process."""
    try:
        return TypeAdapter(parameter.annotation).validate_json(msgspec.json.encode(value), strict=True)
    except ValidationError as error:
        raise InvalidTool(Fault((), expectation(error.errors()[0]), repr(value), inside=where)) from None
    except (TypeError, ValueError, RecursionError):
        raise InvalidTool(Fault((), "plain JSON data", repr(value), inside=where)) from None


def _name_faults(made: Tool) -> list[Fault]:
    return [] if NAME.fullmatch(made.name) else [Fault((), NAME.pattern, repr(made.name), inside="name")]


def _isolation_faults(made: Tool) -> list[Fault]:
    function, is_async = made.function, _is_async(made.function)
    if inspect.isgeneratorfunction(function):
        return [Fault((), "a function that returns its result, or an async def that yields", "a generator")]
    match made.isolation:
        case "task" if not is_async:
            return [Fault((), "async def", "def, which would hold up the event loop", inside='isolation "task"')]
        case "thread" if is_async:
            return [Fault((), "def", "async def", inside='isolation "thread"')]
        case "process" if not inspect.isfunction(function):
            return [_no_function_of_a_module(type(function).__name__)]
        case "process" if "<" in function.__qualname__:
            return [_no_function_of_a_module("a lambda or an inner function")]
        case "process" if not _has_file(sys.modules.get(function.__module__)):
            return [_no_function_of_a_module(f"one of {function.__module__}, which has no file")]
        case _:
            return []


def _no_function_of_a_module(got: str) -> Fault:
    expected = "a function of a module that has a file"
    return Fault((), expected, f"{got}; {WAY_OUT}", inside='isolation "process"')
