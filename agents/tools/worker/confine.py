"""The confinement of a worker process: what it loses, and how it ends with its parent. Linux.

This is hygiene, not a sandbox: a tool has its user's files, network and the /proc of its user's processes. The daemon
hides its environment and its memory from tools (agents/node/os_process.py).
"""

import contextlib
import ctypes
import os
import resource
import signal
import struct
from collections.abc import Mapping

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522

INSPECTING = 1 << 19 | 1 << 21 | 1 << 38
"""CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON: each lets root read what a process hides. Containers lack them, too."""

NICENESS = 3  # a worker has half the weight of the event loop: docs/adr/0007-a-fork-for-each-call.md has the figures

# The whole environment of a tool: no other variable is passed on, so no provider's key, token or proxy password.
ALLOWED = (
    "PATH HOME USER LOGNAME PWD TMPDIR TZ LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_MONETARY LC_NUMERIC "
    "LC_TIME LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONUTF8 "
    "PYTHONDONTWRITEBYTECODE"
)
ENVIRONMENT = frozenset(ALLOWED.split())

_libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork, since a load takes half a millisecond
_confined = False
_started_inside = False


def environment(parent: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the parent's environment that a worker gets."""
    return {name: value for name, value in parent.items() if name in ENVIRONMENT}


def confine(parent: int) -> None:
    """Put this process into its own session, tied to its parent (a pid), without privileges and core dumps."""
    global _confined
    _confined = True
    die_with(parent, signal.SIGKILL)
    reap_descendants()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    drop_capabilities()
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def drop_capabilities() -> None:
    """Remove the capabilities of INSPECTING from this process and its children. Root has them.

    Source: capabilities(7), capset(2). The sets are three words each, for the lower and for the upper 32.
    """
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)
    if _libc.capget(header, sets) != 0:
        return
    words = list(struct.unpack("=6I", sets.raw))
    kept = [word & ~(INSPECTING >> 32 * (number // 3)) & 0xFFFFFFFF for number, word in enumerate(words)]
    if kept == words:
        return
    for number in filter(lambda number: INSPECTING >> number & 1, range(64)):
        with contextlib.suppress(OSError):  # without CAP_SETPCAP, an exec may give it back
            _prctl(PR_CAPBSET_DROP, number)
    _libc.capset(header, struct.pack("=6I", *kept))


def die_with(parent: int, number: int) -> None:
    """Make the kernel send this signal when the parent's thread ends. Exit now if the parent has ended already."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def reap_descendants() -> None:
    """Become the parent of each descendant that loses its own, in place of init."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def confined() -> bool:
    """Return True in a worker process and in its template."""
    return _confined


def note_start_inside() -> None:
    """Record that code in this process tried to start a pool."""
    global _started_inside
    _started_inside = True


def started_inside() -> bool:
    """Return True if a module that was imported here tried to start a pool, as a script without a guard does."""
    return _started_inside


def step_back() -> None:
    """Lower this process's priority below the event loop's. On a busy machine the worker still gets its share."""
    os.nice(NICENESS)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def hurry(pid: int) -> None:
    """Restore a worker's priority, if permitted. A process of low priority also dies slowly."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, 0)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
