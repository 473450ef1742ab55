"""What a worker process gives up, and how it is tied to the life of its pool's process. Linux.

This is hygiene, not a sandbox: a tool has its user's files, network and the /proc of its user's processes.
"""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Mapping

PR_SET_PDEATHSIG = 1
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


def environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What of the parent's environment a worker is given."""
    return {name: value for name, value in parent.items() if name in ENVIRONMENT}


def confine(parent: int) -> None:
    """Tie this process to its parent (a pid), give up privileges, core dumps and priority.

    The kernel kills us when the parent dies from here on; if it died before, getppid has changed and we leave.
    """
    global _confined
    _confined = True
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option, value in ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_NO_NEW_PRIVS, 1)):
        if prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _step_back()


def confined() -> bool:
    """True in a worker process."""
    return _confined


def _step_back() -> None:
    """Leave the processor to the event loop, also where the kernel shares it out by session (autogroup)."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as autogroup:
        autogroup.write(str(NICENESS))
