"""The cost of an idle daemon: until it is ready, and while it waits."""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from benchmarks.workload import Measured

READY: Final = b"understudy listens on"


class Idle(Struct, frozen=True):
    """seconds: the time of watching, which begins settled_s after the start, when work of the start is done.

    The process that looks for garbage looks 5 and 15 s after the start, then after twice the time, up to 80 s.
    """

    seconds: float = 10.0
    settled_s: float = 20.0


async def idle_daemon(idle: Idle) -> Measured:
    """Measure the second start in a folder. The first start creates the store."""
    with TemporaryDirectory() as folder:
        await _started(folder, idle=None)
        return await _started(folder, idle)


async def _started(folder: str, idle: Idle | None) -> Measured:
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("understudy")),
        *("serve", "--port", "0", "--state-dir", f"{folder}/state"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        took_s = time.perf_counter() - began_s
        assert line.startswith(READY), line
        ready_cpu_s = cpu_s(process.pid)
        if idle is None:
            return {}
        await asyncio.sleep(idle.settled_s)
        pids = _family(process.pid)
        before_s = sum(map(cpu_s, pids))
        await asyncio.sleep(idle.seconds)
        busy_s = sum(map(cpu_s, pids)) - before_s
        return {
            "daemon_ready_s": took_s,
            "daemon_ready_cpu_s": ready_cpu_s,
            "daemon_rss_mib": _rss_mib(process.pid),
            "daemon_family_mib": sum(map(_pss_mib, pids)),
            "daemon_idle_percent": 100 * busy_s / idle.seconds,
        }
    finally:
        process.terminate()
        await process.wait()


def cpu_s(pid: int) -> float:
    """Return the CPU time by the scheduler's count, in ns: a tick of 10 ms would hide the work of an idle program."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _rss_mib(pid: int) -> float:
    return _kib(f"/proc/{pid}/status", "VmRSS:") / 1024


def _pss_mib(pid: int) -> float:
    """Return the memory, with shared pages divided among their users."""
    return _kib(f"/proc/{pid}/smaps_rollup", "Pss:") / 1024


def _kib(file: str, name: str) -> int:
    return next(int(line.split()[1]) for line in Path(file).read_text().splitlines() if line.startswith(name))


def _family(pid: int) -> list[int]:
    """Return the process and its descendants."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(each for child in children for each in _family(child))]
