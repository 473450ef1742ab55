"""The callables that may become tools: functions, methods, partials, objects with `__call__`.

A method's object, and the arguments of a partial, are values of this process. A worker process has none of them.
"""

import functools
import inspect
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from agents.core.faults import Fault
from agents.tools.errors import InvalidTool

RECEIVERS: Final = ("self", "cls")
PLAIN: Final = (FunctionType, MethodType, BuiltinFunctionType, functools.partial, classmethod)


def callable_of(given: Any) -> Callable[..., Any]:
    """Return the function, method or partial to call. Raises InvalidTool for a value that can't become a tool."""
    if isinstance(given, staticmethod):
        return callable_of(given.__func__)
    if isinstance(given, type):
        raise InvalidTool(Fault((), "a function", f"the class {given.__qualname__}: use a method of an object of it"))
    if isinstance(given, PLAIN) or hasattr(given, "__wrapped__"):
        return given  # type: ignore[no-any-return]  # a classmethod is bound when its class is known
    if not callable(given):
        raise InvalidTool(Fault((), "a function", type(given).__name__))
    method: Callable[..., Any] = given.__call__
    return method


def described(function: Any) -> Callable[..., Any]:
    """Return the function with the name, the docstring and the annotations."""
    if isinstance(function, functools.partial):
        return described(callable_of(function.func))
    return function.__func__ if isinstance(function, classmethod) else function


def name_of(function: Any) -> str:
    named: Any = described(function)
    if _is_call_of_object(named):
        return type(named.__self__).__name__
    return getattr(named, "__name__", "")


def docstring_of(function: Any) -> str:
    named = described(function)
    if _is_call_of_object(named):  # inspect.getdoc would find the text of `type.__call__`
        return inspect.cleandoc(named.__doc__ or "")
    return inspect.getdoc(named) or ""


def given_names(function: Any) -> frozenset[str]:
    """Return the names of the parameters that a partial sets by keyword."""
    return frozenset(function.keywords) if isinstance(function, functools.partial) else frozenset()


def needs_object(function: Any) -> bool:
    """Return whether the function is a method in the body of a class, whose first parameter is the object."""
    if isinstance(function, classmethod):
        return True
    if not inspect.isfunction(function) or _is_inner(function):
        return False
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and (first.name in RECEIVERS or first.annotation is first.empty)


def is_async(function: Any) -> bool:
    named = described(function)
    return inspect.iscoroutinefunction(named) or inspect.isasyncgenfunction(named)


def address_of(function: Any) -> tuple[str, str] | None:
    """Return (module, name) by which another process finds the function; None for values of this process."""
    if isinstance(function, MethodType) and isinstance(function.__self__, type):
        return function.__self__.__module__, f"{function.__self__.__qualname__}.{function.__name__}"
    return (function.__module__, function.__qualname__) if inspect.isfunction(function) else None


def kind_of(function: Any) -> str:
    """Return the words for a callable that is not a function of a module."""
    if isinstance(function, functools.partial):
        return "a partial, whose arguments are values of this process"
    if isinstance(function, MethodType):
        return f"a method of {type(function.__self__).__name__}, whose object is in this process"
    if needs_object(function):
        is_class = next(iter(inspect.signature(function).parameters)) == "cls"
        return "@tool below @classmethod, not above it" if is_class else "a method, whose object is in this process"
    return type(function).__name__


def location(function: Any) -> str:
    """Return the place of the function, for a person: file.py:12 name."""
    named = described(function)
    name = getattr(named, "__qualname__", type(named).__name__)
    code = getattr(inspect.unwrap(named), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno} {name}" if code else name


def _is_call_of_object(function: Any) -> bool:
    return isinstance(function, MethodType) and function.__name__ == "__call__"


def _is_inner(function: Any) -> bool:
    """Return whether the function is in no class, or was defined in a function."""
    around = function.__qualname__.rpartition(".")[0]
    return not around or around.endswith("<locals>")
