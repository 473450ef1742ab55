"""A mailbox for code that is no process: a coroutine of the host's, a test, a request handler.

async with Mailbox() as box:
    agent.stream_chat(pid, "Hello")          # inside the block, box is the calling process
    async for event in box: ...
"""

from types import TracebackType
from typing import Any, Self

from actors.kernel.block import Block
from actors.kernel.bound import Bound
from actors.kernel.errors import MailboxClosed
from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.receiver import Receiver
from actors.kernel.signals import NORMAL, SHUTDOWN
from actors.server.bounded import keep_to
from actors.system.current import current_system, entered_process, process_here, starter


class MailboxProcess(Receiver):
    """It has no code that could end it, so its system's end does."""

    __slots__ = ("block",)

    block: Block[Process]

    def shut_down(self) -> None:
        self.end(SHUTDOWN)


class Mailbox:
    """A process without code of its own. It traps exits, so what it links to and monitors reports here."""

    def __init__(self, bound: Bound | None = None) -> None:
        system = current_system()
        self.process = MailboxProcess(system, "mailbox", starter(system, link=False))
        self.process.trap_exit = True
        keep_to(self.process, bound)
        self.process.block = Block(process_here, self.process)
        self.process.begin()

    @property
    def pid(self) -> Pid:
        return self.process.pid

    async def receive(self, timeout_s: float | None = None) -> Any:
        """The next message. Raises TimeoutError when none came within timeout_s, MailboxClosed after close."""
        return await self.process.receive(timeout_s)

    async def receive_many(self, most: int, timeout_s: float | None = None) -> list[Any]:
        """The next message, and those that have come after it, at most so many in all. As receive."""
        return await self.process.receive_many(most, timeout_s)

    def close(self) -> None:
        """What is sent here from now on is a dead letter."""
        self.process.end(NORMAL)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.process.receive()
        except MailboxClosed:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        self.process.block.enter(entered_process())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.block.leave()
        self.close()
