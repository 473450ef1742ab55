"""The reference of errors: faults of a stream, exceptions of the public modules, refusals over HTTP."""

import importlib
import inspect
from collections.abc import Iterator
from typing import get_args

from agents.core.errors import Fault
from agents.gateway.errors import TYPES
from docs.site.markdown import code, prose, table
from docs.site.python_api import MODULES
from docs.site.structs import section, tag_of

OPENING = """\
# Errors

An error has one of three forms. A turn that fails ends its stream with a **fault**, which is data. A program that makes
a mistake gets an **exception** from the call that it made. A client of the gateway gets a **refusal** with a status.

The result of a failed tool call is a text for the model: [Results](../tools.md#results) lists its kinds. A command ends
with an [exit code](../operating.md#exit-codes).
"""

FAULTS = """\
## Faults

A fault is the `reason` of a `StreamError`, and of the exception `StreamFailed` that `agent.chat` raises. In JSON,
`type` is the kind of the fault. `str(fault)` is one line for a person. The fault `parked` ends a turn. A
[parked turn](../parked-turns.md), which waits for people, has no fault.
"""

EXCEPTIONS = """\
## Exceptions

The public modules have these exceptions. A class that two modules have is one class.
"""

REFUSALS = """\
## Refusals over HTTP

The body is `{"error": {"type": ..., "message": ...}}`, and `faults` if several values are invalid.
"""


def page() -> str:
    """Return the page."""
    faults = get_args(Fault)
    rows = [(f"[`{each.__name__}`](#{each.__name__.lower()})", code(tag_of(each))) for each in faults]
    parts = [OPENING, FAULTS, table(("fault", "type"), rows), *(section(each, depth=3) for each in faults)]
    parts += [EXCEPTIONS, table(("exception", "base classes", "meaning"), map(_row, exceptions()))]
    parts += [REFUSALS, table(("status", "type"), [(str(status), code(kind)) for status, kind in TYPES.items()])]
    return "\n\n".join(parts) + "\n"


def exceptions() -> Iterator[type[BaseException]]:
    """Yield the exceptions of the public modules, sorted by module and name, each once."""
    seen: set[object] = set()
    for module in map(importlib.import_module, MODULES):
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, BaseException) and value not in seen:
                seen.add(value)
                yield value


def _row(exception: type[BaseException]) -> tuple[str, str, str]:
    bases = ", ".join(code(base.__name__) for base in exception.__bases__)
    return code(exception.__name__), bases, prose(exception).partition("\n\n")[0]
