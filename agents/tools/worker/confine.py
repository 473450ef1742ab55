"""What a worker process gives up, and how it is tied to the life of its parent. Linux.

This is hygiene, not a sandbox: a tool has its user's files, network and the /proc of its user's processes.
"""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

NICENESS = 10

# The whole environment of a tool. What is not here stays out: no provider's key, no token, no proxy's password.
ALLOWED = (
    "PATH HOME USER LOGNAME PWD TMPDIR TZ LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_MONETARY LC_NUMERIC "
    "LC_TIME LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONUTF8 "
    "PYTHONDONTWRITEBYTECODE"
)
ENVIRONMENT = frozenset(ALLOWED.split())

_confined = False
_started_inside = False


def environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What of the parent's environment a worker is given."""
    return {name: value for name, value in parent.items() if name in ENVIRONMENT}


def confine(parent: int) -> None:
    """Tie this process to its parent (a pid), in a session of its own; give up privileges and core dumps."""
    global _confined
    _confined = True
    die_with(parent, signal.SIGKILL)
    reap_descendants()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with(parent: int, number: int) -> None:
    """Have the kernel send this signal when the parent's thread ends; if it ended before, we leave."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def reap_descendants() -> None:
    """Have a descendant that loses its parent become our child, and not init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def confined() -> bool:
    """True in a worker process and in the template that it is forked from; then the start of a pool there is noted."""
    global _started_inside
    _started_inside = _confined
    return _confined


def started_inside() -> bool:
    """True if a module that was imported here tried to start a pool: a script without a guard."""
    return _started_inside


def step_back() -> None:
    """Leave the processor to the event loop, also where the kernel shares it out by session (autogroup)."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def hurry(pid: int) -> None:
    """Give a worker its priority back, where we may: a process of low priority dies at low priority, too."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, 0)
        Path(f"/proc/{pid}/autogroup").write_text("0")


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
