"""The messages of webhooks in the store: each once, and each attempt by one program."""

from agents.sessions import Batch, Store
from agents.sessions.deliveries import (
    FAILED,
    SENT,
    WAITING,
    claim,
    due,
    forget,
    give_up,
    give_up_others,
    hurry,
    next_time,
    settle,
)
from agents.sessions.side_records import Delivery
from tests.agents.sessions.keeping import AT

BOTH = ("e", "other")


def made(*ids: str, endpoint: str = "e", body: bytes = b"{}") -> Batch:
    return Batch([], [], [], [], [], deliveries=[Delivery(each, endpoint, body, AT) for each in ids])


async def ids(store: Store, now_s: float = 1000.0) -> list[str]:
    return sorted(each.id for each in await due(store, now_s, 10, BOTH))


async def test_a_message_is_written_once_even_after_it_was_sent(store: Store) -> None:
    await store.write(made("a", "b"))
    await store.write(made("a", "c", body=b"other"))
    assert await ids(store) == ["a", "b", "c"]
    assert {each.id: each.body for each in await due(store, 1.0, 10, BOTH)} == {"a": b"{}", "b": b"{}", "c": b"other"}
    await settle(store, "a", SENT, 5.0)
    await store.write(made("a"))
    assert await ids(store) == ["b", "c"]
    assert len(await due(store, 1.0, 1, BOTH)) == 1


async def test_an_attempt_is_given_to_one_program_and_comes_back_when_that_dies(store: Store) -> None:
    await store.write(made("a"))
    (first,) = await due(store, 1.0, 10, BOTH)
    assert [await claim(store, first, 60.0), await claim(store, first, 60.0)] == [True, False]
    assert await ids(store, 59.0) == []
    assert await next_time(store, BOTH) == 60.0
    (again,) = await due(store, 60.0, 10, BOTH)
    assert again.attempts == 1
    assert await claim(store, again, 120.0)
    await hurry(store, 120.0)
    assert await ids(store, 1.0) == ["a"]


async def test_a_settled_message_is_forgotten_later_and_an_endpoint_is_given_up_as_a_whole(store: Store) -> None:
    await store.write(made("a", "b", "c"))
    await store.write(made("d", endpoint="other"))
    await settle(store, "a", SENT, 10.0)
    await settle(store, "b", WAITING, 20.0)
    assert await give_up(store, "e") == 2
    assert await ids(store) == ["d"]
    await settle(store, "d", FAILED, 30.0)
    assert await next_time(store, BOTH) is None
    await forget(store, 15.0)
    await store.write(made("a", "d"))
    assert await ids(store) == ["a"]


async def test_messages_for_an_address_that_a_node_does_not_have_are_left_to_others_for_a_while(store: Store) -> None:
    await store.write(made("a"))
    await store.write(made("b", endpoint="other"))
    assert [each.id for each in await due(store, 1.0, 10, ["e"])] == ["a"]
    await settle(store, "b", WAITING, 5.0)
    assert await next_time(store, ["other"]) == 5.0
    await give_up_others(store, ["e"], AT.timestamp() - 1)
    assert await ids(store) == ["a", "b"]
    await give_up_others(store, ["e"], AT.timestamp() + 1)
    assert await ids(store) == ["a"]
