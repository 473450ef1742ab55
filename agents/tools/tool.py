"""A tool: a typed function that a model may call, with the policy of how its calls run.

    @tool
    def add(a: int, b: int) -> int:
        '''Add two whole numbers.'''
        return a + b

    @tool(timeout_s=5.0, idempotent=True, retries=2)
    async def fetch(url: Annotated[str, Field(description="Where to look")]) -> str: ...

The model gets the name, the docstring's first paragraph, and the parameters with their texts.
A function, a method, a partial and an object with `__call__` may be a tool. In the body of a class `@tool` makes a
tool of each object: `desk.lookup`. `bind` sets parameters that the model never sees.
"""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import MethodType
from typing import Any, Generic, TypeAlias, Unpack, overload

from typing_extensions import ParamSpec, TypeVar

from agents.core.faults import Fault
from agents.core.outcome import OnUnknown, Outcome
from agents.tools import arguments, binding, callables, docstring, signature
from agents.tools.call_context import CallContext, context_parameters, of_attempt
from agents.tools.definition import isolation_faults, text_faults
from agents.tools.errors import InvalidTool
from agents.tools.policy import Isolation, Options, Policy, policy_faults, unknown_options
from agents.tools.signature import Validator

P = ParamSpec("P", default=...)
R = TypeVar("R", default=Any)
Verify: TypeAlias = Callable[..., Outcome | Awaitable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Tool(Policy, Generic[P, R]):
    """A tool as a value: `tool` makes it, `bind` returns a changed copy. Policy holds how its calls run.

    A type checker knows the parameters and the result of the function: Tool[[int, int], int]. `Tool` means any tool.

    parameters: JSON schema of the object of arguments, closed (`additionalProperties` is false).
    bound: values that the host has set. The model neither sees nor sets them. In a worker process they are JSON data.
    fixed: the same values, as the function gets them.
    context: the name of the parameter that gets the CallContext, or "". dependencies: the value that is bound to it.
    verification: `verify`, as a tool with some of the same parameters.

    The text of a tool shows no value of the host: neither a bound one, nor a method's object.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    function: Callable[P, R]
    validator: Validator = field(repr=False, compare=False)
    bound: dict[str, Any] = field(default_factory=dict, hash=False)
    fixed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    context: str = ""
    dependencies: Any = field(default=None, repr=False, compare=False)
    verification: "Tool | None" = None

    def __repr__(self) -> str:
        return f"Tool(name={self.name!r}, isolation={self.isolation!r})"

    def __get__(self, instance: object, owner: type | None = None) -> "Tool[..., R]":
        """Return the tool of a method with its object, as Python does for a function in the body of a class.

        Type checkers know the result only: mypy can't tell a static method from one whose first parameter is an object.
        """
        function: Any = self.function
        verification = None if self.verification is None else self.verification.__get__(instance, owner)
        if isinstance(function, classmethod):
            return replace(self, function=function.__get__(instance, owner), verification=verification)
        if instance is None or not self.needs_object:
            return self
        return replace(self, function=MethodType(function, instance), verification=verification)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function directly: arguments are not validated, and bound values are filled in."""
        function: Callable[..., R] = self.function
        return function(*args, **{**self.fixed, **kwargs})

    def arguments(self, json_text: str) -> dict[str, Any]:
        """Return the values for a call of the function, bound values included. Raises InvalidArguments."""
        values = arguments.validated(json_text, self.validator, tuple(self.parameters["properties"]))
        return {**values, **self.fixed}

    def with_context(self, values: dict[str, Any], context: CallContext) -> dict[str, Any]:
        """Return the values with the context, if the function has a parameter for it."""
        if not self.context:
            return values
        return {**values, self.context: of_attempt(context, self.dependencies)}

    def bind(self, **values: Any) -> "Tool[..., R]":
        """Return the tool with these parameters set by the host and hidden from the model. Raises InvalidTool.

        A worker process gets the values over its socket, so there they must be plain JSON data. In a task or a thread
        the function gets the value itself.
        """
        parameters = signature.bindable(signature.parameters_of(self.function))
        unknown = values.keys() - parameters.keys()
        if unknown:
            expected = " or ".join(parameters) or "nothing"
            raise InvalidTool(Fault((), expected, ", ".join(sorted(unknown)), inside=f"{self.name}.bind"))
        new = {
            name: binding.bound_value(f"{self.name}.bind: {name}", value, parameters[name], self.isolation == "process")
            for name, value in values.items()
        }
        bound = {**self.bound, **{name: value for name, (value, _) in new.items()}}
        fixed = {**self.fixed, **{name: typed for name, (_, typed) in new.items()}}
        dependencies = fixed.pop(self.context, self.dependencies)
        hidden = signature.host_only(parameters) | bound.keys()
        validator, schema = signature.validator_of(self.function, parameters, hidden)
        return replace(
            self,
            bound=bound,
            fixed=fixed,
            dependencies=dependencies,
            validator=validator,
            parameters=schema,
            verification=self._bound_verification(values),
        )

    def _bound_verification(self, values: dict[str, Any]) -> "Tool | None":
        """Return the verification with those of the values that it has parameters for."""
        if (asked := self.verification) is None:
            return None
        own = {asked.context if name == self.context else name: value for name, value in values.items()}
        settable = signature.bindable(signature.parameters_of(asked.function))
        given = {name: value for name, value in own.items() if name in settable}
        return asked.bind(**given) if given else asked

    @property
    def needs_object(self) -> bool:
        """Return whether the tool is a method in the body of a class: only that of an object can run."""
        return callables.needs_object(self.function)

    @property
    def settles(self) -> bool:
        """Return whether a call that a crash cut is more than told to the model."""
        return self.verification is not None or self.on_unknown in (OnUnknown.ASK, OnUnknown.RUN)

    @property
    def host_only(self) -> frozenset[str]:
        """Return the names of the parameters that are marked Bound."""
        return signature.host_only(signature.parameters_of(self.function))

    def unbound(self) -> tuple[str, ...]:
        """Return the names of the parameters that only the host can set, that have no default and no value yet."""
        parameters = signature.bindable(signature.parameters_of(self.function))
        needed = signature.host_only(parameters) - self.bound.keys()
        return tuple(name for name, each in parameters.items() if name in needed and each.default is each.empty)


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = ...,
    description: str | None = ...,
    verify: Verify | None = ...,
    **options: Unpack[Options],
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    verify: Verify | None = None,
    **options: Unpack[Options],
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a Tool of a typed function, with or without options. Raises InvalidTool where the tool is defined.

    name, description: by default those of the function and its docstring. options: the fields of Policy, which explains
    each. isolation: by default "process" for `def` and "task" for `async def`. verify: finds out whether a call that
    failed or was cut took effect, and returns Happened, DidNotHappen or NotKnown. Its parameters are arguments of the
    tool, by their names, and the context.

    An `async def` that yields is a tool, too: the last value is the result, and each earlier value is progress.
    """

    def decorate(given: Callable[..., Any]) -> Tool:
        if isinstance(given, MethodType) and isinstance(given.__func__, Tool):  # a classmethod around a tool
            return given.__func__.__get__(given.__self__)
        function = _function_of(given)
        policy: dict[str, Any] = {"isolation": None, **options}
        if policy.get("on_unknown") in [*OnUnknown]:
            policy["on_unknown"] = OnUnknown(policy["on_unknown"])
        chosen = "task" if callables.is_async(function) else "thread" if options.get("asks") is True else "process"
        policy["isolation"] = policy["isolation"] or chosen
        _refuse(function, unknown_options(options))
        parameters = signature.parameters_of(function)
        validator, schema = signature.validator_of(function, parameters, signature.host_only(parameters))
        documented = docstring.description(callables.docstring_of(function))
        made = Tool(
            name=callables.name_of(function) if name is None else name,
            description=documented if description is None else description,
            parameters=schema,
            function=function,
            validator=validator,
            context=next(iter(context_parameters(parameters)), ""),
            **policy,
        )
        _refuse(function, isolation_faults(made) or text_faults(made) or policy_faults(made))
        return made if verify is None else replace(made, verification=_verification_of(made, verify))

    return decorate if function is None else decorate(function)


def _verification_of(made: Tool, verify: Verify) -> Tool:
    """Return the tool that finds out the outcome of a call. Raises InvalidTool."""
    isolation: Isolation = "process" if made.isolation == "process" else "thread"
    given: Options = {"idempotent": True, "isolation": None if callables.is_async(verify) else isolation}
    asked: Tool = tool(name=made.name, description=f"Verify {made.name}.", **given)(verify)
    faults = []
    if made.idempotent:
        faults.append(Fault((), "None where idempotent=True: the call runs again", "a function"))
    elif unknown := asked.parameters["properties"].keys() - made.parameters["properties"].keys():
        faults.append(Fault((), f"parameters of {made.name} and a CallContext", ", ".join(sorted(unknown))))
    _refuse(made.function, [Fault((), each.expected, each.got, inside="verify") for each in faults])
    return asked


def _function_of(given: Any) -> Callable[..., Any]:
    """Return what a call of the tool calls. Raises InvalidTool for a value that can't be called as a tool."""
    inner = getattr(given, "func", None) if isinstance(given, functools.partial) else given
    if isinstance(inner, Tool):
        raise InvalidTool(Fault((), "a function", f"the tool {inner.name}: {inner.name}.bind(...) sets parameters"))
    return callables.callable_of(given)


def _refuse(function: Callable[..., Any], faults: list[Fault]) -> None:
    if faults:
        raise InvalidTool(*(fault.within(callables.location(function)) for fault in faults))
