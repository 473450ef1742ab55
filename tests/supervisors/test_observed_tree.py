"""The tree of running processes, as data."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from actors import AsyncioSystemBase, GenServer, Mailbox, ended, receive, send, slices, spawn, sys
from actors.slices import at_once
from supervisors import (
    ChildSpec,
    DynamicFlags,
    Flags,
    Node,
    RestartType,
    Supervisor,
    delete_child,
    start_child,
    start_supervisor,
    terminate_child,
    tree,
)
from supervisors import dynamic_supervisor as dynamic
from supervisors.tree import sliced_tree, tree_json
from tests.supervisors.troupe import START, Script, Worker, end, pids

SECRET = "sk-3141592653589793"


class Helped(Worker):
    """A server that starts another process."""

    def init(self, *args: Any) -> tuple[Any, ...]:
        spawn(receive)
        return args


def shape(node: Node) -> Any:
    """Return a node as (name, [children])."""
    label = node.process.label if node.process is not None else node.status
    return (node.id or label, [shape(child) for child in node.children])


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def find(id_: str) -> Node:
    return next(node for node in nodes(tree()) if node.id == id_)


async def test_supervisors_hold_their_children_in_order_and_processes_what_they_started(box: Mailbox) -> None:
    inner = Flags(), (ChildSpec("b", Worker, SECRET), ChildSpec("a", Helped))
    await start_supervisor(Flags(), [ChildSpec("inner", Supervisor, *inner), ChildSpec("z", Worker)])
    below: Any = [("inner", [("b", []), ("a", [("receive", [])])]), ("z", [])]
    assert shape(tree()) == ("system", [("mailbox", [("Supervisor", below)])])
    assert SECRET.encode() not in msgspec.json.encode(tree())


async def test_a_restarted_child_keeps_its_place_and_counts(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(intensity=5), [ChildSpec("a", Worker), ChildSpec("b", Worker)])
    for _ in range(3):
        await end((await pids(supervisor))["a"], "boom")
        await pids(supervisor)
    assert [(node.id, node.restarts, node.restart) for node in tree().children[0].children[0].children] == [
        ("a", 3, "permanent"),
        ("b", 0, "permanent"),
    ]


async def test_a_child_without_a_process_is_there_all_the_same(box: Mailbox) -> None:
    script = Script(START, ValueError("no"))
    specs = [ChildSpec("failing", script), ChildSpec("stopped", Worker)]
    supervisor = await start_supervisor(Flags(intensity=10**6), specs)
    await terminate_child(supervisor, "stopped")
    await end((await pids(supervisor))["failing"], "boom")
    seen = set()
    for _ in range(20):  # it is tried again and again, and seen while it is tried, too
        seen.add((find("failing").status, find("failing").process))
        await asyncio.sleep(0)
    assert ("restarting", None) in seen
    assert (find("stopped").status, find("stopped").process) == ("stopped", None)
    await terminate_child(supervisor, "failing")


async def test_dynamic_children_are_under_their_supervisor(box: Mailbox) -> None:
    template = ChildSpec("worker", Worker, restart=RestartType.TEMPORARY)
    supervisor = await dynamic.start_dynamic_supervisor(DynamicFlags(), template)
    for _ in range(3):
        await dynamic.start_child(supervisor)
    (node,) = (node for node in nodes(tree()) if node.process and node.process.pid == str(supervisor))
    assert [(child.id, child.restart, child.restarts) for child in node.children] == [("worker", "temporary", None)] * 3


async def test_an_orphan_is_under_the_root(box: Mailbox) -> None:
    async def parent() -> None:
        box.put(spawn(receive))

    await ended(spawn(parent))
    orphan = await box.receive()
    assert str(orphan) in [child.process.pid for child in tree().children if child.process]


async def test_what_a_process_of_another_system_started_is_under_the_root(box: Mailbox) -> None:
    async with AsyncioSystemBase():
        pid = spawn(receive)
        assert [child.process.pid for child in tree().children if child.process] == [str(pid)]


async def test_a_tree_of_thousands_of_levels_needs_no_recursion(box: Mailbox) -> None:
    async def link(left: int) -> None:
        if left:
            spawn(link, left - 1)
        else:
            box.put("built")
        await receive()

    spawn(link, 3000)
    assert await box.receive() == "built"
    depth, node = 0, tree()
    while node.children:
        depth, node = depth + 1, node.children[-1]
    assert depth > 3000


async def test_a_supervisor_that_hangs_is_seen_as_it_is(box: Mailbox) -> None:
    class Hanging(GenServer[None]):
        async def init(self, *args: Any) -> Any:
            send(box.pid, "hanging")
            await asyncio.get_running_loop().create_future()

    spawn(start_supervisor, Flags(), [ChildSpec("slow", Hanging)])
    assert await box.receive() == "hanging"
    labels = [(node.process.label, node.status) for node in nodes(tree()) if node.process]
    assert ("Supervisor", "waiting") in labels
    assert ("Hanging", "waiting") in labels


def lasting(node: Any) -> Any:
    """Return a node as JSON data, without the figures that differ between two looks."""
    process = node["process"] and {**node["process"], "age_s": 0, "reductions": 0, "memory_bytes": 0, "status": ""}
    return {**node, "status": "", "process": process, "children": [lasting(child) for child in node["children"]]}


async def test_the_tree_in_pieces_is_the_tree(box: Mailbox) -> None:
    template = ChildSpec("child", Helped)
    specs = [
        ChildSpec("many", dynamic.DynamicSupervisor, DynamicFlags(), template, name="many"),
        ChildSpec("one", Helped),
    ]
    top = await start_supervisor(Flags(), specs)
    for _ in range(50):
        await dynamic.start_child("many")
    await terminate_child(top, "one")
    whole = msgspec.json.decode(msgspec.json.encode(tree()))
    pieces = [piece async for piece in tree_json()]
    assert lasting(msgspec.json.decode(b"".join(pieces))) == lasting(whole)
    assert len(pieces) > 200


async def test_the_tree_in_pieces_holds_what_ends_meanwhile(box: Mailbox) -> None:
    top = await start_supervisor(Flags(), [ChildSpec("one", Helped)])
    looking = tree_json()
    pieces = [await anext(looking)]
    await terminate_child(top, "one")
    pieces += [piece async for piece in looking]
    assert msgspec.json.decode(b"".join(pieces))["process"] is not None


async def test_a_supervisor_may_start_and_delete_children_while_its_tree_is_read(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)  # other code runs at every step of the reader
    top = await start_supervisor(Flags(), [ChildSpec(id_, Worker) for id_ in range(50)])

    async def read() -> Any:
        return msgspec.json.decode(b"".join([piece async for piece in tree_json()]))

    async def change() -> None:
        for id_ in range(25, 50):
            await start_child(top, ChildSpec(id_ + 25, Worker))
            await terminate_child(top, id_)
            await delete_child(top, id_)

    reading, changing = asyncio.create_task(read()), asyncio.create_task(change())
    (supervisor,) = (await reading)["children"][0]["children"]
    assert {str(id_) for id_ in range(25)} <= {child["id"] for child in supervisor["children"]}
    await changing


async def test_a_bounded_tree_without_bounds_is_the_whole_tree(box: Mailbox) -> None:
    await start_supervisor(Flags(), [ChildSpec("a", Helped), ChildSpec("z", Worker)])
    assert shape(at_once(sliced_tree(100, 100))) == shape(tree())


async def test_a_bounded_tree_shows_children_with_messages_first_and_counts_the_others(box: Mailbox) -> None:
    top = await start_supervisor(Flags(), [ChildSpec(str(number), Worker) for number in range(10)])
    busy = (await pids(top))["7"]
    await sys.suspend(busy)
    send(busy, "waits")
    supervisor = at_once(sliced_tree(3, 100)).children[-1].children[-1]
    assert [node.id for node in supervisor.children] == ["7", "0", "1"]
    assert supervisor.hidden == 7
    assert supervisor.children[0].status == "suspended"
    assert at_once(sliced_tree(3, 0)).children == ()


async def test_a_process_that_may_not_be_seen_is_only_counted(box: Mailbox) -> None:
    top = await start_supervisor(Flags(), [ChildSpec("a", Worker), ChildSpec("b", Worker)])
    hidden = (await pids(top))["a"]
    supervisor = at_once(sliced_tree(9, 9, lambda process: process.pid != hidden)).children[-1].children[-1]
    assert ([node.id for node in supervisor.children], supervisor.hidden) == (["b"], 1)
