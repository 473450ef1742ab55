"""The parent on its loop: start the nodes, restart those that end, pass signals on, and end all in order."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from actors.log import get_logger
from agents.daemon.crew.node_process import NodeExit, NodeProcess, Reporter
from agents.daemon.crew.restarts import failures, pause_s
from agents.daemon.crew.wire import NodeListens, NodeReloaded, Packet, ReloadRequested, StopRequested
from agents.daemon.errors import CannotStart
from agents.daemon.outside import Outside
from agents.node.fenced import FENCED
from agents.node.os_process import this_process
from agents.node.state_files import DaemonAddress
from agents.settings import RestartLimits
from supervisors.restart import RestartLog

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
NOT_STARTED: Final = 1  # exit code

Start: TypeAlias = Callable[[str, Reporter], NodeProcess]

log = get_logger("understudy.daemon")


class CrewEnded(Struct, frozen=True):
    """The end of the crew. code: the parent's exit code. lines: the reasons, for people."""

    code: int
    lines: tuple[str, ...] = ()


class Crew:
    """The nodes, and the decision about each that ends.

    names: of the nodes. The others start when the first one listens, so that one node makes the store, and a faulty
    configuration is reported once. start: starts a node. limits: of the restarts of all nodes together. reread: reads
    the limits again, at a reload.
    """

    def __init__(
        self, names: Sequence[str], start: Start, limits: RestartLimits, reread: Callable[[], RestartLimits | None]
    ) -> None:
        self._names, self._start, self._limits, self._reread = names, start, limits, reread
        self._nodes: dict[str, NodeProcess] = {}
        self._restarts = RestartLog()
        self._reloading = set[str]()  # names of nodes that have not reported the reload that a signal began
        self._asked_to_stop = False

    async def run(self, outside: Outside) -> CrewEnded:
        """Run the nodes until a signal, a client, or a failure ends them. None runs afterwards. Raises CannotStart."""
        self._outside = outside
        self._loop = asyncio.get_running_loop()
        self._verdict: asyncio.Future[CrewEnded] = self._loop.create_future()
        self._address: asyncio.Future[DaemonAddress] = self._loop.create_future()
        self._all_listen = asyncio.Event()
        refused: CannotStart | None = None
        async with AsyncExitStack() as stack:
            stack.enter_context(self._signals())
            async with asyncio.TaskGroup() as group:
                keepers = [group.create_task(self._keep(name)) for name in self._names]
                await self._unless_ending(self._all_listen.wait())
                if not self._verdict.done():
                    try:
                        await stack.enter_async_context(outside.listening(self._address.result()))
                    except CannotStart as error:
                        refused = error
                        self._end(CrewEnded(0))
                verdict = await self._verdict
                outside.draining()
                for node in self._nodes.values():
                    node.signal(signal.SIGTERM)
        if refused is not None:
            raise refused
        return replace(verdict, code=verdict.code or max(exit_code(keeper.result()) for keeper in keepers))

    # A node

    async def _keep(self, name: str) -> int:
        """Keep the node running until the crew ends. Return its last code, as in subprocess."""
        if name != self._names[0]:
            await self._unless_ending(asyncio.shield(self._address))
        in_a_row = code = 0
        while not self._verdict.done():
            ended = await self._lived(name)
            code = ended.code
            in_a_row = failures(in_a_row, code, ended.lived_s, self._limits.period)
            self._judge(name, ended)
            if not self._verdict.done():
                await self._unless_ending(asyncio.sleep(pause_s(in_a_row)))
        return code

    async def _lived(self, name: str) -> NodeExit:
        """Start the node, and return how it ended."""
        try:
            node = self._start(name, self._on_packet)
        except OSError as error:
            return NodeExit(0, NOT_STARTED, (f"it can't be started: {error.strerror or error}",), 0.0, listened=False)
        self._nodes[name] = node
        log.info("node_started", node=name, pid=node.pid)
        try:
            return await node.ended
        finally:
            del self._nodes[name]
            self._has_reloaded(name)

    def _judge(self, name: str, ended: NodeExit) -> None:
        """Log the end of the node, and end the crew if the node must not be restarted.

        As in OTP, a node that can't start ends the crew while that starts. Later it is tried again and again: the store
        may be away, or the configuration faulty for a while.
        """
        if not (self._verdict.done() or self._all_listen.is_set() or ended.listened or ended.code == FENCED):
            line = f"the node {name} ended with {ended.how} before it listened"
            self._end(CrewEnded(exit_code(ended.code) or 1, ended.reasons or (line,)))
            return
        if not self._verdict.done() or exit_code(ended.code):
            log.warning("node_ended", node=name, pid=ended.pid, how=ended.how, reason="; ".join(ended.reasons) or None)
        if not self._verdict.done() and (ended.listened or not ended.reasons):
            self._count_restart(name, ended)

    def _count_restart(self, name: str, ended: NodeExit) -> None:
        """End the crew if this restart would be one too many."""
        spent = self._restarts.spend(self._loop.time(), self._limits.intensity, self._limits.period)
        if spent is None:
            limit = f"more than {self._limits.intensity} restarts within {self._limits.period:g} s"
            line = f"the nodes end too often, {limit}: the last one, {name}, ended with {ended.how}"
            self._end(CrewEnded(exit_code(ended.code) or 1, (line, *ended.reasons)))
        else:
            self._restarts = spent

    def _on_packet(self, node: NodeProcess, packet: Packet) -> None:
        match packet:
            case NodeListens(address):
                self._listens(node, address)
            case NodeReloaded():
                self._has_reloaded(node.name)
            case ReloadRequested():
                self._reload(besides=node)
            case StopRequested():
                self._stop()
            case _:
                pass

    def _listens(self, node: NodeProcess, address: DaemonAddress) -> None:
        log.info("node_listens", node=node.name, pid=node.pid)
        if node.stale:
            node.signal(signal.SIGHUP)
        if not self._address.done():
            self._address.set_result(replace(address, process=this_process()))
        if sum(each.listens for each in self._nodes.values()) == len(self._names):
            self._all_listen.set()

    # Signals, and clients' requests

    @contextmanager
    def _signals(self) -> Iterator[None]:
        for number in ENDING:
            self._loop.add_signal_handler(number, self._on_end_signal, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._on_reload_signal)
        try:
            yield
        finally:
            for number in (*ENDING, signal.SIGHUP):
                self._loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)  # all nodes have ended, and no signal changes the exit code

    def _on_end_signal(self, number: int) -> None:
        if self._asked_to_stop:
            self._outside.forget_address()
            for node in self._nodes.values():
                node.signal(signal.SIGKILL)
            os._exit(128 + number)
        self._stop()

    def _stop(self) -> None:
        self._asked_to_stop = True
        self._end(CrewEnded(0))

    def _end(self, verdict: CrewEnded) -> None:
        if not self._verdict.done():
            self._verdict.set_result(verdict)

    def _on_reload_signal(self) -> None:
        if self._all_listen.is_set():  # else systemd hears of the start first
            self._outside.reloading()
            self._reloading |= {node.name for node in self._nodes.values() if node.listens}
            self._report_reload()
        self._reload()

    def _reload(self, besides: NodeProcess | None = None) -> None:
        """Have the nodes read the configuration again. A node that starts does so as soon as it handles signals."""
        self._limits = self._reread() or self._limits
        for node in self._nodes.values():
            if node is not besides and node.listens:
                node.signal(signal.SIGHUP)
            node.stale = node is not besides and not node.listens

    def _has_reloaded(self, name: str) -> None:
        if name in self._reloading:
            self._reloading.discard(name)
            self._report_reload()

    def _report_reload(self) -> None:
        if not self._reloading:
            self._outside.reloaded()

    async def _unless_ending(self, awaited: Awaitable[Any]) -> None:
        """Wait for the awaitable, or for the end of the crew."""
        task = asyncio.ensure_future(awaited)
        await asyncio.wait({task, self._verdict}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()


def exit_code(code: int) -> int:
    """Return a shell's exit code. code: as in subprocess. The end by SIGTERM, of a node that was starting, is 0."""
    if code == -signal.SIGTERM:
        return 0
    return 128 - code if code < 0 else code
