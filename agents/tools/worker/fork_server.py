"""An OS process that forks children on order, and kills and reaps all that they started. Erlang: erl_child_setup.

There are two kinds, with the same loop. The first server has loaded what every worker needs. Its children are the
templates. A template is a server that has imported one module of tools. Its children are the workers, one per call.
Processes that a child leaves running, also those in sessions of their own, become children of its server
(PR_SET_CHILD_SUBREAPER) and are killed. A child's end is reported when the last of them is gone. When the pool's OS
process ends for any reason, all these processes end.
"""

import contextlib
import errno
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Never

import msgspec

from agents.tools.errors import WorkerDied
from agents.tools.worker.confine import confine, die_with, hurry, reap_descendants
from agents.tools.worker.descendants import children, more_than
from agents.tools.worker.loading import faults_of
from agents.tools.worker.main import main
from agents.tools.worker.wire import (
    BeginOrder,
    ChildEnded,
    ForkOrder,
    KillOrder,
    LoadOrder,
    LoadReport,
    NotForked,
    Obeyed,
    Order,
    Packet,
    WatchOrder,
)

BURIAL_S = 1.0  # SIGKILL is carried out within milliseconds, unless a process is in an uninterruptible wait
KEPT_DESCRIPTORS = 8  # for what this process opens for a moment: the lists of /proc, a pidfd, a received socket
COUNT_S = 0.05  # the pause between two counts of a watched child's processes


def run(descriptor: int, parent: int) -> Never:
    """Serve the pool's process (parent) until that ends.

    Each template continues here after the first _serve, and each worker after the second.
    """
    server = os.getpid()
    die_with(parent, signal.SIGTERM)
    reap_descendants()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    descriptor = _serve(descriptor)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    template = os.getpid()
    confine(server)
    main(_serve(descriptor), template)


def _serve(descriptor: int) -> int:
    """Obey the orders from this socket. Returns only in each child, with the descriptor of its socket."""
    gc.freeze()  # loaded objects stay shared with the children: a child's garbage collection does not touch them
    try:
        ForkServer(socket.socket(fileno=descriptor)).run()
    except Forked as forked:
        return forked.descriptor
    except (SystemExit, OSError):  # a normal end, or the pool closed its end
        while True:  # a second sign of the same end may arrive during this
            with contextlib.suppress(SystemExit):
                end_all()


class Forked(BaseException):
    """Raised in a new child, to leave the call stack that belongs to its parent."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


class ForkServer:
    """State: the children by their pids, the orphans that are being killed, and the ends not yet reported."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._watched: dict[int, int] = {}  # pids by pidfd
        self._children: dict[int, int] = {}  # the pool's numbers of the children, by pid
        self._counted: dict[int, int] = {}  # the number of processes that a child may start, by pid
        self._why: dict[int, str] = {}  # the reason for which a child was killed, by pid
        self._modules: set[int] = set()  # pids of the processes that modules started at import
        self._dead: list[ChildEnded] = []
        self._died_s = 0.0

    def run(self) -> Never:
        """Obey orders until SystemExit, or until Forked in a child."""
        self._report(Obeyed())
        while True:
            for descriptor, _ in self._poll.poll(self._pause_ms()):
                if descriptor == self._control.fileno():
                    self._obey()
                else:
                    self._on_death(descriptor)
            if self._dead or self._orphans:
                self._bury()
            for pid, most in self._counted.items():
                if pid not in self._why and more_than(most, pid):
                    self._why[pid] = f"more than {most} processes"
                    _kill_group(pid)

    def _pause_ms(self) -> float | None:
        if self._counted:
            return COUNT_S * 1000
        return BURIAL_S * 1000 if self._dead else None  # None: no timeout

    @property
    def _orphans(self) -> int:
        """Return the number of processes that are being killed and are not children of the pool."""
        return len(self._watched) - len(self._children)

    def _obey(self) -> None:
        body, descriptors, _, _ = socket.recv_fds(self._control, 65536, 1)
        if not body:
            sys.exit()
        order = msgspec.json.decode(body, type=Order)
        self._report(Obeyed())
        match order:
            case BeginOrder():
                pass  # it has loaded its modules
            case ForkOrder(number):
                self._fork(number, *descriptors)
            case LoadOrder():
                faults = faults_of(order)
                gc.freeze()
                self._modules.update(set(children()) - set(self._watched.values()))
                self._report(LoadReport(faults))
            case KillOrder(number):
                for pid in self._pids(number):
                    hurry(pid)
                    _kill_group(pid)
            case WatchOrder(number, processes):
                self._counted.update(dict.fromkeys(self._pids(number), processes))

    def _report(self, packet: Packet) -> None:
        self._control.send(msgspec.json.encode(packet))

    def _pids(self, number: int) -> list[int]:
        return [pid for pid, each in self._children.items() if each == number]

    def _fork(self, number: int, descriptor: int | None = None) -> None:
        """Fork a child with this end of its socket. None: the kernel had no descriptor left for it."""
        try:
            _check_room(descriptor)
            pid = os.fork()
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            self._report(NotForked(number, f"it could not be forked: {error.strerror}"))
            return
        assert descriptor is not None
        if pid == 0:
            self._control.close()
            for each in self._watched:
                os.close(each)
            raise Forked(descriptor)
        os.close(descriptor)
        self._children[pid] = number
        self._watch(pid)

    def _watch(self, pid: int) -> int:
        """Wait for the death of this child from now on. Return the descriptor of that wait."""
        descriptor = os.pidfd_open(pid)
        self._watched[descriptor] = pid
        self._poll.register(descriptor, select.POLLIN)
        return descriptor

    def _on_death(self, descriptor: int) -> None:
        """Handle the death of a child.

        The child is a zombie, so its number is not reused, and its children are ours already.
        """
        pid = self._watched.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        if pid in self._children:
            _kill_group(pid)
        status = os.waitpid(pid, 0)[1]
        if pid in self._children:
            how = WorkerDied.of(os.waitstatus_to_exitcode(status)).how
            self._dead.append(ChildEnded(self._children.pop(pid), self._why.pop(pid, how)))
            self._counted.pop(pid, None)
            self._died_s = time.monotonic()

    def _bury(self) -> None:
        """Kill the processes that came to us from a child that died. Report its end when all of them are gone."""
        known = self._modules.union(self._watched.values())
        for pid in children():
            if pid not in known:
                os.kill(pid, signal.SIGKILL)
                if self._watch(pid) >= _last_descriptor():
                    break  # the others follow when one of those before has been reaped
        if not self._orphans or time.monotonic() - self._died_s > BURIAL_S:
            for ended in self._dead:
                self._report(ended)
            self._dead.clear()


def _check_room(received: int | None) -> None:
    """Raise OSError if there are too few descriptors for a child. received: the number of its socket."""
    if received is None or received >= _last_descriptor():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _last_descriptor() -> int:
    """Return the highest number of a descriptor that may stay open. The kernel gives out the lowest free one."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - KEPT_DESCRIPTORS


def end_all() -> Never:
    """Kill the children until there are none. The children of each that dies become ours next."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                _kill_group(pid)
            os.waitpid(-1, 0)
    os._exit(0)


def _kill_group(pid: int) -> None:
    """Kill a child and its process group.

    Until the child is reaped, no other process has its number. The child may have left its group.
    """
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
