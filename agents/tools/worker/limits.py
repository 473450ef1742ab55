"""What one job may use of its worker's machine, by resource limits. Linux.

Only soft limits, which are taken back after it: the answer is written without them. What counts is what the job adds to
the worker, and what the worker already had does not.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from agents.tools.worker.wire import Limits


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Inside, the limits hold. A job over its CPU time is ended with its worker, by SIGXCPU: code that computes in C
    answers to nothing less."""
    before = {}
    try:
        for kind, soft in _wanted(limits):
            before[kind] = resource.getrlimit(kind)
            resource.setrlimit(kind, (_least(soft, *before[kind]), before[kind][1]))
        yield
    finally:
        for kind, was in before.items():
            resource.setrlimit(kind, was)


def _wanted(limits: Limits) -> Iterator[tuple[int, int]]:
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
    """The limit is one of numbers, not of how many are open, and a new descriptor gets the lowest that is free."""
    taken = set(filter(_is_open, map(int, os.listdir("/proc/self/fd"))))
    number = 0
    while count or number in taken:
        count -= number not in taken
        number += 1
    return number


def _is_open(descriptor: int) -> bool:
    """False for the one that the listing itself was read from."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
