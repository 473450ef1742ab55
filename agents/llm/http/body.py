"""A response's body, whose chunks may be handed on where they come in, without waking a task for each.

An answer is any async iterator of bytes. One that is Pushed can do more: for as long as `push` runs, each chunk goes to
its taker inside the transport's own callback.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

Take: TypeAlias = Callable[[bytes], bool]
"""Takes a chunk, and says whether that was enough for now."""


class Pushed(AsyncIterator[bytes], ABC):
    """Chunks that are asked for one by one, or pushed."""

    @abstractmethod
    async def push(self, take: Take) -> None:
        """Give take each chunk as it comes, until it has enough or the body is at its end.

        Raises what breaks the body, and what take raises. Cancelled, it gives no chunk more; what comes then waits for
        the next who asks.
        """


async def push(chunks: AsyncIterator[bytes], take: Take) -> None:
    """Pushed.push, of any chunks."""
    if isinstance(chunks, Pushed):
        await chunks.push(take)
    else:
        await pull(chunks, take)


async def pull(chunks: AsyncIterator[bytes], take: Take) -> None:
    """The same by asking for each."""
    async for chunk in chunks:
        if take(chunk):
            return
