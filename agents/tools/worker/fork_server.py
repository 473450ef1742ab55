"""The OS process that forks the workers of a pool, and buries them with all that they started. Erlang: erl_child_setup.

It has loaded what every worker needs, so that another is a fork away; it runs no tool. Who a worker left behind, in a
session of its own or not, becomes a child of this process (PR_SET_CHILD_SUBREAPER) and is killed; the end of a worker
is told when the last of them is gone. When the process of the pool has gone, by whatever cause, everything is.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import msgspec

from agents.tools.worker.confine import die_with, hurry, reap_descendants
from agents.tools.worker.wire import Ended, Fork, Kill, Order

UNFORKED = os.EX_OSERR  # stands for the exit code of a worker that could not be forked
BURIAL_S = 1.0  # SIGKILL is carried out within milliseconds, unless a process sits in an uninterruptible wait


def serve(descriptor: int, parent: int) -> int:
    """Fork workers until the pool's process (parent) has gone. Returns in each worker: the descriptor of its socket."""
    die_with(parent, signal.SIGTERM)
    reap_descendants()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    gc.freeze()  # what is loaded stays shared with the workers: a collection of theirs does not touch it
    try:
        ForkServer(socket.socket(fileno=descriptor)).run()
    except Forked as forked:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return forked.descriptor
    except (SystemExit, OSError):  # an end in order, or a pool that closed its end
        while True:  # the other sign of the same end may come in the middle of it
            with contextlib.suppress(SystemExit):
                end_all()


class Forked(BaseException):
    """Raised in a new worker, out of everything that is its parent's."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


class ForkServer:
    """State: the workers by their pids, the orphans that are being killed, the ends not yet told."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._watched: dict[int, int] = {}  # pid by its pidfd
        self._workers: dict[int, int] = {}  # the pool's number of a worker by its pid
        self._dead: list[Ended] = []
        self._died_s = 0.0

    def run(self) -> Never:
        """Until SystemExit, or Forked in a child."""
        while True:
            for descriptor, _ in self._poll.poll(BURIAL_S * 1000 if self._dead else None):  # None: without end
                if descriptor == self._control.fileno():
                    self._obey()
                else:
                    self._on_death(descriptor)
            if self._dead or self._orphans:
                self._bury()

    @property
    def _orphans(self) -> int:
        """How many that are no workers are being killed."""
        return len(self._watched) - len(self._workers)

    def _obey(self) -> None:
        body, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
        if not body:
            sys.exit()
        match msgspec.json.decode(body, type=Order):
            case Fork(number):
                self._fork(number, descriptors[0])
            case Kill(number):
                for pid in [pid for pid, each in self._workers.items() if each == number]:
                    hurry(pid)
                    _kill_group(pid)

    def _fork(self, number: int, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError:
            os.close(descriptor)
            self._dead.append(Ended(number, UNFORKED))
            return
        if pid == 0:
            self._control.close()
            for each in self._watched:
                os.close(each)
            raise Forked(descriptor)
        os.close(descriptor)
        self._workers[pid] = number
        self._watch(pid)

    def _watch(self, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        self._watched[descriptor] = pid
        self._poll.register(descriptor, select.POLLIN)

    def _on_death(self, descriptor: int) -> None:
        """It is a zombie, so its number is still its own, and its children are ours already."""
        pid = self._watched.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        if pid in self._workers:
            _kill_group(pid)
        status = os.waitpid(pid, 0)[1]
        if pid in self._workers:
            self._dead.append(Ended(self._workers.pop(pid), os.waitstatus_to_exitcode(status)))
            self._died_s = time.monotonic()

    def _bury(self) -> None:
        """Kill whoever came to us from a worker that died; tell its end when nobody is left of that kind."""
        watched = set(self._watched.values())
        for pid in children():
            if pid not in watched:
                os.kill(pid, signal.SIGKILL)
                self._watch(pid)
        if not self._orphans or time.monotonic() - self._died_s > BURIAL_S:
            for ended in self._dead:
                self._control.send(msgspec.json.encode(ended))
            self._dead.clear()


def end_all() -> Never:
    """Kill the children until there are none: those of each that dies are ours next."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                _kill_group(pid)
            os.waitpid(-1, 0)
    os._exit(0)


def children() -> list[int]:
    """The pids of this process's children, zombies included."""
    own = os.getpid()
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{own}/children").read_text().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [pid for pid, parent in _parents() if parent == own]


def _parents() -> Iterator[tuple[int, int]]:
    """(pid, pid of its parent) of every process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            _, _, rest = Path(f"/proc/{name}/stat").read_text().rpartition(")")
            yield int(name), int(rest.split()[1])


def _kill_group(pid: int) -> None:
    """A child and its group: as long as it is not reaped, their number is nobody else's. It may have left the group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
