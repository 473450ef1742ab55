"""A mailbox for code outside any process: a coroutine of the host, a test, a request handler.

async with Mailbox() as box:
    agent.stream_chat(pid, "Hello")          # inside the block, box is the calling process
    async for event in box: ...
"""

import asyncio
from collections.abc import Callable
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

from actors.kernel.block import Block
from actors.kernel.bound import Bound
from actors.kernel.errors import MailboxClosed
from actors.kernel.pid import Pid, Ref
from actors.kernel.process import DEAD, Process
from actors.kernel.receiver import Receiver
from actors.kernel.signals import NORMAL, SHUTDOWN
from actors.server.bounded import keep_to
from actors.system.current import current_system, entered_process, process_here, process_of, starter

Take: TypeAlias = Callable[[list[Any]], int]
"""Take messages, the oldest first. Return the number of those taken: fewer than given if the next is for the owner."""


class _Push(NamedTuple):
    """The function that gets the messages, and the most of them in one call."""

    take: Take
    most: int


class MailboxProcess(Receiver):
    """The process of a Mailbox. It runs no code of its own, so its owner or the end of its system ends it."""

    __slots__ = ("_push", "block")

    block: Block[Process]
    _push: _Push | None

    def begin(self) -> None:
        super().begin()
        self._push = None

    def run(self) -> None:
        """Push the messages that have arrived. Wake the owner if one is not taken, or if `take` raises."""
        push, waiter = self._push, self._waiter
        if push is None or waiter is None:
            super().run()
            return
        try:
            pushed = self._pushed(push)
        except Exception as error:  # noqa: BLE001 (the owner's code, whose error the owner gets)
            pushed = False
            if not waiter.done():
                waiter.set_exception(error)
        if self.phase != DEAD:  # take may close the mailbox
            if pushed:
                self.rest()
            else:
                super().run()

    async def push_to(self, push: _Push, timeout_s: float) -> None:
        if self._push is not None:
            raise RuntimeError(f"expected one receiver at a time, got a second one for {self.pid}")
        while self.mailbox:
            if not self._pushed(push):
                return
            await asyncio.sleep(0)
        self._push = push
        try:
            await self._wait(timeout_s)
        finally:
            self._push = None

    def _pushed(self, push: _Push) -> bool:
        """Push the messages that have arrived, and return whether all of them were taken."""
        messages = [message for message, _ in islice(self.mailbox, push.most)]
        count = push.take(messages)
        if self.phase != DEAD:
            for _ in range(count):
                self.mailbox.popleft()
        self.reductions += count
        return count == len(messages)

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

    async def push_to(self, take: Take, most: int, timeout_s: float) -> None:
        """Call take with messages where they arrive, at most `most` at once, until it leaves one in the mailbox.

        No task is woken for a message that is taken, and take must not wait. Raises TimeoutError after timeout_s,
        whatever was taken; MailboxClosed after close; and an error of take, which then has taken none.
        """
        await self.process.push_to(_Push(take, most), timeout_s)

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
