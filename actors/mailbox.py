"""A mailbox for code outside any process: a coroutine of the host, a test, a request handler.

async with Mailbox() as box:
    agent.stream_chat(pid, "Hello")          # inside the block, box is the calling process
    async for event in box: ...
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from actors.kernel.block import Block
from actors.kernel.bound import Bound
from actors.kernel.errors import MailboxClosed
from actors.kernel.message_queue import MessageQueue
from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process
from actors.kernel.receiver import Receiver
from actors.kernel.signals import NORMAL, SHUTDOWN
from actors.server.bounded import keep_to
from actors.system.current import current_system, entered_process, process_here, process_of, starter

Take: TypeAlias = Callable[[MessageQueue], bool]
"""Remove messages from the mailbox. Return False if the first of those left is not for this function."""


class MailboxProcess(Receiver):
    """The process of a Mailbox. It runs no code of its own, so its owner or the end of its system ends it."""

    __slots__ = ("_take", "block")

    block: Block[Process]
    _take: Take | None

    def begin(self) -> None:
        super().begin()
        self._take = None

    def run(self) -> None:
        """Let `take` have the messages of this turn. Wake the owner if it refuses one, or crashes."""
        take, waiter = self._take, self._waiter
        if take is None or waiter is None:
            super().run()
            return
        try:
            goes_on = take(self.mailbox)
        except Exception as error:  # noqa: BLE001 (the owner's code, whose error the owner gets)
            goes_on = False
            if not waiter.done():
                waiter.set_exception(error)
        if goes_on:
            self.rest()
        else:
            super().run()

    async def each_turn(self, take: Take, timeout_s: float) -> None:
        while self.mailbox:
            if not take(self.mailbox):
                return
            await asyncio.sleep(0)
        self._take = take
        try:
            await self._wait(timeout_s)
        finally:
            self._take = None

    def shut_down(self) -> None:
        self.end(SHUTDOWN)


class Mailbox:
    """A process without code of its own. It traps exits: the end of a linked process arrives as an Exit message."""

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
        """Return the next message.

        Raises TimeoutError if no message comes within timeout_s, and MailboxClosed after close.
        """
        return await self.process.receive(timeout_s)

    async def receive_many(self, most: int, timeout_s: float | None = None) -> list[Any]:
        """Return the next message and those that already wait after it, `most` in all at the most.

        Raises the errors of `receive`.
        """
        return await self.process.receive_many(most, timeout_s)

    async def each_turn(self, take: Take, timeout_s: float) -> None:
        """Call take where messages arrive, once a turn of the loop for all of them, until it returns False.

        No task is woken for them. Raises TimeoutError after timeout_s, MailboxClosed after close, and take's error.
        """
        await self.process.each_turn(take, timeout_s)

    def put(self, message: Any) -> None:
        """Put a message of its owner into the mailbox. Any other sender uses `send`."""
        self.process.deliver(message, None)

    def monitor(self, pid: Pid) -> Ref:
        """Get one Down here when pid ends, or at once if it has ended. Erlang: monitor/2."""
        process_of(pid)
        return self.process.monitor(pid)

    def demonitor(self, ref: Ref) -> None:
        """Get no Down for ref from now on, and drop one that has arrived. Erlang: demonitor(Ref, [flush])."""
        self.process.demonitor(ref)

    def close(self) -> None:
        """End the process: a message sent here later becomes a dead letter."""
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
