"""Work that is done for many callers at once: while it runs, the next callers gather for the next time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batched(Generic[K, V]):
    """A function of one key, by a function of many keys.

    Each call begins after its caller asked, so a read is never older than its question. If the work raises an
    exception, each caller of this batch gets it.
    """

    def __init__(self, work: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """work: returns the values of those keys that have one."""
        self._work = work
        self._next = _Batch[K, V]()
        self._one = asyncio.Lock()

    async def __call__(self, key: K) -> V | None:
        """Return the value of the key, or None if it has none. Raises what the work raises."""
        batch = self._next
        batch.keys.add(key)
        async with self._one:
            if not batch.done:
                if batch is self._next:
                    self._next = _Batch()
                await batch.run(self._work)  # if this caller is cancelled, the batch's next caller runs it
        if batch.failed is not None:
            raise batch.failed
        return batch.values.get(key)


class _Batch(Generic[K, V]):
    def __init__(self) -> None:
        self.keys = set[K]()
        self.done = False
        self.values: Mapping[K, V] = {}
        self.failed: Exception | None = None

    async def run(self, work: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        try:
            self.values = await work(self.keys)
        except Exception as failed:  # noqa: BLE001 (each caller raises it)
            self.failed = failed
        self.done = True
