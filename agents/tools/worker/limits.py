"""Resource limits of one call in its worker. Linux.

Only soft limits are set. They are removed after the call, so the answer is written without them. A limit counts what
the call adds to the worker, and not what the worker already had.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from agents.tools.worker.wire import JobLimits


@contextmanager
def limited(limits: JobLimits) -> Iterator[None]:
    """Apply the limits within the block.

    SIGXCPU ends the worker of a call over its CPU time, since code that computes in C reacts to nothing less.
    """
    before = {}
    try:
        for kind, soft in _wanted(limits):
            before[kind] = resource.getrlimit(kind)
            resource.setrlimit(kind, (_least(soft, *before[kind]), before[kind][1]))
        yield
    finally:
        for kind, was in before.items():
            resource.setrlimit(kind, was)


def _wanted(limits: JobLimits) -> Iterator[tuple[int, int]]:
    if limits.cpu_s is not None:
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield resource.RLIMIT_CPU, ceil(used.ru_utime + used.ru_stime) + limits.cpu_s  # the kernel counts whole seconds
    if limits.memory_bytes is not None:
        yield resource.RLIMIT_AS, _address_space_bytes() + limits.memory_bytes
    if limits.open_files is not None:
        yield resource.RLIMIT_NOFILE, _first_number_beyond(limits.open_files)
    if limits.file_bytes is not None:
        yield resource.RLIMIT_FSIZE, limits.file_bytes  # Python ignores SIGXFSZ: writing beyond it is an OSError


def _least(*limits: int) -> int:
    return min((each for each in limits if each != resource.RLIM_INFINITY), default=resource.RLIM_INFINITY)


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _first_number_beyond(count: int) -> int:
    """Return the descriptor number that allows this many new files.

    The kernel limits the number of a descriptor, not the count of open ones. A new descriptor gets the lowest free
    number.
    """
    taken = set(filter(_is_open, map(int, os.listdir("/proc/self/fd"))))
    number = 0
    while count or number in taken:
        count -= number not in taken
        number += 1
    return number


def _is_open(descriptor: int) -> bool:
    """Return True if the descriptor is open. The one from which the listing itself was read is closed."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
