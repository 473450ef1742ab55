"""Nodes of other OS processes on one store: their names, their sessions, and their death."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.sessions import Elsewhere, Fenced, Joining, Lost, NodeNameTaken, Store, StoreInUse
from agents.sessions.node_store import NodeStore
from agents.sessions.nodes import NodeBeat
from tests.agents.sessions.keeping import batch, begun, ended, session, stream, tokens
from tests.agents.sessions.test_in_use import CLAIM, other
from tests.waiting import eventually

LEASE_S = 3.0

NODE = """
import asyncio, sys
from agents.sessions import Joining, Store
from tests.agents.sessions.keeping import begun

async def main():
    store = await Store.open(sys.argv[1])
    await store.join(Joining("a", 3.0))
    await store.write(begun("t1", "s1"))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""
"""A program that joins as node a, and has a turn of the session s1."""


@asynccontextmanager
async def joined(url: str, name: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    try:
        await store.join(Joining(name, LEASE_S))
        yield store
    finally:
        await store.close()


async def unlocked(node: NodeStore, other: NodeBeat) -> None:
    """Wait until a killed node has lost its lock: PostgreSQL ends its session a moment later."""
    await eventually(lambda: node.locked([other]), lambda locked: not locked, what=f"the lock of {other.name}")


async def test_a_session_of_a_living_node_is_elsewhere_for_the_others(url: str) -> None:
    async with other(NODE, url), joined(url, "b") as store:
        assert store.node is not None
        first, second = await store.node.nodes()
        assert (first.name, second.name) == ("a", "b")
        assert await store.node.owners(["s1", "s3"]) == {"s1": "a"}
        with pytest.raises(Elsewhere, match=r"^session 's1' belongs to node 1$") as refused:
            await store.write(batch([session("s2"), session("s1")]))
        assert refused.value.epoch == first.epoch
        assert await store.node.take_over(20) == []
        await store.write(begun("t2", "s2"))
        assert await store.node.owners(["s1", "s2"]) == {"s1": "a", "s2": "b"}
        assert await store.node.owner_of("s3") is None


@pytest.mark.parametrize("end", ["kill", "leave"])
async def test_the_turns_of_a_node_that_ended_go_on_at_another_one(url: str, end: str) -> None:
    async with other(NODE, url) as process, joined(url, "b") as store:
        assert store.node is not None
        (seen,) = await store.node.others()
        assert await store.node.locked([seen]) == {seen.epoch}
        if end == "kill":
            process.kill()
            await process.wait()
            await unlocked(store.node, seen)
            (gone,) = await store.node.others()
            assert await store.node.declare_dead(gone)
            assert not await store.node.declare_dead(gone)
        else:
            await process.communicate(b"")
        assert await store.node.others() == []
        assert await store.node.take_over(20) == ["s1"]
        (cut,) = await store.open_streams("s1")
        assert (cut.last_seq, cut.takeovers) == (3, 1)
        await store.write(batch(events=[("t1", tokens("t1", 4, 9))], ended=[ended("t1", "s1")]))
        assert await store.events("t1") == tokens("t1", 1, 9)


async def test_a_node_that_was_declared_dead_is_told_and_writes_nothing(url: str) -> None:
    fenced: list[str] = []
    async with joined(url, "b") as store:
        store.on_fenced = lambda: fenced.append("b")
        await store.write(begun("t2", "s2"))
        assert store.node is not None
        died = False
        while not died:  # a beat came between
            (me,) = await store.node.nodes()
            died = await store.node.declare_dead(me)
        with pytest.raises(Fenced):
            await store.write(batch(events=[("t2", tokens("t2", 4, 4))]))
        assert fenced[0] == "b"
        assert await store.events("t2") == tokens("t2", 1, 3)


async def test_two_living_nodes_have_two_names(url: str) -> None:
    async with other(NODE, url) as process:
        store = await Store.open(url)
        line = f"^expected a new name for this node, got 'a', which pid {process.pid} has: see cluster.name$"
        with pytest.raises(NodeNameTaken, match=line):
            await store.join(Joining("a", LEASE_S))
        await store.close()
        process.kill()
        await process.wait()
        async with joined(url, "a"):
            pass


async def test_a_node_and_a_program_that_has_the_store_for_itself_refuse_each_other(url: str) -> None:
    async with other(NODE, url) as node:
        store = await Store.open(url)
        for taking in (store.claim, store.check_free):
            with pytest.raises(StoreInUse, match=f"^the store is in use by pid {node.pid}$"):
                await taking()
        await store.check_free(for_node=True)
        await store.close()
    async with other(CLAIM, url) as program:
        store = await Store.open(url)
        for joining in (store.join(Joining("b", LEASE_S)), store.check_free(for_node=True)):
            with pytest.raises(StoreInUse, match=f"^the store is in use by pid {program.pid}$"):
                await joining
        await store.close()


async def test_the_store_of_a_dead_cluster_can_be_claimed_and_joined_again(url: str) -> None:
    async with other(NODE, url) as process:
        process.kill()
        await process.wait()
    store = await Store.open(url)
    await store.claim()
    await store.write(batch(events=[("t1", tokens("t1", 4, 4))]))
    await store.close()
    async with joined(url, "b") as node:
        assert await node.events("t1") == tokens("t1", 1, 4)


async def test_a_released_session_is_free_for_the_others(url: str) -> None:
    async with joined(url, "b") as store:
        await store.write(batch([session("s1"), session("s2")]))
        assert store.node is not None
        await store.node.release("s1")
        assert await store.node.owner_of("s1") is None
        assert await store.node.owner_of("s2") is not None


async def test_a_turn_of_a_released_session_neither_begins_nor_ends(url: str) -> None:
    async with joined(url, "b") as store:
        await store.write(begun("t1", "s1"))
        await store.write(batch([session("s2")]))
        assert store.node is not None
        await store.node.release("s1")
        for records in (
            batch(streams=[stream("t2", "s1")]),
            batch(streams=[stream("t2", "s2"), stream("t3", "s1")]),
            batch(ended=[ended("t1", "s1")]),
        ):
            with pytest.raises(Lost, match=r"^expected records of a session of this node, got those of 's1'$"):
                await store.write(records)
        await store.write(batch(streams=[stream("t2", "s2")]))
        assert [each.id for each in await store.streams("s1")] == ["t1"]
        assert len(await store.open_streams("s1")) == 1
