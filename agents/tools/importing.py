"""Imports the modules that tools are named in, in a thread: a module that takes seconds holds up no stream."""

import asyncio
import contextlib
import importlib
import sys
import threading
from concurrent.futures import Future
from typing import Any

from agents.tools.errors import InvalidTool

_under_way: dict[str, Future[None]] = {}
"""By the module. A module that hangs keeps its thread, and each later start of an agent waits for the same one."""


async def import_named(named: Any, timeout_s: float) -> None:
    """Import the modules of all "module:function" in a list of tools. Raises InvalidTool for one that does not end.

    A module that raises is left to `resolve`, which imports it once more and reports the fault.
    """
    names = [each for each in named if isinstance(each, str)] if isinstance(named, list | tuple) else []
    for module in dict.fromkeys(each.partition(":")[0] for each in names if ":" in each):
        if module not in sys.modules or module in _under_way:
            await _imported(module, timeout_s)


async def _imported(module: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.wrap_future(_under_way.get(module) or _begun(module))
    except TimeoutError:
        raise InvalidTool(f"{module}: expected an import that ends, got none within {timeout_s:g} s") from None


def _begun(module: str) -> Future[None]:
    ended = _under_way[module] = Future()

    def work() -> None:
        ended.set_running_or_notify_cancel()  # from now on a caller that gives up does not disturb the others
        with contextlib.suppress(BaseException):
            importlib.import_module(module)
        del _under_way[module]
        ended.set_result(None)

    threading.Thread(target=work, name=f"import of {module}", daemon=True).start()
    return ended
