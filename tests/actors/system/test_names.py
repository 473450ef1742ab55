"""Names: each has one owner, and is free again after the owner's end."""

from typing import Any

import pytest

from actors import (
    AlreadyNamed,
    AsyncioSystemBase,
    CallFailed,
    Down,
    GenServer,
    InvalidName,
    Mailbox,
    NameTaken,
    NotRegistered,
    Pid,
    ProcessError,
    Reply,
    call,
    exit,  # noqa: A004 (OTP's word)
    monitor,
    receive,
    register,
    send,
    send_after,
    spawn,
    start,
    stop,
    sys,
    unregister,
    whereis,
)

pytestmark = pytest.mark.usefixtures("system")


async def waits() -> None:
    await receive()


async def test_a_name_stands_for_its_process() -> None:
    async with Mailbox() as box:
        register("box", box.pid)
        assert whereis("box") == box.pid
        send("box", "by name")
        assert await box.receive() == "by name"


async def test_a_name_in_use_is_refused_and_its_owner_kept() -> None:
    async with Mailbox() as first, Mailbox() as second:
        register("name", first.pid)
        with pytest.raises(NameTaken) as taken:
            register("name", second.pid)
        assert (taken.value.name, taken.value.owner) == ("name", first.pid)
        assert whereis("name") == first.pid


async def test_a_dead_process_gives_its_names_back() -> None:
    async with Mailbox() as box:
        pid = spawn(waits)
        register("one", pid)
        ref = monitor(pid)
        exit(pid, "x")
        assert await box.receive() == Down(ref, pid, "x")
        assert whereis("one") is None
        register("one", box.pid)


async def test_a_dead_process_gets_no_name() -> None:
    async with Mailbox() as box:
        pass
    with pytest.raises(ProcessError, match="expected a living process"):
        register("ghost", box.pid)


async def test_a_process_has_one_name_at_most() -> None:
    async with Mailbox() as box:
        register("one", box.pid)
        with pytest.raises(AlreadyNamed) as refused:
            register("two", box.pid)
        assert (refused.value.name, refused.value.has) == ("two", "one")
        assert whereis("two") is None
        unregister("one")
        register("two", box.pid)


@pytest.mark.parametrize("name", ["", None, 7])
async def test_an_invalid_name_is_refused(name: Any) -> None:
    async with Mailbox() as box:
        with pytest.raises(InvalidName):
            register(name, box.pid)
    if name is not None:
        with pytest.raises(InvalidName):
            await start(GenServer, name=name)


async def test_an_unregistered_name_is_free() -> None:
    async with Mailbox() as box:
        register("name", box.pid)
        unregister("name")
        assert whereis("name") is None
        with pytest.raises(NotRegistered):
            unregister("name")
        register("name", box.pid)


async def test_a_message_to_an_unregistered_name_is_a_dead_letter(system: AsyncioSystemBase) -> None:
    send("nobody", "hello")
    letter = system.dead_letters[-1]
    assert (letter.to, letter.message) == ("nobody", "hello")


async def test_a_call_to_an_unregistered_name_fails() -> None:
    with pytest.raises(CallFailed, match="call to nobody failed: noproc"):
        await call("nobody", "hello")


# Via


class Least:
    """A Via for the mailbox with the fewest messages, which may be another one at each use."""

    def __init__(self, *boxes: Mailbox) -> None:
        self.boxes = boxes

    def whereis_name(self) -> Pid | None:
        alive = [box for box in self.boxes if box.pid.alive]
        return min(alive, key=lambda box: len(box.process.mailbox)).pid if alive else None


async def test_a_via_looks_its_process_up_at_each_send(system: AsyncioSystemBase) -> None:
    async with Mailbox() as one, Mailbox() as two:
        for number in range(4):
            send(Least(one, two), number)
        assert [await one.receive(), await one.receive()] == [0, 2]
        assert [await two.receive(), await two.receive()] == [1, 3]
        send_after(0, Least(one), "later")
        assert await one.receive() == "later"


async def test_a_via_without_a_process_acts_like_an_unregistered_name(system: AsyncioSystemBase) -> None:
    nobody = Least()
    send(nobody, "hello")
    assert system.dead_letters[-1].to is nobody
    with pytest.raises(CallFailed, match="noproc"):
        await call(nobody, "hello")


async def test_a_server_is_called_and_looked_into_via() -> None:
    class Echo(GenServer[str]):
        def init(self) -> str:
            return "state"

        def handle_call(self, request: str, caller: object, state: str) -> Reply[str]:
            return Reply(request, state)

    class Known:
        def whereis_name(self) -> Pid | None:
            return pid

    pid = await start(Echo)
    assert await call(Known(), "hello") == "hello"
    assert await sys.get_state(Known()) == "state"
    await stop(Known())
    assert not pid.alive


async def test_an_invalid_address_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a Pid, a name or a Via, got 7"):
        send(7, "hello")  # type: ignore[arg-type]
