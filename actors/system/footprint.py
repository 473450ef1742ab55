"""An estimate of a process's memory, and a summary of a value without its contents.

The estimate counts the process, its mailbox, a server's state or an actor, and the objects that these refer to. It
stops at OBJECTS objects, so the figure for a large state is too low. Classes, functions, modules, loops and other
processes are shared and do not count. Any other object that processes share counts for each.
"""

import asyncio
import logging
import sys
from collections import deque
from enum import Enum
from gc import get_referents
from itertools import islice
from types import (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any, Final

from thespian.actors import Actor, ActorAddress

from actors.kernel.pid import Ref
from actors.kernel.process import Process
from actors.system.process_system import ProcessSystem

OBJECTS: Final = 1000

SHARED: Final = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    CodeType,
    CoroutineType,
    FrameType,
    GeneratorType,
    Enum,
    ActorAddress,
    Actor,
    Ref,
    Process,
    ProcessSystem,
    asyncio.AbstractEventLoop,
    asyncio.Future,
    asyncio.Handle,
    logging.Logger,
)

SIZED: Final = (str, bytes, bytearray, list, tuple, dict, set, frozenset, deque)


def footprint_bytes(process: Process) -> int:
    roots: list[Any] = [process.mailbox, process.links, process.watchers, process.monitors]
    roots.append(getattr(process, "state", None))
    roots.append(getattr(getattr(process, "actor", None), "__dict__", None))
    return sys.getsizeof(process) + sys.getsizeof(process.pid) + _held_bytes([root for root in roots if root])


def summary(value: Any) -> str:
    """Return the type of a value, with the length for a built-in collection: "dict[3]"."""
    kind = type(value)
    return f"{kind.__qualname__}[{len(value)}]" if kind in SIZED else kind.__qualname__


def _held_bytes(roots: list[Any]) -> int:
    """Return the bytes of roots and of what they refer to, nearest objects first, up to OBJECTS."""
    waiting = deque(roots)
    seen = set(map(id, roots))
    total = 0
    left = OBJECTS
    while waiting and left:
        left -= 1
        held = waiting.popleft()
        total += sys.getsizeof(held, 0)
        for each in islice(get_referents(held), OBJECTS):  # a collection of 10,000 is not walked to its end
            if len(waiting) >= left:
                break
            if id(each) not in seen and not isinstance(each, SHARED):
                seen.add(id(each))
                waiting.append(each)
    return total
