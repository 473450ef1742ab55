"""Flags and specs that change while the supervisor runs. Erlang: supervisor_SUITE, code_change, code_change_map."""

from typing import Any

import pytest

from actors import IGNORE, CallbackFailed, Mailbox, start_link, sys
from supervisors import (
    ChildSpec,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    InvalidChildSpec,
    InvalidTree,
    RestartType,
    Strategy,
    Supervisor,
    code_change,
    get_childspec,
    start_child,
    start_dynamic_supervisor,
    tree,
)
from supervisors.supervisor import Tree
from tests.supervisors.troupe import Worker, end, pids


class Told(Supervisor):
    def tree(self, told: Any) -> Tree:
        value: Tree = told
        return value


async def test_code_change_starts_and_deletes_nothing(box: Mailbox) -> None:
    a, b, c = [ChildSpec(name, Worker, name) for name in "abc"]
    supervisor = await start_link(Told, (Flags(), (a, b)))
    before = await pids(supervisor)
    changed = ChildSpec("b", Worker, "changed", restart=RestartType.TRANSIENT)
    await code_change(supervisor, (Flags(Strategy.ONE_FOR_ALL, intensity=5), (c, changed)))
    assert list((await pids(supervisor)).items()) == [("c", None), ("b", before["b"]), ("a", before["a"])]
    assert await get_childspec(supervisor, "b") == changed


async def test_code_change_flags_hold_from_then_on(box: Mailbox) -> None:
    specs = [ChildSpec(name, Worker) for name in "ab"]
    supervisor = await start_link(Told, (Flags(), specs))
    before = await pids(supervisor)
    await code_change(supervisor, (Flags(Strategy.ONE_FOR_ALL), specs))
    await end(before["a"], "boom")
    assert not set((await pids(supervisor)).values()) & set(before.values())


async def test_code_change_keeps_a_child_that_was_added(box: Mailbox) -> None:
    supervisor = await start_link(Told, (Flags(), []))
    pid = await start_child(supervisor, ChildSpec("added", Worker, restart=RestartType.TEMPORARY))
    await code_change(supervisor, (Flags(), [ChildSpec("new", Worker)]))
    assert await pids(supervisor) == {"new": None, "added": pid}


class ToldOtherwise(Told):
    version = 2


async def test_sys_change_code_gives_a_supervisor_another_class_and_tree(box: Mailbox) -> None:
    spec = ChildSpec("child", Worker)
    supervisor = await start_link(Told, (Flags(), [spec]))
    before = await pids(supervisor)
    await sys.change_code(supervisor, ToldOtherwise)
    assert await pids(supervisor) == before
    await sys.change_code(supervisor, ToldOtherwise, ((Flags(), [spec, ChildSpec("new", Worker)]),))
    assert await pids(supervisor) == {"new": None, **before}
    with pytest.raises(CallbackFailed):
        await sys.change_code(supervisor, Told, ("garbage",))
    assert (await sys.get_status(supervisor)).label == "ToldOtherwise"


async def test_sys_change_code_gives_a_dynamic_supervisor_another_template(box: Mailbox) -> None:
    supervisor = await start_dynamic_supervisor(DynamicFlags(), ChildSpec("one", Worker))
    template = ChildSpec("other", Worker, restart=RestartType.TEMPORARY)
    await sys.change_code(supervisor, DynamicSupervisor, (DynamicFlags(), template))
    assert (await sys.get_state(supervisor)).template == template


@pytest.mark.parametrize("told", [IGNORE, "garbage", ("one_for_one", []), (Flags(), ["spec"])], ids=str)
async def test_code_change_ignored_or_refused_changes_nothing(box: Mailbox, told: Any) -> None:
    spec = ChildSpec("child", Worker)
    supervisor = await start_link(Told, (Flags(), [spec]))
    before = await pids(supervisor)
    if told is IGNORE:
        await code_change(supervisor, told)
    else:
        with pytest.raises((InvalidTree, InvalidChildSpec)):
            await code_change(supervisor, told)
    assert await pids(supervisor) == before
    assert await get_childspec(supervisor, "child") == spec


async def test_code_change_keeps_count_of_how_often_a_child_was_restarted(box: Mailbox) -> None:
    supervisor = await start_link(Told, (Flags(), [ChildSpec("child", Worker)]))
    await end((await pids(supervisor))["child"], "boom")
    await code_change(supervisor, (Flags(), [ChildSpec("child", Worker, "changed")]))
    (child,) = tree().children[0].children[0].children
    assert (child.id, child.restarts) == ("child", 1)
