"""The mailbox of a suspended server."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from actors.kernel.message_queue import Letter, MessageQueue
from actors.kernel.signals import Exit
from actors.server.messages import SYSTEM

if TYPE_CHECKING:
    from actors.server.server_process import ServerProcess


class SuspendedQueue:
    """The mailbox of a suspended server. It gives out only system messages and the parent's exit signal.

    All messages stay in the earlier queue, `held`, in their order. `held` is the mailbox again when the server
    resumes. Source: sys:suspend_loop_hib/7 (OTP), a selective receive.
    """

    def __init__(self, process: "ServerProcess") -> None:
        self._exits_with = process.exits_with
        self.held: MessageQueue = process.opened()
        self._urgent = sum(self._is_urgent(message) for message, _ in self.held)

    def append(self, letter: Letter, /) -> None:
        self.held.append(letter)
        self._urgent += self._is_urgent(letter[0])

    def appendleft(self, letter: Letter, /) -> None:
        self.held.appendleft(letter)
        self._urgent += self._is_urgent(letter[0])

    def popleft(self) -> Letter:
        index = next(at for at, (message, _) in enumerate(self.held) if self._is_urgent(message))
        letter = self.held[index]
        del self[index]
        return letter

    def clear(self) -> None:
        self.held.clear()
        self._urgent = 0

    def __iter__(self) -> Iterator[Letter]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, index: Any, /) -> Letter:
        return self.held[index]

    def __delitem__(self, index: Any, /) -> None:
        self._urgent -= self._is_urgent(self.held[index][0])
        del self.held[index]

    def __bool__(self) -> bool:
        return self._urgent > 0

    def _is_urgent(self, message: Any) -> bool:
        return type(message) in SYSTEM or (type(message) is Exit and message.pid is self._exits_with)
