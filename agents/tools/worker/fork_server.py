"""The OS process that forks children on order, and buries them with all that they started. Erlang: erl_child_setup.

There are two kinds, with the same loop. The first server has loaded what every worker needs; its children are the
templates. A template is a server that has imported one module of tools; its children are the workers, one for each
call. Processes that a child leaves behind, in sessions of their own or not, become children of its server
(PR_SET_CHILD_SUBREAPER) and are killed; a child's end is reported when the last of them is gone. When the process of
the pool has gone, by whatever cause, everything is.
"""

import contextlib
import gc
import os
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
from agents.tools.worker.loading import fault_of
from agents.tools.worker.main import main
from agents.tools.worker.wire import Ended, Fork, Kill, Load, Loaded, Obeyed, Order, Packet, Watch

BURIAL_S = 1.0  # SIGKILL is carried out within milliseconds, unless a process sits in an uninterruptible wait
COUNT_S = 0.05  # between two counts of the processes of a child that is watched


def run(descriptor: int, parent: int) -> Never:
    """Serve the pool's process (parent) until it has gone. Each child comes out of its server's loop, and goes on."""
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
    """Obey the orders from this socket. Returns in each child: the descriptor of its socket."""
    gc.freeze()  # what is loaded stays shared with the children: a collection of theirs does not touch it
    try:
        ForkServer(socket.socket(fileno=descriptor)).run()
    except Forked as forked:
        return forked.descriptor
    except (SystemExit, OSError):  # an end in order, or a pool that closed its end
        while True:  # the other sign of the same end may come in the middle of it
            with contextlib.suppress(SystemExit):
                end_all()


class Forked(BaseException):
    """Raised in a new child, out of everything that is its parent's."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


class ForkServer:
    """State: the children by their pids, the orphans that are being killed, the ends not yet reported."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._watched: dict[int, int] = {}  # pid by its pidfd
        self._children: dict[int, int] = {}  # the pool's number of a child by its pid
        self._counted: dict[int, int] = {}  # how many processes a child may start, by its pid
        self._why: dict[int, str] = {}  # a child was killed, by its pid
        self._modules: set[int] = set()  # pids of the processes that modules started when they were imported
        self._dead: list[Ended] = []
        self._died_s = 0.0

    def run(self) -> Never:
        """Until SystemExit, or Forked in a child."""
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
        return BURIAL_S * 1000 if self._dead else None  # None: without end

    @property
    def _orphans(self) -> int:
        """The number of processes that are being killed and are no children of the pool's."""
        return len(self._watched) - len(self._children)

    def _obey(self) -> None:
        body, descriptors, _, _ = socket.recv_fds(self._control, 65536, 1)
        if not body:
            sys.exit()
        order = msgspec.json.decode(body, type=Order)
        self._report(Obeyed())
        match order:
            case Fork(number):
                self._fork(number, descriptors[0])
            case Load():
                fault = fault_of(order)
                gc.freeze()
                self._modules.update(set(children()) - set(self._watched.values()))
                self._report(Loaded(fault))
            case Kill(number):
                for pid in self._pids(number):
                    hurry(pid)
                    _kill_group(pid)
            case Watch(number, processes):
                self._counted.update(dict.fromkeys(self._pids(number), processes))

    def _report(self, packet: Packet) -> None:
        self._control.send(msgspec.json.encode(packet))

    def _pids(self, number: int) -> list[int]:
        return [pid for pid, each in self._children.items() if each == number]

    def _fork(self, number: int, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._dead.append(Ended(number, f"it could not be forked: {error.strerror}"))
            return
        if pid == 0:
            self._control.close()
            for each in self._watched:
                os.close(each)
            raise Forked(descriptor)
        os.close(descriptor)
        self._children[pid] = number
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
        if pid in self._children:
            _kill_group(pid)
        status = os.waitpid(pid, 0)[1]
        if pid in self._children:
            how = WorkerDied.of(os.waitstatus_to_exitcode(status)).how
            self._dead.append(Ended(self._children.pop(pid), self._why.pop(pid, how)))
            self._counted.pop(pid, None)
            self._died_s = time.monotonic()

    def _bury(self) -> None:
        """Kill the processes that came to us from a child that died; report its end when none of them is left."""
        known = self._modules.union(self._watched.values())
        for pid in children():
            if pid not in known:
                os.kill(pid, signal.SIGKILL)
                self._watch(pid)
        if not self._orphans or time.monotonic() - self._died_s > BURIAL_S:
            for ended in self._dead:
                self._report(ended)
            self._dead.clear()


def end_all() -> Never:
    """Kill the children until there are none: those of each that dies are ours next."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                _kill_group(pid)
            os.waitpid(-1, 0)
    os._exit(0)


def _kill_group(pid: int) -> None:
    """A child and its group: as long as it is not reaped, their number is nobody else's. It may have left the group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
