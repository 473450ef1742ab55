"""The queues that may be a process's mailbox: the shared empty one, a deque, or a queue with its own rules.

A process without a bound and without suspension has a plain deque, so it pays nothing for either.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NoReturn, Protocol, TypeAlias

from actors.kernel.pid import Pid

Letter: TypeAlias = tuple[Any, Pid | None]
"""A message and its sender."""


class MessageQueue(Protocol):
    """The operations of a mailbox that a process and its system use. It is true while `popleft` has a message."""

    def append(self, letter: Letter, /) -> None: ...
    def appendleft(self, letter: Letter, /) -> None: ...
    def popleft(self) -> Letter: ...
    def clear(self) -> None: ...
    def __iter__(self) -> Iterator[Letter]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Letter: ...
    def __delitem__(self, index: Any, /) -> None: ...


class Unopened(deque[Letter]):
    """The mailbox of every process that has never had a message. All of them share one, which stays empty.

    A deque for each would be a third of such a process's memory, and one more object for the garbage collector.
    """

    __slots__ = ()

    def append(self, letter: Letter, /) -> NoReturn:
        raise AssertionError("expected Process.opened() before the first message, got the shared empty mailbox")

    appendleft = append


UNOPENED: Final = Unopened()
