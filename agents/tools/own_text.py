"""The text of an object that is not JSON, a record or a collection, or advice on what to return in its place."""

import io
import types
from collections.abc import Awaitable, Iterator
from typing import Any, Final


class NoForm(Exception):
    """A value has no form in JSON. The text names the value and says what to return in its place."""


def own_text(value: Any) -> str:
    """Return the object's text: that of __str__, or a repr that is valid Python. Raises NoForm.

    A repr in angle brackets only describes the object, so the model could not use it. Source: documentation of `repr`.
    """
    if (advice := _advice(value)) is None:
        text = str(value)
        if _has_str(value) or not text.startswith("<"):
            return text
        advice = "return its data, as a dict"
    raise NoForm(f"a {name_of(value)}: {advice}")


def _advice(value: Any) -> str | None:
    """Return the advice for a kind of value whose text never helps; None for any other."""
    for kinds, advice in _ADVICE:
        if isinstance(value, kinds):
            if isinstance(value, types.CoroutineType):
                value.close()  # without this, Python warns that it was never awaited
            return advice
    return "return what it returns" if callable(value) and not _has_str(value) else None


def _has_str(value: Any) -> bool:
    """Return True if the object's class has a text for people."""
    return "__str__" in {name for kind in type(value).__mro__[:-1] for name in vars(kind)}


_ADVICE: Final[tuple[tuple[Any, str], ...]] = (
    (type, "return the data of an instance"),
    (types.ModuleType, "return data of it"),
    (io.IOBase, "return its text or its path"),
    (Awaitable, "await it in the tool"),
    (types.AsyncGeneratorType, "return a list of its values"),
    (Iterator, "return a list of its values"),
)


def name_of(value: Any) -> str:
    """Return the kind of a value, for a person."""
    return "class" if isinstance(value, type) else type(value).__name__
