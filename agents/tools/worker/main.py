"""A worker process's main: takes one job after the other from its socket and answers each.

It starts with little (no event loop, no HTTP client) and keeps the modules of the tools it ran. It ends with its
socket, with its fork server, or by SIGKILL; what a tool does to it (exit, segfault) ends it, too.
"""

import importlib
import importlib.util
import inspect
import os
import socket
import sys
from collections.abc import Coroutine
from contextlib import closing, suppress
from functools import lru_cache
from types import ModuleType
from typing import Any

import msgspec

from agents.tools.errors import InvalidArguments, InvalidTool, ToolRaised
from agents.tools.progress import Reports, Send, last_of, of_process
from agents.tools.result import bounded
from agents.tools.tool import Tool, tool
from agents.tools.worker.confine import confine, step_back
from agents.tools.worker.limits import limited
from agents.tools.worker.wire import (
    HEADER,
    Answer,
    Frame,
    Job,
    Origin,
    Progressed,
    Raised,
    Ready,
    Refused,
    Returned,
    framed,
)

MAIN = "__worker_main__"


def main(descriptor: int, parent: int) -> None:
    """descriptor: of our end of the socket pair. parent: pid of the fork server."""
    confine(parent)
    with socket.socket(fileno=descriptor) as pool:
        pool.set_inheritable(False)

        def send(frame: Frame) -> None:
            pool.sendall(framed(msgspec.json.encode(frame)))

        send(Ready(os.getpid()))
        step_back()  # not before: a worker that replaces another is waited for
        while (header := _received(pool, HEADER.size)) is not None:
            body = _received(pool, HEADER.unpack(header)[0])
            if body is None:
                break
            send(_answer(msgspec.json.decode(body, type=Job), lambda data: send(Progressed(data))))
            _reap()


def _answer(job: Job, send_progress: Send) -> Answer:
    if sys.path != job.path:
        sys.path[:] = job.path
    try:
        made = _tool(job.origin, job.bound)
        with closing(of_process(Reports(send_progress))), limited(job.limits):
            result = made.function(**made.arguments(job.arguments))
            return Returned(bounded(_awaited(result), job.max_output_bytes))
    except InvalidArguments as error:
        return Refused(error.faults)
    except Exception as error:  # noqa: BLE001 - the crash boundary: what a tool raises is data for the model
        raised = ToolRaised.by(error)
        return Raised(raised.type_name, raised.message)


def _reap() -> None:
    """Take the exit codes of what tools left behind: orphans come to us, and would stay as zombies.

    Also of a child that a tool means to wait for in a later call; subprocess takes its exit code for 0 then.
    """
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _awaited(result: Any) -> Any:
    if inspect.isasyncgen(result):
        result = last_of(result)
    return _ran(result) if inspect.iscoroutine(result) else result


def _ran(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio  # a third of a worker's start, for the few tools that need it

    return asyncio.run(coroutine)


@lru_cache(maxsize=256)
def _tool(origin: Origin, bound: str) -> Tool:
    """The tool at origin. Its name may stand for the tool, or for the bare function that one was made of."""
    found: Any = _module(origin)
    for part in origin.qualname.split("."):
        found = getattr(found, part)
    if inspect.isfunction(found):
        found = tool(name="call")(found)
    if not isinstance(found, Tool):
        raise InvalidTool(f"{origin.module}:{origin.qualname}: expected a tool, got {type(found).__name__}")
    return found.bind(**msgspec.json.decode(bound))


def _module(origin: Origin) -> ModuleType:
    """Imported by name, or from its file where it has no name that leads here: a script, a test's module."""
    if origin.module == "__main__":
        return _loaded(MAIN, origin.file)
    try:
        return importlib.import_module(origin.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{origin.module}.".startswith(f"{error.name}."):
            raise  # the module was found; it is one of its own imports that was not
        return _loaded(origin.module, origin.file)


def _loaded(name: str, file: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidTool(f"{file}: expected a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _received(pool: socket.socket, size: int) -> bytes | None:
    """Exactly size bytes; None when the pool has closed its end."""
    body = bytearray()
    while len(body) < size:
        piece = pool.recv(size - len(body))
        if not piece:
            return None
        body += piece
    return bytes(body)
