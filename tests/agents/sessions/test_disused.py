"""Sessions that nobody uses, in their order, and their deletion in groups."""

from datetime import timedelta

from msgspec.structs import replace

from agents.sessions import Store, history
from agents.sessions.disused import disused, total_size
from tests.agents.sessions.keeping import AT, batch, begun, ended, session, stream, tokens


async def keep(store: Store, id_: str, days: int, events: int = 3, *, over: bool = True) -> None:
    """Write a session with one stream that began and ended this number of days after AT."""
    at = AT + timedelta(days=days)
    await store.write(
        batch(
            [replace(session(id_), at=at)],
            [replace(stream(f"of-{id_}", id_), at=at)],
            [(f"of-{id_}", tokens(f"of-{id_}", 1, events))],
        )
    )
    if over:
        await store.write(batch(ended=[replace(ended(f"of-{id_}", id_), at=at)]))


async def test_sessions_without_an_open_stream_come_in_the_order_of_their_last_change(store: Store) -> None:
    for id_, days in {"b": 2, "c": 3, "a": 3, "d": 1}.items():
        await keep(store, id_, days)
    await keep(store, "runs", 0, over=False)
    found = await disused(store, None, 2)
    assert [each.id for each in found] == ["d", "b"]
    assert await history.delete_all(store, ["b", "d", "nothing"]) == 2
    later = await disused(store, found[-1], 2)
    assert ([each.id for each in later], later[0].updated_at) == (["a", "c"], AT + timedelta(days=3))
    assert await disused(store, later[-1], 2) == []
    assert await store.has_session("runs")


async def test_the_sizes_of_all_sessions_are_the_stores(store: Store) -> None:
    assert await total_size(store) == 0
    for id_, events in {"small": 3, "large": 3000}.items():
        await keep(store, id_, 1, events)
    await store.close()  # which packs the newest events
    large, small = await disused(store, None, 9)
    assert large.size > small.size > 0
    assert await total_size(store) == large.size + small.size
    await store.claim()
    await history.delete_all(store, ["large"])
    assert await total_size(store) == small.size


async def test_a_deletion_of_nothing_changes_nothing(store: Store) -> None:
    await store.write(begun())
    assert await history.delete_all(store, []) == 0
    assert await store.has_session("s")
