"""Imports of tool modules in a template, and the tools found in them.

A worker is forked from a template that has loaded its tool, so no call waits for an import.
"""

import importlib
import importlib.util
import inspect
import os
import sys
from types import ModuleType
from typing import Any

import msgspec

from agents.core.faults import Fault
from agents.tools.errors import InvalidTool, ToolRaised
from agents.tools.tool import Tool, tool
from agents.tools.worker.confine import started_inside
from agents.tools.worker.wire import FunctionOrigin, LoadOrder

MAIN = "__mp_main__"
"""A script's name where it is not the program. Source: multiprocessing.spawn, so a tool may use each start method."""

GUARD = 'start the application under if __name__ == "__main__":'
UNGUARDED = Fault((), f"a script that can be imported: {GUARD}")


def faults_of(load: LoadOrder) -> tuple[Fault, ...]:
    """Import the tool's module. Return why the tool can't be used, or no fault.

    A child process that the module forks, and that returns from the import, ends here.
    """
    own = os.getpid()
    faults: tuple[Fault, ...] = ()
    sys.path[:] = load.path
    try:
        found_tool(load.origin, "{}")
    except InvalidTool as invalid:
        faults = invalid.faults
    except BaseException as error:  # noqa: BLE001 - the crash boundary: sys.exit or a panic is a fault, too
        got = " ".join(str(ToolRaised.by(error)).split())
        faults = (Fault((), "a module that can be imported", got, inside=load.origin.file),)
    if os.getpid() != own:
        os._exit(0)
    return (UNGUARDED,) if started_inside() else faults


def found_tool(origin: FunctionOrigin, bound: str) -> Tool:
    """Return the tool at origin. The name there may refer to the tool, or to the function that it was made of."""
    found: Any = _module(origin)
    for part in origin.qualname.split("."):
        if not hasattr(found, part):
            raise InvalidTool(
                Fault((), f"{origin.qualname} at the top of the module", "no such name", inside=origin.file)
            )
        found = getattr(found, part)
    if inspect.isfunction(found) or inspect.ismethod(found):
        found = tool(name="call", description="The host has shown another one.")(found)
    if not isinstance(found, Tool):
        raise InvalidTool(Fault((), "a tool", type(found).__name__, inside=f"{origin.module}:{origin.qualname}"))
    values = msgspec.json.decode(bound)
    return found.bind(**values) if values else found


def _module(origin: FunctionOrigin) -> ModuleType:
    """Import a module by name, or from its file if no name leads to it, as for a script or a test's module."""
    if origin.module == "__main__":
        return _script(origin.file)
    try:
        return importlib.import_module(origin.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{origin.module}.".startswith(f"{error.name}."):
            raise  # the module was found, but one of its own imports was not
        return _loaded(origin.module, origin.file)


def _script(file: str) -> ModuleType:
    """Return the program's script as a module with the names that multiprocessing gives it in a child.

    So processes that a tool starts find the script's functions.
    """
    main = sys.modules["__main__"]
    if main.__name__ == MAIN:
        return main
    script = _executed(MAIN, file, "__main__")
    script.__spec__ = None
    return script


def _loaded(name: str, file: str) -> ModuleType:
    return sys.modules[name] if name in sys.modules else _executed(name, file)


def _executed(name: str, file: str, *aliases: str) -> ModuleType:
    """Return the module of this file, after adding it to sys.modules under its name and aliases.

    If the module raises, sys.modules is as it was.
    """
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidTool(Fault((), "a Python file", inside=file))
    module = importlib.util.module_from_spec(spec)
    before = {each: sys.modules.get(each) for each in (name, *aliases)}
    sys.modules.update(dict.fromkeys(before, module))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for each, was in before.items():
            sys.modules.pop(each, None)
            if was is not None:
                sys.modules[each] = was
        raise
    return module
