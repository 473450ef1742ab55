"""What may stand in a process's mailbox: nothing yet, a deque, or a queue that treats its messages otherwise.

A process that needs neither bounds nor suspension has a plain deque, and pays nothing for those that do.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NoReturn, Protocol, TypeAlias

from actors.kernel.pid import Pid

Letter: TypeAlias = tuple[Any, Pid | None]
"""A message and its sender."""


class MessageQueue(Protocol):
    """What a process and its system ask of a mailbox. It is true while there is something to take."""

    def append(self, letter: Letter, /) -> None: ...
    def appendleft(self, letter: Letter, /) -> None: ...
    def popleft(self) -> Letter: ...
    def clear(self) -> None: ...
    def __iter__(self) -> Iterator[Letter]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Letter: ...
    def __delitem__(self, index: Any, /) -> None: ...


class Unopened(deque[Letter]):
    """The mailbox of every process to which nothing has come yet: there is one, and it stays empty.

    A deque of its own would be a third of what such a process holds, and one more thing for the garbage collector.
    """

    __slots__ = ()

    def append(self, letter: Letter, /) -> NoReturn:
        raise AssertionError("an unopened mailbox takes no message: Process.opened() makes one that does")

    appendleft = append


UNOPENED: Final = Unopened()
