"""The work of a write and of a look at a stream does not depend on the number of stored events. No time is measured."""

from pathlib import Path
from typing import Any

from sqlalchemy.event import listen

from agents.sessions import Store, history
from agents.sessions.transactions import FileTransactions
from tests.agents.sessions.keeping import batch, begun, ended, session, stream, tokens

STREAMS = tuple(f"t{number}" for number in range(20))
FEW, MANY = 3, 300


class Steps:
    """The number of steps that SQLite's virtual machine makes for a store."""

    def __init__(self, store: Store) -> None:
        self._count = 0
        assert isinstance(store._transactions, FileTransactions)
        listen(store._transactions.engine, "checkout", self._counted_writes)
        listen(store.engine.sync_engine, "checkout", self._counted_reads)

    def _counted_writes(self, connection: Any, *_: object) -> None:
        connection.set_progress_handler(self._step, 1)

    def _counted_reads(self, connection: Any, *_: object) -> None:
        connection.run_async(lambda driver: driver.set_progress_handler(self._step, 1))

    def _step(self) -> int:
        self._count += 1
        return 0

    def taken(self) -> int:
        """Return the number since the last call."""
        count, self._count = self._count, 0
        return count


async def opened(file: Path) -> tuple[Store, Steps]:
    store = await Store.open(f"sqlite:///{file}")
    steps = Steps(store)
    await store.claim()
    return store, steps


async def flushed(store: Store, seq: int) -> None:
    await store.write(batch(events=[(id_, tokens(id_, seq, seq)) for id_ in STREAMS]))


async def test_a_flush_costs_the_same_after_few_events_and_after_many(tmp_path: Path) -> None:
    store, steps = await opened(tmp_path / "sessions.db")
    await store.write(batch([session("s")], [stream(id_) for id_ in STREAMS]))
    of_flush: dict[int, int] = {}
    for seq in range(1, MANY + 1):
        steps.taken()
        await flushed(store, seq)
        of_flush[seq] = steps.taken()
    assert of_flush[MANY] == of_flush[FEW] > len(STREAMS)
    assert await store.events("t7") == tokens("t7", 1, MANY)
    await store.close()


async def test_a_cut_stream_costs_one_seek_whatever_it_has(tmp_path: Path) -> None:
    of_first, of_look = [], []
    for count in (FEW, MANY):
        file = tmp_path / f"{count}.db"
        store, _ = await opened(file)
        await store.write(batch([session("s")], [stream(id_) for id_ in STREAMS]))
        for seq in range(1, count + 1):
            await flushed(store, seq)
        await store.close()
        store, steps = await opened(file)
        steps.taken()
        await flushed(store, count + 1)
        of_first.append(steps.taken())
        found = await store.stream("t7")
        of_look.append(steps.taken())
        assert found is not None
        assert found.last_seq == count + 1
        await store.close()
    assert of_first[0] == of_first[1]
    assert of_look[0] == of_look[1]


async def test_a_stream_that_begins_again_after_its_deletion_begins_with_seq_1(store: Store) -> None:
    await store.write(begun(events=3))
    beside = await Store.open(store.url)
    await history.delete(beside, "s")
    await beside.close()
    await store.write(begun(events=2))
    await store.write(batch(events=[("t", tokens("t", 3, 3))], ended=[ended("t")]))
    assert await store.events("t") == tokens("t", 1, 3)
