"""Values that the host binds to a tool's parameters. An error names their types only, since they may be secrets."""

import inspect
from typing import Any, Final

import msgspec
from pydantic import ConfigDict, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from agents.core.faults import Fault, expectation
from agents.tools.errors import InvalidTool

STAYS: Final = 'a worker process gets it over a socket. isolation="thread" and async def keep it in this process'

OWN_WORDS: Final = frozenset({"needs_python_object", "value_error", "assertion_error"})
"""Pydantic's faults that get other words. The first is about a type that no JSON has; the others may show the value."""


def bound_value(where: str, value: Any, parameter: inspect.Parameter, process: bool) -> tuple[Any, Any]:
    """Return the value to keep, and the value that the function gets. Raises InvalidTool.

    process: the calls run in worker processes, so the value must be JSON data. It is converted to the parameter's type
    there. Otherwise a value of that type stays the same object, and any other value is converted as JSON data.
    """
    adapter = _adapter(parameter.annotation)
    if not process and (adapter is None or _is_of(adapter, value)):
        return value, value
    if adapter is None:
        got = f"{_name(parameter.annotation)}; {STAYS}"
        raise InvalidTool(Fault((), "a type that JSON can carry", got, inside=where))
    value = value.get_secret_value() if isinstance(value, SecretStr | SecretBytes) else value
    try:
        return value, adapter.validate_json(msgspec.json.encode(value), strict=True)
    except ValidationError as error:
        expected = _expected(error, parameter)
        raise InvalidTool(Fault((), expected, f"a value of type {type(value).__name__}", inside=where)) from None
    except (TypeError, ValueError, RecursionError):
        name = type(value).__name__
        expected, got = ("plain JSON data", f"{name}; {STAYS}") if process else (_name(parameter.annotation), name)
        raise InvalidTool(Fault((), expected, got, inside=where)) from None


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """Return the check of a type; None for a type that can't be checked, such as a Protocol."""
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model has a configuration of its own
        pass
    except (SchemaError, TypeError):
        return None
    try:
        return TypeAdapter(annotation)
    except (PydanticUserError, SchemaError, TypeError):
        return None


def _is_of(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except (ValidationError, TypeError):
        return False
    return True


def _expected(error: ValidationError, parameter: inspect.Parameter) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    return _name(parameter.annotation) if fault["type"] in OWN_WORDS else expectation(fault)


def _name(annotation: Any) -> str:
    inner = getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
    return getattr(inner, "__name__", None) or str(inner)
