"""Laws of the orders to a fork server: an order that can't be sent fails only a fork."""

import asyncio
import socket

import pytest

from agents.tools.errors import WorkerDied
from agents.tools.worker.control import Control, ForkedChild
from agents.tools.worker.wire import FunctionOrigin

ORIGIN = FunctionOrigin("module", "name", "module.py")
MORE_THAN_A_SOCKET_HOLDS = 10_000


class Stuck:
    """A fork server that reads no order. killed: the number of kills that it got."""

    def __init__(self) -> None:
        self.killed = 0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = Control(ours, self.ended, self._kill)

    def _kill(self) -> None:
        self.killed += 1

    async def end(self) -> None:
        self.ended.set_result("SIGKILL")
        await asyncio.sleep(0)  # the control hears of the end
        self._theirs.close()

    def fill(self, child: ForkedChild) -> None:
        for _ in range(MORE_THAN_A_SOCKET_HOLDS):
            child.kill()
            if self.killed:
                return


async def test_a_server_that_reads_no_order_is_killed_and_only_a_fork_fails() -> None:
    server = Stuck()
    child = server.control.fork()
    server.fill(child)
    assert server.killed == 1
    child.watch(3)
    child.kill()
    load = asyncio.create_task(server.control.load(ORIGIN, []))
    with pytest.raises(BlockingIOError):
        server.control.fork()
    await asyncio.sleep(0)
    await server.end()
    with pytest.raises(WorkerDied) as died:
        await load
    assert died.value.how == "SIGKILL"
    assert await child.ended == "SIGKILL"
    child.ours.close()


async def test_a_server_that_has_ended_loads_nothing() -> None:
    server = Stuck()
    await server.end()
    with pytest.raises(WorkerDied) as died:
        await server.control.load(ORIGIN, [])
    assert died.value.how == "SIGKILL"
