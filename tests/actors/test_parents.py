"""A server that traps exits ends by its parent's exit signal, and only a server that was started linked has a parent.

A real Erlang (OTP 25) gives the same results with gen_server:start/3 and start_link/3.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors import (
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Down,
    Exit,
    ExitProcess,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    Task,
    alive,
    call,
    create_actor,
    exit,  # noqa: A004 (OTP's word)
    link,
    monitor,
    receive,
    send,
    spawn,
    start,
    start_link,
)
from actors.sys import get_status, resume, suspend
from supervisors import (
    ChildSpec,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    Supervisor,
    count_children,
    start_supervisor,
    terminate_child,
)
from supervisors.dynamic_supervisor import start_child

Start = Callable[..., Awaitable[Pid]]
Act = Callable[[Pid], Awaitable[None]]


class Teller(GenServer[Pid]):
    """A server that reports each Exit of handle_info, and its terminate, to a listener."""

    trap_exit = True

    def init(self, listener: Pid) -> Pid:
        return listener

    def handle_call(self, request: Any, caller: Any, listener: Pid) -> Reply[Pid]:
        exit(self.pid, request)
        return Reply(None, listener)

    def handle_info(self, message: Any, listener: Pid) -> NoReply[Pid]:
        if isinstance(message, Exit):
            send(listener, ("info", message.reason))
        return NoReply(listener)

    def terminate(self, reason: Any, listener: Pid) -> None:
        send(listener, ("terminate", reason))


async def sends_boom(pid: Pid) -> None:
    exit(pid, "boom")


async def sends_shutdown(pid: Pid) -> None:
    exit(pid, SHUTDOWN)


async def sends_normal(pid: Pid) -> None:
    exit(pid, NORMAL)


async def links_and_fails(pid: Pid) -> None:
    link(pid)
    raise ExitProcess("boom")


async def links_and_returns(pid: Pid) -> None:
    link(pid)
    raise ExitProcess(NORMAL)


async def sends_boom_while_it_is_suspended(pid: Pid) -> None:
    await suspend(pid)
    exit(pid, "boom")
    await resume(pid)


async def says_nothing(pid: Pid) -> None:
    pass


def of_starter(begin: Start, act: Act, box: Mailbox) -> Pid:
    """A process that starts a server, acts on it, and stays."""

    async def starter() -> None:
        pid = await begin(Teller, box.pid)
        send(box.pid, pid)
        await act(pid)
        await receive()

    return spawn(starter)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (sends_boom, "boom"),
        (sends_shutdown, SHUTDOWN),
        (sends_normal, NORMAL),
        (links_and_fails, "boom"),
        (links_and_returns, NORMAL),
        (sends_boom_while_it_is_suspended, "boom"),
    ],
)
@pytest.mark.parametrize(("begin", "heard"), [(start, "info"), (start_link, "terminate")])
async def test_the_starter_of_a_server_is_its_parent_only_by_a_link_at_its_start(
    begin: Start, heard: str, act: Act, reason: Any
) -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        of_starter(begin, act, box)
        pid = await box.receive()
        assert await box.receive() == (heard, reason)
        assert alive(pid) is (heard == "info")


@pytest.mark.parametrize(("begin", "heard"), [(start, "terminate"), (start_link, "info")])
async def test_its_own_exit_signal_ends_a_server_that_has_no_parent(begin: Start, heard: str) -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        of_starter(begin, says_nothing, box)
        pid = await box.receive()
        await call(pid, "me")
        assert await box.receive() == (heard, "me")


@pytest.mark.parametrize("act", [sends_boom, sends_boom_while_it_is_suspended])
@pytest.mark.parametrize("begin", [start, start_link])
async def test_an_unrelated_process_is_not_a_parent(begin: Start, act: Act) -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        of_starter(begin, says_nothing, box)
        pid = await box.receive()
        await act(pid)
        assert await box.receive() == ("info", "boom")
        assert alive(pid)


@pytest.mark.parametrize("begin", [start, start_link])
async def test_the_status_of_a_server_names_its_parent_or_itself(begin: Start) -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        starter = of_starter(begin, says_nothing, box)
        pid = await box.receive()
        assert (await get_status(pid)).parent == (starter if begin is start_link else pid)


@pytest.mark.parametrize("begin", [start, start_link])
async def test_code_that_is_no_process_is_a_parent_only_by_a_link_at_the_start(begin: Start) -> None:
    async with AsyncioSystemBase():
        box = Mailbox()
        pid = await begin(Teller, box.pid)
        exit(pid, "boom")
        assert await box.receive() == ("info" if begin is start else "terminate", "boom")


@pytest.mark.parametrize("begin", [start, start_link])
async def test_the_end_of_the_system_ends_a_server_after_its_terminate(begin: Start) -> None:
    ends: list[Any] = []

    class Ending(Teller):
        def terminate(self, reason: Any, listener: Pid) -> None:
            ends.append(reason)

    async with AsyncioSystemBase() as system:
        await begin(Ending, system.root.pid)
        await suspend(await begin(Ending, system.root.pid))
    assert ends == [SHUTDOWN, SHUTDOWN]


async def test_a_thespian_actor_that_is_a_server_has_no_parent_either() -> None:
    class Listening(Teller):
        def init(self) -> Pid:  # type: ignore[override]  # createActor gives no arguments
            return box.pid

    async with AsyncioSystemBase(), Mailbox() as box:
        pid = create_actor(Listening)
        exit(pid, "boom")
        assert await box.receive() == ("info", "boom")


@pytest.mark.parametrize(("begin", "lives"), [(start, True), (start_link, False)])
async def test_a_supervisor_heeds_its_starter_only_if_that_started_it_linked(begin: Start, lives: bool) -> None:
    async with AsyncioSystemBase(), Mailbox() as box:

        async def starter() -> None:
            pid = await begin(Supervisor, Flags(), ())
            exit(pid, "boom")
            send(box.pid, pid)
            await receive()

        spawn(starter)
        pid = await box.receive()
        monitor(pid)
        if lives:
            assert (await count_children(pid)).specs == 0
        else:
            assert isinstance(await box.receive(), Down)


@pytest.mark.parametrize("linked", [False, True])
async def test_a_task_that_traps_exits_gets_its_parents_signal_as_a_message(linked: bool) -> None:
    """Erlang's processes without a behaviour do the same."""

    class Trapping(Task):
        trap_exit = True

        async def run(self) -> None:
            self.send(box.pid, await self.receive())
            await self.receive()

    async with AsyncioSystemBase(), Mailbox() as box:
        pid = Trapping.start_link() if linked else Trapping.start()
        exit(pid, "boom")
        assert await box.receive() == Exit(box.pid, "boom")
        assert alive(pid)


async def test_a_mailbox_that_is_linked_with_its_starter_hears_of_its_end() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:

        async def starter() -> None:
            inner = Mailbox()
            link(inner.pid)
            send(box.pid, inner)

        pid = spawn(starter)
        inner: Mailbox = await box.receive()
        assert await inner.receive() == Exit(pid, NORMAL)


@pytest.mark.parametrize("kind", ["static", "dynamic"])
async def test_a_child_that_was_started_without_a_link_has_its_supervisor_for_a_parent(kind: str) -> None:
    """Supervisors link such a child. A shutdown must end the child, and must not arrive as a message."""

    async def unlinked(listener: Pid) -> Pid:
        return await start(Teller, listener)

    async with AsyncioSystemBase(), Mailbox() as box:
        spec = ChildSpec("teller", unlinked, box.pid)
        if kind == "static":
            supervisor = await start_supervisor(Flags(), (spec,))
            child: Any = "teller"
        else:
            supervisor = await start_link(DynamicSupervisor, DynamicFlags(), spec)
            child = await start_child(supervisor)
        await terminate_child(supervisor, child)
        assert await box.receive() == ("terminate", SHUTDOWN)
