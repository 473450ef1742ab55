"""How much memory a process holds, estimated; and what may be told of a value that is secret.

Counted are the process, its mailbox, and what they, a server's state or an actor refer to: up to OBJECTS of them, so a
large state is told too small. What is shared by its nature (classes, functions, modules, other processes, loops) is not
counted; what is shared by chance is counted for each.
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
    """Its type, and its length if that is a built-in type's: "dict[3]"."""
    kind = type(value)
    return f"{kind.__qualname__}[{len(value)}]" if kind in SIZED else kind.__qualname__


def _held_bytes(roots: list[Any]) -> int:
    """Breadth first, so that what is nearest is counted before the limit is met."""
    waiting = deque(roots)
    seen = set(map(id, roots))
    total = 0
    left = OBJECTS
    while waiting and left:
        left -= 1
        held = waiting.popleft()
        total += sys.getsizeof(held, 0)
        for each in islice(get_referents(held), OBJECTS):  # one that holds 10,000 is not walked to its end
            if len(waiting) >= left:
                break
            if id(each) not in seen and not isinstance(each, SHARED):
                seen.add(id(each))
                waiting.append(each)
    return total
