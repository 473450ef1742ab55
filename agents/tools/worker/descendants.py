"""The descendants of a process. Linux: /proc."""

import contextlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path


def children() -> list[int]:
    """Return the pids of this process's children, zombies included."""
    return list(_children(os.getpid()))


def more_than(count: int, pid: int) -> bool:
    """Return True if the process has more descendants than count."""
    return any(True for _ in islice(_descendants(pid), count, None))


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> Iterator[int]:
    """Return the children of every thread of the process."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            yield from map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    except FileNotFoundError:  # the process has just ended, or the kernel lacks CONFIG_PROC_CHILDREN
        if not _lists_children():
            yield from (child for child, parent in _parents() if parent == pid)


def _lists_children() -> bool:
    own = os.getpid()
    return os.path.exists(f"/proc/{own}/task/{own}/children")


def _parents() -> Iterator[tuple[int, int]]:
    """Return (pid, pid of its parent) of every process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            _, _, rest = Path(f"/proc/{name}/stat").read_text().rpartition(")")
            yield int(name), int(rest.split()[1])
