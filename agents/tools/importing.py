"""Imports of the modules that lists of tools name.

Each import runs in a thread, so a module that takes seconds delays no stream.
"""

import asyncio
import contextlib
import importlib
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Final

from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.tools.errors import InvalidTool, ToolRaised

IMPORT_ENDS: Final = "an import that ends"

_under_way: dict[str, Future[None]] = {}
"""The import by the module. A module that hangs keeps its thread, and each later start of an agent waits for it."""


async def import_named(named: Any, timeout_s: float) -> None:
    """Import the modules of all "module:function" in a list of tools. Raises InvalidTool if an import does not end.

    A module that raises is ignored here: `resolve` imports it again and reports the fault.
    """
    for module in modules_of(named):
        if module not in sys.modules or module in _under_way:
            await _imported(module, timeout_s)


def modules_of(named: Any) -> Iterable[str]:
    """Return the modules of all "module:function" in a list of tools."""
    names = [each for each in named if isinstance(each, str)] if isinstance(named, list | tuple) else []
    return dict.fromkeys(each.partition(":")[0] for each in names if ":" in each)


async def _imported(module: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.wrap_future(_under_way.get(module) or _begun(module))
    except TimeoutError:
        raise InvalidTool(Fault((), IMPORT_ENDS, f"none within {timeout_s:g} s", inside=module)) from None


def _begun(module: str) -> Future[None]:
    ended = _under_way[module] = Future()

    def work() -> None:
        ended.set_running_or_notify_cancel()  # a caller that is cancelled must not cancel the import for the others
        with contextlib.suppress(BaseException):
            importlib.import_module(module)
        del _under_way[module]
        ended.set_result(None)

    threading.Thread(target=work, name=f"import of {module}", daemon=True).start()
    return ended


def found_at(path: str) -> Any:
    """Return the value at "module:name", after an import of the module. Raises InvalidTool."""
    module_name, _, qualname = path.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except InvalidTool:
        raise
    except BaseException as error:  # sys.exit or a panic of an extension must end the import, not the program
        raise InvalidTool(Fault((), "a module that can be imported", _line(error), inside=path)) from error
    for part in qualname.split("."):
        if not hasattr(found, part):
            near = suggestion(part, vars(found) if hasattr(found, "__dict__") else ())
            raise InvalidTool(Fault((), f"a name in {module_name}", f"{part!r}{near}", inside=path))
        found = getattr(found, part)
    return found


def _line(error: BaseException) -> str:
    return " ".join(str(ToolRaised.by(error)).split())
