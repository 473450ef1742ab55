"""Mailboxes with a bound, and the treatment of messages that find one full.

    class Importer(GenServer[Rows]):
        bound = Bound(1000, Overflow.BLOCK_SENDER)

    await send_blocking(importer, row)      # waits for room, as call does
    send(importer, row)                     # can't wait: a dead letter if the mailbox is full

A bounded process has another queue, so an unbounded one pays nothing. System messages, Exit and Down are always
accepted. A dropped message becomes a dead letter with the reason MAILBOX_FULL, and a dropped call fails with it.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from thespian.actors import ChildActorExited

from actors.kernel.address import Address
from actors.kernel.bound import Bound, Overflow
from actors.kernel.message_queue import Letter
from actors.kernel.signals import MAILBOX_FULL, Down, Exit
from actors.log import log
from actors.server.messages import SYSTEM, Call
from actors.system.current import current_process, current_system, system_of

if TYPE_CHECKING:
    from actors.kernel.process import Process


class Blocking(Struct, frozen=True):
    """A message of send_blocking. done: gets its result when the mailbox has room."""

    message: Any
    done: asyncio.Future[None]


_ALWAYS_ACCEPTED = SYSTEM | {Exit, Down, ChildActorExited}


class BoundedQueue(deque[Letter]):
    """The queue of a bounded mailbox."""

    def __init__(self, process: "Process", bound: Bound) -> None:
        super().__init__()
        self._process = process
        self.bound = bound
        self._line: dict[asyncio.Future[Any], Letter] = {}  # waiting senders: Call and Blocking

    def append(self, letter: Letter, /) -> None:
        if len(self) < self.bound.max_length and not self._line:
            self._accept(letter)
        elif type(letter[0]) in _ALWAYS_ACCEPTED:
            super().append(letter)
        else:
            self._overflow(letter)

    def popleft(self) -> Letter:
        letter = super().popleft()
        if self._line:
            self._admit()
        return letter

    def __delitem__(self, index: Any, /) -> None:
        super().__delitem__(index)
        self._admit()

    def clear(self) -> None:
        """Empty the mailbox of a process that has ended.

        The message of each waiting sender becomes a dead letter. A waiting caller learns of the end by its watch.
        """
        super().clear()
        line, self._line = self._line, {}
        for waiting, (message, sender) in line.items():
            if not waiting.done():
                system_of(self._process).dead_letters.add(self._process.pid, _content(message), sender)
                if type(message) is Blocking:
                    waiting.set_result(None)

    def _overflow(self, letter: Letter) -> None:
        match self.bound.overflow:
            case Overflow.DROP_OLDEST:
                self._drop_oldest(letter)
            case Overflow.BLOCK_SENDER if type(letter[0]) is Call or type(letter[0]) is Blocking:
                waiting = _waiting(letter[0])
                self._line[waiting] = letter
                waiting.add_done_callback(self._leave)  # a sender that stops waiting leaves the line at once
            case Overflow.CRASH_RECEIVER:
                self._drop(letter)
                self._process.die(MAILBOX_FULL)
                log.error("mailbox_overflowed", pid=str(self._process.pid), label=self._process.label)
            case _:
                self._drop(letter)

    def _drop_oldest(self, letter: Letter) -> None:
        for index, old in enumerate(self):
            if type(old[0]) not in _ALWAYS_ACCEPTED:
                super().__delitem__(index)
                super().append(letter)
                self._drop(old)
                return
        self._drop(letter)

    def _drop(self, letter: Letter) -> None:
        message, sender = letter
        pid = self._process.pid
        system_of(self._process).dead_letters.add(pid, message, sender, MAILBOX_FULL)
        if type(message) is Call:
            message.caller.down(message.caller, pid, MAILBOX_FULL)

    def _accept(self, letter: Letter) -> None:
        message, sender = letter
        if type(message) is Blocking:
            message.done.set_result(None)
        super().append((_content(message), sender))

    def _admit(self) -> None:
        """Accept messages of waiting senders, the first come first, while there is room."""
        while self._line and len(self) < self.bound.max_length:
            waiting = next(iter(self._line))
            letter = self._line.pop(waiting)
            if not waiting.done():
                self._accept(letter)

    def _leave(self, waiting: asyncio.Future[Any]) -> None:
        self._line.pop(waiting, None)


def keep_to(process: "Process", bound: Bound | None) -> None:
    """Bound the mailbox of a process before its first message. None leaves it without a bound."""
    if bound is not None:
        process.bound = bound
        process.mailbox = BoundedQueue(process, bound)


async def send_blocking(to: Address, message: Any, timeout_s: float | None = None) -> None:
    """Send, and return when the message is in the mailbox. Only a full BLOCK_SENDER mailbox makes the sender wait.

    A waiting process takes no messages, so two processes that fill each other's mailbox wait for ever without a
    timeout_s. After timeout_s raises TimeoutError, and the message is not sent.
    """
    system, sender = current_system(), current_process()
    me = sender.pid if sender is not None else None
    target = system.find(to)
    if target is None or target.bound is None or target.bound.overflow is not Overflow.BLOCK_SENDER:
        system.send(to, message, me)
        return
    done = system.loop.create_future()
    timer = None if timeout_s is None else system.loop.call_later(timeout_s, _expire, done, timeout_s)
    target.deliver(Blocking(message, done), me)
    try:
        await done
    finally:
        if timer is not None:
            timer.cancel()


def _expire(done: asyncio.Future[None], timeout_s: float) -> None:
    if not done.done():
        done.set_exception(TimeoutError(f"no room in the mailbox within {timeout_s:g} s"))


def _content(message: Any) -> Any:
    return message.message if type(message) is Blocking else message


def _waiting(message: Call | Blocking) -> asyncio.Future[Any]:
    return message.done if isinstance(message, Blocking) else message.caller.future
