"""The mailbox of a suspended server."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from actors.gen_server import SYSTEM
from actors.message_queue import Letter, MessageQueue
from actors.process import Process
from actors.signals import Exit


class SuspendedQueue(deque[Letter]):
    """The mailbox of a suspended server: gives out system messages and its parent's exit, and holds the rest.

    The deque itself has what may be taken. Source: sys:suspend_loop_hib/7 (OTP), a selective receive.
    """

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._parent = process.parent
        self.held: MessageQueue = process.opened()
        letters = list(self.held)
        for index in reversed(range(len(letters))):
            if self._is_urgent(letters[index][0]):
                super().appendleft(letters[index])
                del self.held[index]

    def resumed(self) -> MessageQueue:
        """The mailbox as it was, with what had been held, behind what had not been taken yet."""
        while self:
            self.held.appendleft(self.pop())
        return self.held

    def append(self, letter: Letter, /) -> None:
        if self._is_urgent(letter[0]):
            super().append(letter)
        else:
            self.held.append(letter)

    def clear(self) -> None:
        super().clear()
        self.held.clear()

    def __iter__(self) -> Iterator[Letter]:
        yield from super().__iter__()
        yield from self.held

    def __len__(self) -> int:
        return super().__len__() + len(self.held)

    def __delitem__(self, index: Any, /) -> None:
        urgent = super().__len__()
        if index < urgent:
            super().__delitem__(index)
        else:
            del self.held[index - urgent]

    def __bool__(self) -> bool:
        return super().__len__() > 0

    def _is_urgent(self, message: Any) -> bool:
        return type(message) in SYSTEM or (type(message) is Exit and message.pid is self._parent)
