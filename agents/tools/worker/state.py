"""The state of a process, as the kernel sees it. Linux: /proc."""

import os
from typing import Final

STAT_BYTES: Final = 512


def state_of(pid: int) -> str:
    """Return the state of a process's main thread: R runs or waits for a core, S sleeps, T is stopped.

    The state of a process that has ended is X. Source: proc_pid_stat(5).
    """
    try:
        stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            line = os.read(stat, STAT_BYTES)
        finally:
            os.close(stat)
    except OSError:
        return "X"
    after_name = line.rindex(b")") + 2  # a name may contain a bracket
    return chr(line[after_name])
