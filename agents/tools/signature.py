"""The signature of a tool's function: the arguments that the model may send, as a JSON schema and as a validator.

A function that can't become a tool is refused here, with one line per fault.
"""

import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from types import SimpleNamespace
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from agents.core.faults import Fault
from agents.tools.call_context import context_parameters, type_of_dependencies
from agents.tools.callables import described, docstring_of, given_names, location, needs_object
from agents.tools.docstring import parameter_texts
from agents.tools.errors import InvalidTool

Validator = TypeAdapter[dict[str, Any]]


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
        found = _own(function)
        hints = _hints(described(function), [each.name for each in found])
    except (NameError, TypeError, ValueError) as error:
        raise InvalidTool(Fault((), "annotations that resolve", str(error), inside=where)) from error
    faults = [fault.within(where) for fault in _faults(found, hints)]
    if faults:
        raise InvalidTool(*faults)
    parameters = {each.name: each.replace(annotation=hints[each.name]) for each in found}
    if len(contexts := context_parameters(parameters)) > 1:
        raise InvalidTool(Fault((), "one parameter that is a CallContext", " and ".join(contexts), inside=where))
    return parameters


def host_only(parameters: dict[str, inspect.Parameter]) -> frozenset[str]:
    """Return the names of the parameters that are marked Bound, and of the one that gets the context of the call."""
    marked = (name for name, each in parameters.items() if Bound in getattr(each.annotation, "__metadata__", ()))
    return frozenset((*marked, *context_parameters(parameters)))


def bindable(parameters: dict[str, inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """Return the parameters that `bind` can set. For the context of the call, it sets the dependencies."""
    found = dict(parameters)
    for name in context_parameters(parameters):
        kind = type_of_dependencies(found.pop(name))
        if kind is not None:
            found[name] = parameters[name].replace(annotation=Annotated[kind, Bound])
    return found


def validator_of(
    function: Callable[..., Any], parameters: dict[str, inspect.Parameter], hidden: Collection[str]
) -> tuple[Validator, dict[str, Any]]:
    """Return a validator for an object of arguments, and its JSON schema.

    Both leave out the hidden parameters, and those that a partial sets. The validator fills in defaults.
    """
    left_out = {*hidden, *given_names(function)}
    shown = [each for name, each in parameters.items() if name not in left_out]

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
        got = _without_json(shown, error)
        raise InvalidTool(Fault((), "types that JSON can carry", got, inside=location(function))) from error
    if faults := [fault.within(location(function)) for each in shown for fault in _wrong_default(each)]:
        raise InvalidTool(*faults)
    texts = parameter_texts(docstring_of(function), [each.name for each in shown])
    return validator, _described(schema, texts)


def _own(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a call, without the object of a method."""
    whole = described(function) if isinstance(function, classmethod) else function
    return [*inspect.signature(whole).parameters.values()][needs_object(function) :]


def _faults(parameters: Collection[inspect.Parameter], hints: dict[str, Any]) -> Iterator[Fault]:
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            yield Fault((), "parameters with names", str(each))
        elif each.kind is each.POSITIONAL_ONLY:
            yield Fault((), "parameters that can be passed by name", f"positional-only {each.name}")
    bare = [each.name for each in parameters if each.name not in hints]
    if bare:
        yield Fault((), "an annotation on every parameter", f"{', '.join(bare)} without one")


def _wrong_default(parameter: inspect.Parameter) -> Iterator[Fault]:
    """Yield the fault of a default that the parameter's own type refuses."""
    default = parameter.default
    if default is parameter.empty or isinstance(default, FieldInfo):
        return
    try:
        TypeAdapter(parameter.annotation).validate_python(default)
    except ValidationError:
        way_out = f"; write {_name(parameter)} | None" if default is None else ""
        got = repr(default)[:80] if isinstance(default, str | int | float | None) else type(default).__name__
        yield Fault((), f"a default that fits {_name(parameter)}", f"{got}{way_out}", inside=parameter.name)


def _hints(function: Any, names: Collection[str]) -> dict[str, Any]:
    """Return the resolved annotations of these parameters.

    Only these: a method's result may have a class that does not exist yet.
    """
    written = getattr(function, "__annotations__", {})
    unwrapped = inspect.unwrap(function)
    shown = SimpleNamespace(
        __annotations__={name: written[name] for name in names if name in written},
        __type_params__=getattr(unwrapped, "__type_params__", ()),
    )
    return typing.get_type_hints(shown, getattr(unwrapped, "__globals__", {}), include_extras=True)


def _without_json(shown: Iterable[inspect.Parameter], error: PydanticUserError) -> str:
    """Return the first parameter with a type that JSON can't carry, with the way out."""
    for each in shown:
        try:
            TypeAdapter(each.annotation).json_schema()
        except PydanticUserError:
            kind = _name(each)
            host = f"if the host gives it, write {each.name}: Annotated[{kind}, Bound] and bind the value"
            return f"{each.name}: {kind}; {host}"
    return str(error).partition("\n")[0]


def _name(parameter: inspect.Parameter) -> str:
    """Return the parameter's type as it is written, without marks."""
    written = parameter.annotation
    written = written.__origin__ if hasattr(written, "__metadata__") else written
    return written.__name__ if isinstance(written, type) else str(written).replace("typing.", "")


def _described(schema: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return the schema without its generated titles. A parameter without a Field text gets its docstring text."""
    schema.setdefault("properties", {})
    for name, each in schema["properties"].items():
        each.pop("title", None)
        if texts.get(name):
            each.setdefault("description", texts[name])
    return schema
