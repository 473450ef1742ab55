"""A response's body. Its chunks may be handled in the transport's callback, without waking a task per chunk.

An answer is any async iterator of bytes. If the answer is Pushed, its `push` calls a function with each chunk, inside
the transport's own callback.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

Take: TypeAlias = Callable[[bytes], bool]
"""A function that takes a chunk and returns True to stop."""


class Pushed(AsyncIterator[bytes], ABC):
    """Chunks to iterate over or to push."""

    @abstractmethod
    async def push(self, take: Take) -> None:
        """Call take with each chunk on arrival, until take returns True or the body ends.

        Raises the errors of the body and of take. After a cancellation it calls take no more, and later chunks wait for
        the next reader.
        """


async def push(chunks: AsyncIterator[bytes], take: Take) -> None:
    """Push the chunks of any iterator."""
    if isinstance(chunks, Pushed):
        await chunks.push(take)
    else:
        await pull(chunks, take)


async def pull(chunks: AsyncIterator[bytes], take: Take) -> None:
    """Call take with each chunk by iteration, until take returns True or the body ends."""
    async for chunk in chunks:
        if take(chunk):
            return
