"""Which OS process something is, so that it is known again: a pid alone comes back."""

import contextlib
import ctypes
import os
import socket
from pathlib import Path
from typing import Final

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
LOCKS: Final = Path("/proc/locks")
START_TIME: Final = 18  # of the fields of /proc/PID/stat behind the state; see proc(5), starttime
PID_DIGITS: Final = 10
PR_SET_DUMPABLE: Final = 4
ENDED: Final = frozenset("ZX-")  # the states of those that nobody has waited for yet; there is no such process


def hide_from_own_user() -> None:
    """Have the kernel keep the environment and the memory of this process from other processes of its user. Linux.

    A debugger needs root from here on, and a crash leaves no core: both would show the keys of providers.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def this_process() -> str:
    """HOST BOOT PID STARTED."""
    return _identity(os.getpid())


def is_process(text: str) -> bool:
    """Whether the text is what `this_process` returns, there or on another host."""
    fields = text.split()
    return len(fields) == 4 and fields[2].isdecimal() and fields[2].isascii() and len(fields[2]) <= PID_DIGITS


def lives(process: str) -> bool:
    """Of what `this_process` said there, on this host; what another host's is doing can't be seen."""
    return process == _identity(int(process.split()[2]))


def pid_of_another(owner: str) -> int | None:
    """The pid of the owner if it lives on this host, and is not this OS process."""
    pid = int(owner.split()[2])
    return pid if pid != os.getpid() and lives(owner) else None


def on_this_host(process: str) -> bool:
    """Of what `this_process` said there: on this host, since its last boot."""
    return process.split()[:2] == this_process().split()[:2]


def pids_with_locks(path: Path) -> list[int]:
    """Of other OS processes that hold a lock on the file. The kernel's list is read, for to open and close the file
    would give up the locks of our own."""
    try:
        inode = path.stat().st_ino
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return []
    # "1: POSIX  ADVISORY  WRITE 4711 fe:00:12345 120 120"; a waiting one has "->" behind its number
    fields = [line.split() for line in lines if "->" not in line]
    found = {int(each[4]) for each in fields if each[5].rpartition(":")[2] == str(inode) and each[3] == "WRITE"}
    return sorted(found - {os.getpid()})


def _identity(pid: int) -> str:
    return f"{socket.gethostname()} {_text(BOOT_ID)} {pid} {_started(pid)}"


def _started(pid: int) -> str:
    """In ticks since the boot; "-" if it has ended. The command, in parentheses before it, may hold anything."""
    state, *fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[START_TIME] if fields and state not in ENDED else "-"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "-"
