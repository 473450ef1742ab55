"""Starts of a supervisor and its children. Erlang: supervisor_SUITE, groups sup_start and sup_start_map."""

import asyncio
import sys
from collections.abc import Awaitable, Generator
from typing import Any, cast

import pytest

from actors import (
    IGNORE,
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    CallFailed,
    Crash,
    Mailbox,
    Pid,
    Shutdown,
    StartFailed,
    Task,
    call,
    ended,
    register,
    self_pid,
    start,
    start_link,
    whereis,
)
from actors import exit as send_exit
from supervisors import (
    AlreadyStarted,
    ChildSpec,
    FailedToStartChild,
    Flags,
    InvalidChildSpec,
    InvalidTree,
    NotFound,
    RestartType,
    Supervisor,
    count_children,
    get_childspec,
    restart_child,
    start_child,
    start_supervisor,
    terminate_child,
    which_children,
)
from supervisors.supervisor import Tree
from tests.supervisors.troupe import START, Ignoring, Script, Worker, end, exit_reason, pids

TEMPORARY = RestartType.TEMPORARY


class Told(Supervisor):
    """A supervisor whose tree is a given value, or a given exception to raise."""

    def tree(self, told: Any) -> Tree:
        if isinstance(told, Exception):
            raise told
        value: Tree = told
        return value


async def test_sup_start_normal(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_sup_start_ignore_init(box: Mailbox) -> None:
    with pytest.raises(StartFailed) as caught:
        await start_link(Told, IGNORE)
    assert caught.value.reason is IGNORE
    assert not box.process.mailbox


async def test_sup_start_ignore_child(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    assert await start_child(supervisor, ChildSpec("child1", Ignoring)) is None
    pid = await start_child(supervisor, ChildSpec("child2", Worker))
    assert [(c.id, c.pid, c.type) for c in await which_children(supervisor)] == [
        ("child2", pid, "worker"),
        ("child1", None, "worker"),
    ]
    assert await count_children(supervisor) == (2, 1, 0, 2)


async def test_sup_start_ignore_temporary_child(box: Mailbox) -> None:
    specs = [ChildSpec("child1", Ignoring, restart=TEMPORARY), ChildSpec("child2", Worker, restart=TEMPORARY)]
    supervisor = await start_supervisor(Flags(), specs)
    assert list(await pids(supervisor)) == ["child2"]
    assert await count_children(supervisor) == (1, 1, 0, 1)


async def test_sup_start_ignore_temporary_child_start_child(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    assert await start_child(supervisor, ChildSpec("child1", Ignoring, restart=TEMPORARY)) is None
    pid = await start_child(supervisor, ChildSpec("child2", Worker, restart=TEMPORARY))
    assert await pids(supervisor) == {"child2": pid}


@pytest.mark.parametrize(
    ("tree", "atom"), [("garbage", "bad_return"), ((Flags(),), "bad_return"), (("one_for_one", []), "invalid_type")]
)
async def test_sup_start_error_return(box: Mailbox, tree: Any, atom: str) -> None:
    with pytest.raises(StartFailed) as caught:
        await start_link(Told, tree)
    assert isinstance(caught.value.reason, Crash)
    assert isinstance(caught.value.reason.exception, InvalidTree)
    assert caught.value.reason.exception.atom == atom
    assert not box.process.mailbox


async def test_sup_start_fail(box: Mailbox) -> None:
    fault = ValueError("no")
    with pytest.raises(StartFailed) as caught:
        await start_link(Told, fault)
    assert caught.value.reason == Crash(fault)
    assert not box.process.mailbox


async def test_sup_start_child_returns_error(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    for outcome, reason in [(StartFailed("child", "why"), "why"), ("term", "term"), (None, None)]:
        with pytest.raises(StartFailed) as caught:
            await start_child(supervisor, ChildSpec("child", Script(outcome)))
        assert caught.value.reason == reason
    fault = ValueError("no")
    with pytest.raises(StartFailed) as caught:
        await start_child(supervisor, ChildSpec("child", Script(fault)))
    assert caught.value.reason == Crash(fault)
    assert await which_children(supervisor) == []


async def test_sup_start_restart_child_returns_error(box: Mailbox) -> None:
    fault = ValueError("no")
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Script(START, fault))])
    await terminate_child(supervisor, "child")
    with pytest.raises(StartFailed) as caught:
        await restart_child(supervisor, "child")
    assert caught.value.reason == Crash(fault)
    assert await pids(supervisor) == {"child": None}


async def test_sup_start_map_knows_each_spec(box: Mailbox) -> None:
    specs = [ChildSpec("child1", Worker), ChildSpec("child2", Worker, 1, shutdown=2.0)]
    supervisor = await start_supervisor(Flags(), specs)
    assert [await get_childspec(supervisor, child) for child in ("child1", "child2")] == specs
    for stranger in ("child3", (await pids(supervisor))["child1"]):
        with pytest.raises(NotFound):
            await get_childspec(supervisor, stranger)


@pytest.mark.parametrize(
    ("specs", "atom"),
    [
        (["child"], "invalid_child_spec"),
        ([ChildSpec("child", Worker), ChildSpec("child", Worker)], "duplicate_child_name"),
        ([ChildSpec("child", Worker, restart=TEMPORARY, significant=True)], "bad_combination"),
    ],
)
async def test_sup_start_map_faulty_specs(box: Mailbox, specs: list[Any], atom: str) -> None:
    with pytest.raises(StartFailed) as caught:
        await start_supervisor(Flags(), specs)
    assert isinstance(caught.value.reason, Crash)
    assert isinstance(caught.value.reason.exception, InvalidChildSpec)
    assert caught.value.reason.exception.atom == atom


async def test_a_child_that_fails_to_start_stops_the_earlier_ones_and_the_supervisor(box: Mailbox) -> None:
    specs = [ChildSpec("child1", Worker, name="first"), ChildSpec("child2", Script("why")), ChildSpec("child3", Worker)]
    with pytest.raises(StartFailed) as caught:
        await start_supervisor(Flags(), specs)
    assert caught.value.reason == Shutdown(FailedToStartChild("child2", "why"))
    assert whereis("first") is None
    assert not box.process.mailbox


async def test_extra_return(box: Mailbox) -> None:
    class WithInfo(Script):
        async def __call__(self, *args: Any) -> Any:
            return await super().__call__(*args), "extra"

    supervisor = await start_supervisor(Flags(), [ChildSpec("child1", WithInfo(START))])
    first = (await pids(supervisor))["child1"]
    await end(first, "boom")
    second = (await pids(supervisor))["child1"]
    assert isinstance(second, Pid)
    assert second != first
    await terminate_child(supervisor, "child1")
    third, info = cast("Any", await restart_child(supervisor, "child1"))
    assert (third, info) == ((await pids(supervisor))["child1"], "extra")
    fourth, info = cast("Any", await start_child(supervisor, ChildSpec("child2", WithInfo(START))))
    assert (fourth, info) == ((await pids(supervisor))["child2"], "extra")


async def test_already_started_outside_supervisor(box: Mailbox) -> None:
    outside = await start_link(Worker, name="taken")
    supervisor = await start_supervisor(Flags(), [])
    for spec in (ChildSpec("child", Worker, name="taken"), ChildSpec("child", Script(AlreadyStarted(outside)))):
        with pytest.raises(AlreadyStarted) as caught:
            await start_child(supervisor, spec)
        assert caught.value.pid == outside
    assert await which_children(supervisor) == []
    await end(outside, NORMAL)


async def test_a_second_child_is_refused_by_the_id_or_the_name_that_is_in_use(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Worker, name="worker")])
    pid = (await pids(supervisor))["child"]
    for spec, line in [
        (ChildSpec("child", Worker), f"expected an id that is not in use, got 'child', which {pid} has"),
        (
            ChildSpec("other", Worker, name="worker"),
            f"expected a name that is not in use, got 'worker', which {pid} has",
        ),
    ]:
        with pytest.raises(AlreadyStarted) as caught:
            await start_child(supervisor, spec)
        assert (str(caught.value), caught.value.pid) == (line, pid)


async def test_a_tree_that_does_not_start_says_on_one_line_which_child_and_why(box: Mailbox) -> None:
    leaf = ChildSpec("leaf", Script(ValueError("no\nluck")))
    middle = ChildSpec("middle", Supervisor, Flags(), [leaf])
    with pytest.raises(StartFailed) as caught:
        await start_supervisor(Flags(), [ChildSpec("top", Supervisor, Flags(), [middle])])
    assert str(caught.value) == (
        "Supervisor did not start: child 'top': child 'middle': child 'leaf': Crash(ValueError: no; luck)"
    )
    assert isinstance(caught.value.reason, Shutdown)  # the reason stays OTP's


async def test_a_child_is_registered_by_its_spec_and_again_after_a_restart(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Worker, "args", name="worker")])
    first = whereis("worker")
    assert first is not None
    await end(first, "boom")
    assert (await pids(supervisor))["child"] == whereis("worker") != first
    assert await call("worker", "args?") == ("args",)


async def test_a_task_is_a_child_and_may_have_a_name(box: Mailbox) -> None:
    class Waiting(Task):
        async def run(self) -> None:
            await self.receive()

    specs = [ChildSpec("task", Waiting, name="waiting", restart=RestartType.TRANSIENT)]
    supervisor = await start_supervisor(Flags(), specs)
    first = (await pids(supervisor))["task"]
    assert whereis("waiting") == first
    with pytest.raises(AlreadyStarted):
        await start_child(supervisor, ChildSpec("other", Waiting, name="waiting"))
    send_exit(first, "boom")
    assert (await pids(supervisor))["task"] == first  # a task ends when its coroutine has ended, not before
    await terminate_child(supervisor, "task")
    assert await pids(supervisor) == {"task": None}


async def test_a_process_that_a_start_function_did_not_link_is_linked(box: Mailbox) -> None:
    async def unlinked() -> Pid:
        return await start(Worker)

    supervisor = await start_supervisor(Flags(), [ChildSpec("child", unlinked)])
    first = (await pids(supervisor))["child"]
    await end(first, "boom")
    assert (await pids(supervisor))["child"] != first


async def test_a_plain_function_may_start_a_child(box: Mailbox) -> None:
    def plain(task: type[Task]) -> Pid:
        return task.start_link()

    class Waiting(Task):
        async def run(self) -> None:
            await self.receive()

    supervisor = await start_supervisor(Flags(), [ChildSpec("child", plain, Waiting)])
    assert isinstance((await pids(supervisor))["child"], Pid)


async def test_a_supervisor_killed_in_its_start_leaves_no_child(box: Mailbox) -> None:
    async def regicide() -> None:
        send_exit(self_pid(), KILL)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StartFailed) as caught:
        await start_supervisor(Flags(), [ChildSpec("child1", Worker, name="first"), ChildSpec("child2", regicide)])
    assert caught.value.reason is KILLED
    assert whereis("first") is None


@pytest.mark.parametrize("name", ["", "taken"])
async def test_a_task_whose_name_is_refused_is_not_started(name: str, box: Mailbox) -> None:
    """Such a task would have no supervisor, and each restart would start one more."""
    started: list[Pid] = []

    class Noted(Task):
        async def run(self) -> None:
            started.append(self.pid)

    register("taken", box.pid)
    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises((StartFailed, AlreadyStarted)):
        await start_child(supervisor, ChildSpec("child", Noted, name=name))
    await which_children(supervisor)
    assert started == []


async def fail_at_once() -> Pid:
    raise SystemExit(3)


async def fail_later() -> Pid:
    await asyncio.sleep(0)
    raise SystemExit(3)


async def await_the_cancelled() -> Pid:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    await asyncio.sleep(0)
    await cancelled
    raise AssertionError


@pytest.mark.parametrize("start_function", [lambda: sys.exit(3), fail_at_once, fail_later, await_the_cancelled])
async def test_a_start_function_that_exits_or_is_cancelled_has_failed_and_its_supervisor_lives(
    start_function: Any, box: Mailbox
) -> None:
    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises(StartFailed) as failed:
        await start_child(supervisor, ChildSpec("child", start_function))
    assert isinstance(failed.value.reason, Crash)
    assert isinstance(failed.value.reason.exception, SystemExit | asyncio.CancelledError)
    assert await which_children(supervisor) == []


async def test_a_supervisor_that_is_killed_cancels_the_start_function_it_waits_for(box: Mailbox) -> None:
    cancelled, started = asyncio.Event(), asyncio.Event()

    async def waiting() -> Pid:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()
        raise AssertionError

    supervisor = await start_supervisor(Flags(), [])
    starting = asyncio.create_task(start_child(supervisor, ChildSpec("child", waiting)))
    await started.wait()
    send_exit(supervisor, KILL)
    assert await ended(supervisor) is KILLED
    await cancelled.wait()
    with pytest.raises(CallFailed):
        await starting


def future_of(error: BaseException | None) -> asyncio.Future[Pid]:
    """Return a future that fails soon with the error; None: that is cancelled soon."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Pid] = loop.create_future()
    if error is None:
        loop.call_soon(future.cancel)
    else:
        loop.call_soon(future.set_exception, error)
    return future


class Later:
    """An awaitable that is neither a coroutine nor a future."""

    def __init__(self, awaited: Awaitable[Any]) -> None:
        self.awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.awaited.__await__()


def later(error: BaseException | None) -> Later:
    return Later(future_of(error))


async def cancels_itself(error: BaseException | None) -> Pid:
    own = asyncio.current_task()
    assert own is not None
    own.cancel()
    try:
        return await future_of(error)
    except asyncio.CancelledError:
        if error is None:
            raise
        raise error from None


@pytest.mark.parametrize("start", [future_of, later, cancels_itself])
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), None], ids=repr)
async def test_an_awaitable_that_fails_or_is_cancelled_is_a_failed_start_and_its_supervisor_lives(
    start: Any, error: BaseException | None, box: Mailbox
) -> None:
    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises(StartFailed) as failed:
        await start_child(supervisor, ChildSpec("child", start, error))
    assert isinstance(failed.value.reason, Crash)
    assert isinstance(failed.value.reason.exception, asyncio.CancelledError if error is None else type(error))
    assert await which_children(supervisor) == []


async def test_any_awaitable_of_a_start_function_may_give_the_child(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    pid = await start_child(supervisor, ChildSpec("child", lambda: Later(start_link(Worker))))
    assert pid.alive


async def test_a_supervisor_that_is_killed_ends_while_it_waits_for_a_future(box: Mailbox) -> None:
    waiting = asyncio.Event()

    def endless() -> asyncio.Future[Pid]:
        waiting.set()
        return asyncio.get_running_loop().create_future()

    supervisor = await start_supervisor(Flags(), [])
    starting = asyncio.create_task(start_child(supervisor, ChildSpec("child", endless)))
    await waiting.wait()
    send_exit(supervisor, KILL)
    assert await ended(supervisor) is KILLED
    with pytest.raises(CallFailed):
        await starting
