"""Tools that change their process, fork it, or write to its socket directly."""

import asyncio
import builtins
import contextlib
import decimal
import inspect
import json
import locale
import os
import resource
import signal
import socket
import struct
import sys
import threading
import warnings
from typing import Any

from agents.tools.progress import progress
from agents.tools.tool import tool


@tool
def changes(how: str) -> str:
    """Change the process in one way."""
    CHANGES[how]()
    return how


@tool
def state() -> dict[str, Any]:
    """Return the process state at the start of a call."""
    mask = os.umask(0)
    os.umask(mask)
    return {
        "folder": os.getcwd(),
        "umask": mask,
        "environment": dict(os.environ),
        "handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS)],
        "path": sys.path,
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "output": type(sys.stdout).__name__,
        "locale": locale.setlocale(locale.LC_ALL),
        "threads": threading.active_count(),
        "recursion": sys.getrecursionlimit(),
        "precision": decimal.getcontext().prec,
        "modules": sorted(sys.modules),
        "open": builtins.open.__name__,
        "dumps": json.dumps(1),
        "socket": socket.getdefaulttimeout(),
        "warnings": len(warnings.filters),
        "children": [*os.listdir("/proc/self/task")],
        "descriptors": len(os.listdir("/proc/self/fd")),
        "cores": sorted(os.sched_getaffinity(0)),
        "global": REMEMBERED,
    }


REMEMBERED: list[str] = []


def patches_the_worker() -> None:
    from agents.tools.worker import main

    main._answer = None  # type: ignore[assignment]


def patches_modules() -> None:
    json.dumps = None  # type: ignore[assignment]
    builtins.open = None  # type: ignore[assignment]


def leaves_threads() -> None:
    for _ in range(10):
        threading.Thread(target=threading.Event().wait).start()


def ignores_all_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)


CHANGES: dict[str, Any] = {
    "folder": lambda: os.chdir("/"),
    "umask": lambda: os.umask(0),
    "environment": lambda: os.environ.update(HOME="/nowhere", NEW="1"),
    "handler": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "all handlers": ignores_all_signals,
    "mask": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}),
    "alarm": lambda: signal.setitimer(signal.ITIMER_REAL, 0.1),
    "hard limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "path": lambda: sys.path.insert(0, "/nowhere"),
    "niceness": lambda: os.nice(5),
    "output": lambda: setattr(sys, "stdout", None),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    "threads": leaves_threads,
    "recursion": lambda: sys.setrecursionlimit(20_000),
    "precision": lambda: setattr(decimal.getcontext(), "prec", 5),
    "modules": lambda: sys.modules.clear(),
    "patched modules": patches_modules,
    "patched worker": patches_the_worker,
    "socket": lambda: socket.setdefaulttimeout(1.0),
    "warnings": lambda: warnings.simplefilter("error"),
    "descriptors": lambda: [os.open("/dev/null", 0) for _ in range(20)],
    "closed descriptors": lambda: os.closerange(0, 256),
    "cores": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "global": lambda: REMEMBERED.append("a secret of another agent"),
}


@tool
def forks(how: str) -> str:
    """Fork. The child acts as `how` says, and the parent waits for its end."""
    descriptor = _socket()
    child = os.fork()
    if child == 0:
        return CHILDREN[how](descriptor) or "from the child"
    os.waitpid(child, 0)
    progress("from the parent")
    return "from the parent"


def raises(_: int) -> str:
    raise ValueError("from the child")


def forks_again(_: int) -> str:
    if child := os.fork():
        os.waitpid(child, 0)
    return "from the grandchild"


def reports(_: int) -> str:
    progress("from the child")
    return "from the child"


def answers_by_hand(descriptor: int) -> str:
    os.write(descriptor, frame({"type": "returned", "number": _number(), "value": "by hand"}))
    return "from the child"


def begins_a_frame(descriptor: int) -> str:
    os.write(descriptor, struct.pack("!I", 1000) + b"{")
    os._exit(0)


def leaves_the_loop(_: int) -> str:
    asyncio.run(asyncio.sleep(0))
    return "from the child"


CHILDREN: dict[str, Any] = {
    "returns": lambda _: None,
    "raises": raises,
    "exits": lambda _: sys.exit("from the child"),
    "forks again": forks_again,
    "reports": reports,
    "answers by hand": answers_by_hand,
    "begins a frame": begins_a_frame,
    "runs a loop": leaves_the_loop,
}


@tool
def writes(what: str) -> str:
    """Write directly to the socket."""
    with socket.socket(fileno=os.dup(_socket())) as pool:
        pool.sendall(FRAMES[what]())
    if what.startswith("half"):
        return "the rest"
    threading.Event().wait()
    return "never"


def frame(value: Any) -> bytes:
    return raw(json.dumps(value).encode())


def raw(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


def returned(value: bytes) -> bytes:
    return raw(b'{"type":"returned","number":%d,"value":%s}' % (_number(), value))


def progressed(value: bytes) -> bytes:
    return raw(b'{"type":"progressed","number":%d,"data":%s}' % (_number(), value))


FRAMES: dict[str, Any] = {
    "another call's number": lambda: frame({"type": "returned", "number": _number() + 1, "value": 1}),
    "another call's progress": lambda: frame({"type": "progressed", "number": _number() + 1, "data": 1}),
    "no number": lambda: frame({"type": "returned", "value": 1}),
    "a second greeting": lambda: frame({"type": "ready"}),
    "an unknown type": lambda: frame({"type": "taken", "number": _number()}),
    "a wrong type": lambda: frame({"type": "raised", "number": _number(), "type_name": 1, "message": []}),
    "no object": lambda: frame([1, 2]),
    "no JSON": lambda: raw(b"\x00\x01"),
    "no UTF-8": lambda: returned(b'"\xff\xfe"'),
    "great depth": lambda: returned(b"[" * 100_000 + b"]" * 100_000),
    "progress of great depth": lambda: progressed(b"[" * 100_000 + b"]" * 100_000),
    "a frame of 4 GiB": lambda: struct.pack("!I", 2**32 - 1),
    "half a frame": lambda: struct.pack("!I", 100_000) + b"{",
    "half a header": lambda: b"\x00\x00",
    "much progress": lambda: progressed(b'"x"') * 300_000,
    "large progress": lambda: progressed(b'"' + b"x" * 1_000_000 + b'"'),
}


@tool
def stops_its_template() -> str:
    """Stop the template of this process."""
    os.kill(os.getppid(), signal.SIGSTOP)
    return "stopped"


@tool
def stops_everything() -> str:
    """Stop the template of this process, and the first fork server."""
    template = os.getppid()
    with open(f"/proc/{template}/stat") as file:
        server = int(file.read().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGSTOP)
    os.kill(template, signal.SIGSTOP)
    return "stopped"


def _socket() -> int:
    """Return the descriptor of the worker's socket."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                return int(name)
    raise LookupError("expected a socket")


def _number() -> int:
    """Return the number of this call, read from the worker's own stack frames."""
    for each in inspect.stack():
        if (job := each.frame.f_locals.get("job")) is not None:
            return int(job.number)
    raise LookupError("expected a job")


class Panic(BaseException):
    """An exception like the one that an extension in another language raises."""


class Wordless(BaseException):
    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Named(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit


class Nameless(Exception, metaclass=Named):
    pass


ERRORS: dict[str, BaseException] = {
    "Panic: out of bounds": Panic("out of bounds"),
    "CancelledError: mine": asyncio.CancelledError("mine"),
    "GeneratorExit": GeneratorExit(),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "SystemExit: words": SystemExit("words"),
    "SystemExit: 3": SystemExit(3),
    "StopIteration: 1": StopIteration(1),
    "BaseExceptionGroup: both (2 sub-exceptions)": BaseExceptionGroup("both", [Panic("a"), KeyboardInterrupt()]),
    "Wordless": Wordless(),
    "Nameless: x": Nameless("x"),
}


@tool
def raises_in_process(what: str) -> None:
    """Raise an exception."""
    raise ERRORS[what]


@tool(isolation="process")
async def raises_in_a_loop_of_its_process(what: str) -> None:
    """Raise an exception."""
    raise ERRORS[what]


@tool(isolation="thread")
def raises_in_thread(what: str) -> None:
    """Raise an exception."""
    raise ERRORS[what]


@tool
async def raises_on_the_loop(what: str) -> None:
    """Raise an exception."""
    raise ERRORS[what]


@tool(idempotent=True, restart="transient")
def raises_once(what: str, mark: str) -> None:
    """Raise an exception, and count the calls in a file."""
    with open(mark, "a") as file:
        file.write("x")
    raise ERRORS[what]


@tool(file_bytes=1000)
def writes_a_file(path: str, count: int) -> int:
    """Write a file of count bytes."""
    with open(path, "wb") as file:
        return file.write(bytes(count))


@tool(processes=3)
def starts_processes(count: int) -> int:
    """Hold count children at once."""
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            threading.Event().wait(600)
            os._exit(0)
        children.append(child)
    if count > 3:
        threading.Event().wait()
    return len(children)


@tool
def reads_environment(pid: int) -> str:
    """Read the environment of another process."""
    with open(f"/proc/{pid}/environ") as file:
        return file.read()
