"""The identity of an OS process: host, boot, pid and start time. A pid alone is reused."""

import contextlib
import ctypes
import os
import socket
from pathlib import Path
from typing import Final

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
LOCKS: Final = Path("/proc/locks")
START_TIME: Final = 18  # index among the fields after the state in /proc/PID/stat; see proc(5), starttime
PID_DIGITS: Final = 10
PR_SET_DUMPABLE: Final = 4
ENDED: Final = frozenset("ZX-")  # zombie, dead; - for no such process


def hide_from_own_user() -> None:
    """Hide this OS process's environment and memory from other OS processes of its user. Linux only.

    Both hold the providers' keys. A debugger then needs root, and a crash writes no core file.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def this_process() -> str:
    """Return the identity of this OS process: "HOST BOOT PID STARTED"."""
    return _identity(os.getpid())


def is_process(text: str) -> bool:
    """Whether the text is what `this_process` returns, there or on another host."""
    fields = text.split()
    return len(fields) == 4 and fields[2].isdecimal() and fields[2].isascii() and len(fields[2]) <= PID_DIGITS


def lives(process: str) -> bool:
    """Return whether the OS process with this identity runs on this host.

    Return False for an OS process of another host: its state can't be seen here.
    """
    return process == _identity(int(process.split()[2]))


def pid_of_another(owner: str) -> int | None:
    """Return the pid of the owner if it lives on this host and is not this OS process."""
    pid = int(owner.split()[2])
    return pid if pid != os.getpid() and lives(owner) else None


def on_this_host(process: str) -> bool:
    """Return whether the identity is from this host and its current boot."""
    return process.split()[:2] == this_process().split()[:2]


def pids_with_locks(path: Path) -> list[int]:
    """Return the pids of other OS processes that hold a write lock on the file.

    The pids come from /proc/locks: opening and closing the file would release this OS process's own locks.
    """
    try:
        inode = path.stat().st_ino
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return []
    # "1: POSIX  ADVISORY  WRITE 4711 fe:00:12345 120 120"; a waiting lock has "->" after its number
    fields = [line.split() for line in lines if "->" not in line]
    found = {int(each[4]) for each in fields if each[5].rpartition(":")[2] == str(inode) and each[3] == "WRITE"}
    return sorted(found - {os.getpid()})


def _identity(pid: int) -> str:
    return f"{socket.gethostname()} {_text(BOOT_ID)} {pid} {_started(pid)}"


def _started(pid: int) -> str:
    """Return the start time in ticks since the boot, or "-" if the OS process has ended.

    The command is in parentheses before the state, and may contain any character.
    """
    state, *fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[START_TIME] if fields and state not in ENDED else "-"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "-"
