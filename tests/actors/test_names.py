"""Names: one owner each, given back at the owner's end."""

import pytest

from actors import (
    AsyncioSystemBase,
    CallFailed,
    Down,
    Mailbox,
    NameTaken,
    NotRegistered,
    ProcessError,
    call,
    exit,  # noqa: A004 (OTP's word)
    monitor,
    receive,
    register,
    send,
    spawn,
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


async def test_a_taken_name_is_refused_and_the_first_owner_kept() -> None:
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
        register("two", pid)
        ref = monitor(pid)
        exit(pid, "x")
        assert await box.receive() == Down(ref, pid, "x")
        assert whereis("one") is whereis("two") is None
        register("one", box.pid)


async def test_a_dead_process_gets_no_name() -> None:
    async with Mailbox() as box:
        pass
    with pytest.raises(ProcessError, match="expected a living process"):
        register("ghost", box.pid)


async def test_an_unregistered_name_is_free() -> None:
    async with Mailbox() as box:
        register("name", box.pid)
        unregister("name")
        assert whereis("name") is None
        with pytest.raises(NotRegistered):
            unregister("name")
        register("name", box.pid)


async def test_what_is_sent_to_a_name_that_nobody_has_is_a_dead_letter(system: AsyncioSystemBase) -> None:
    send("nobody", "hello")
    letter = system.dead_letters[-1]
    assert (letter.to, letter.message) == ("nobody", "hello")


async def test_a_call_to_a_name_that_nobody_has_fails() -> None:
    with pytest.raises(CallFailed, match="call to nobody failed: noproc"):
        await call("nobody", "hello")
