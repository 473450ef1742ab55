"""Tools for tests, at the top of a module so that a worker can import them."""

import asyncio
import contextlib
import ctypes
import datetime
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from agents.tools.progress import progress
from agents.tools.signature import Bound
from agents.tools.tool import tool


class Point(BaseModel):
    x: int
    y: int = 0


@dataclass(frozen=True)
class Day:
    on: datetime.date


@tool
def add(a: int, b: int = 1) -> int:
    """Add two whole numbers."""
    return a + b


@tool
def runs_in() -> int:
    """Return the worker's pid."""
    return os.getpid()


@tool
def typed(point: Point, day: datetime.date) -> list[str]:
    """Return the names of the types that arrived."""
    return [type(point).__name__, type(day).__name__]


@tool
def below(name: str, *, root: Annotated[Path, Bound]) -> str:
    """Join a name to the root."""
    return f"{type(root).__module__.partition('.')[0]} {root / name}"


@tool
def raises() -> None:
    """Raise an exception."""
    raise KeyError("shelf")


@tool
def leaves() -> None:
    """Exit as a program does."""
    sys.exit(3)


@tool
def leaves_at_once() -> None:
    """Exit without cleanup."""
    os._exit(4)


@tool
def recurses() -> None:
    """Recurse without end."""
    recurses()


@tool
def segfaults() -> None:
    """Read an invalid address."""
    ctypes.string_at(0)


@tool
def hangs(note: str) -> None:
    """Ignore SIGTERM, start a child, write both pids to the FIFO note, and spin."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    _tell(note, os.getpid(), child.pid)
    while True:
        pass


@tool
def leaves_a_child(note: str) -> None:
    """Start a child that holds every descriptor open, write both pids to the FIFO note, and segfault."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    _tell(note, os.getpid(), child)
    ctypes.string_at(0)


@tool
def tells_and_waits(note: str, path: str) -> None:
    """Write the pid to the FIFO note, and wait for a line in another FIFO."""
    _tell(note, os.getpid())
    with open(path) as fifo:
        fifo.readline()


@tool
def waits_for(path: str) -> int:
    """Wait for a line in a FIFO, and return the worker's pid."""
    with open(path) as fifo:
        fifo.readline()
    return os.getpid()


@tool
def prints(text: str) -> str:
    """Write to stdout and stderr, with print and with os.write, and read stdin."""
    sys.stdout.write(text)
    sys.stderr.write(text)
    os.write(1, text.encode())
    os.write(2, text.encode())
    return sys.stdin.read() + text


@tool
def garbles() -> None:
    """Write into every open descriptor, and wait."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            os.write(int(name), b"\xff\xff\xff\xff\xff\xff")
    threading.Event().wait()


@tool
def surroundings() -> dict[str, Any]:
    """Return what the worker has, and what it may do."""
    status = Path("/proc/self/status").read_text()
    umask = os.umask(0)
    os.umask(umask)
    return {
        "environment": dict(os.environ),
        "descriptors": [int(name) for name in os.listdir("/proc/self/fd")],
        "modules": sorted(sys.modules),
        "no_new_privs": "NoNewPrivs:\t1" in status,
        "leader": os.getpid() == os.getpgrp() == os.getsid(0),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "umask": umask,
        "core": resource.getrlimit(resource.RLIMIT_CORE),
    }


@tool
def returns_many(count: int) -> list[int]:
    """Return a long list."""
    return [0] * count


@tool
def returns_text(count: int) -> str:
    """Return a long text."""
    return "é" * count


@tool
def returns_anything() -> Any:
    """Return values that JSON lacks."""
    return {"day": datetime.date(2024, 2, 29), "point": Point(x=1), "half": "\ud800", "big": 2**100, 1: {"set"}}


@tool(isolation="process")
async def sleeps_in_a_process() -> str:
    """Wait in a coroutine that may be killed."""
    await asyncio.sleep(0)
    return "slept"


@tool
def misbehaves(how: str, note: str) -> str:
    """Do what no tool should, after writing the pids of the processes that it starts to the FIFO note."""
    MISBEHAVIOUR[how](note)
    return how


def spins(note: str) -> None:
    _tell(note, os.getpid())
    while True:
        pass


def sleeps(note: str) -> None:
    _tell(note, os.getpid())
    time.sleep(600)


def ignores_signals(note: str) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    sleeps(note)


def fills_memory(note: str) -> None:
    _tell(note, os.getpid())
    held = []
    while True:
        held.append(bytes(100_000))
        time.sleep(0.01)


def starts_children(note: str) -> None:
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(3)]
    _tell(note, os.getpid(), *(child.pid for child in children))
    time.sleep(600)


def starts_a_daemon(note: str) -> None:
    daemonize(note)
    time.sleep(600)


def leaves_a_daemon_by_exit(note: str) -> None:
    daemonize(note)
    os._exit(5)


def leaves_a_daemon_by_segfault(note: str) -> None:
    daemonize(note)
    ctypes.string_at(0)


def daemonize(note: str) -> None:
    """Fork twice, each time in a new session. The last process has lost its parent, group and session."""
    worker = os.getpid()
    ready, signals_ready = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            _tell(note, worker, os.getpid())
            os.write(signals_ready, b".")
            time.sleep(600)
        os._exit(0)
    os.read(ready, 1)
    os.wait()


MISBEHAVIOUR = {
    each.__name__: each
    for each in (
        spins,
        sleeps,
        ignores_signals,
        fills_memory,
        starts_children,
        starts_a_daemon,
        leaves_a_daemon_by_exit,
        leaves_a_daemon_by_segfault,
    )
}


@tool
def leaves_a_helper(note: str) -> str:
    """Start a process, and return while it runs."""
    helper = subprocess.Popen(["sleep", "600"], start_new_session=True)
    _tell(note, os.getpid(), helper.pid)
    return "left"


@tool
def soft_limits() -> list[int]:
    """Return the worker's soft limits."""
    return [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NOFILE)]


@tool
def parent() -> int:
    """Return the pid of the process that forked the worker."""
    return os.getppid()


@tool(memory_bytes=64 * 1024 * 1024)
def takes_memory(count: int) -> int:
    """Hold this many bytes at once."""
    return len(bytes(count))


@tool(open_files=3)
def opens_files(count: int) -> int:
    """Hold this many files open at once."""
    with contextlib.ExitStack() as stack:
        return len([stack.enter_context(open("/dev/null")) for _ in range(count)])


@tool(cpu_s=1, timeout_s=300.0)
def computes(rounds: int) -> int:
    """Hash in C, in several threads at once."""
    with ThreadPoolExecutor(8) as threads:
        return len([*threads.map(lambda _: hashlib.pbkdf2_hmac("sha256", b"", b"", rounds), range(8))])


@tool
def reports(count: int, last: str) -> str:
    """Report numbers, then return."""
    for number in range(count):
        progress(number)
    return last


@tool
def reports_from_a_thread() -> str:
    """Report progress from a thread that the tool starts."""
    thread = threading.Thread(target=progress, args=("from the thread",))
    thread.start()
    thread.join()
    return "done"


@tool
def reports_much() -> None:
    """Report a value over the size limit of progress."""
    progress("é" * 100_000)


@tool(isolation="process")
async def yields_in_a_process() -> AsyncIterator[int]:
    """Yield values in a worker."""
    for number in range(4):
        yield number


def _tell(note: str, *pids: int) -> None:
    with open(note, "w") as fifo:
        fifo.write(" ".join(map(str, pids)) + "\n")


@tool(idempotent=True, restart="transient")
def dies_once(mark: str) -> str:
    """Crash in the first call, and answer the second."""
    path = Path(mark)
    if path.exists():
        return "alive again"
    path.touch()
    os._exit(1)


@tool
def computes_for(seconds: float) -> tuple[float, float]:
    """Compute for that much time of a core, and return when it began and ended."""
    began_s, until_s = time.monotonic(), time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass
    return began_s, time.monotonic()


@tool
def leaves_children(count: int) -> list[int]:
    """Leave that many children, each in a session of its own, and return their pids."""
    children = []
    for _ in range(count):
        children.append(os.fork())
        if children[-1] == 0:
            os.setsid()
            signal.pause()
    return children
