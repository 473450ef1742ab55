"""sys: inspection and change of a running server. Erlang: sys_SUITE, gen_server_SUITE's format_status cases."""

import asyncio
import logging
from typing import Any

import pytest
from msgspec.structs import replace

from actors import (
    IGNORE,
    KILL,
    KILLED,
    NOPROC,
    SHUTDOWN,
    AsyncioSystemBase,
    CallbackFailed,
    Caller,
    CallFailed,
    CallTimeout,
    Crash,
    Down,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    Stop,
    call,
    cast,
    exit,  # noqa: A004 (OTP's word)
    get_state,
    monitor,
    receive,
    register,
    send,
    spawn,
    start,
    start_link,
    stop,
    sys,
)
from actors.server.status import Status
from actors.testing import settled
from supervisors import ChildSpec, Flags, Supervisor, start_supervisor, which_children

pytestmark = pytest.mark.usefixtures("system")

SECRET = "hunter2"


class Counter(GenServer[int]):
    """A server that adds the numbers it gets."""

    def init(self, start: int = 0) -> int:
        return start

    def handle_call(self, request: int, caller: Caller, count: int) -> Reply[int]:
        return Reply(count + request, count + request)

    def handle_cast(self, message: int, count: int) -> NoReply[int]:
        return NoReply(count + message)

    def handle_info(self, message: Any, count: int) -> NoReply[int]:
        return NoReply(count + message) if isinstance(message, int) else NoReply(count)


class WaitingCounter(Counter):
    async def handle_call(self, request: int, caller: Caller, count: int) -> Reply[int]:  # type: ignore[override]
        await asyncio.sleep(0)
        return Reply(count + request, count + request)


class Trapping(Counter):
    trap_exit = True


class Left(GenServer[Any]):
    """A server that sends `to` the reason of its end."""

    trap_exit = True

    def init(self, to: Pid) -> Pid:
        return to

    def terminate(self, reason: Any, to: Pid) -> None:
        send(to, ("terminated", reason))


each_kind = pytest.mark.parametrize("kind", [Counter, WaitingCounter])


def divide_by_zero(count: Any) -> Any:
    return count // 0


# State


async def test_get_state_comes_behind_the_messages_before_it() -> None:
    pid = await start(Counter)
    cast(pid, 2)
    send(pid, 3)
    assert await get_state(pid) == await sys.get_state(pid) == 5


async def test_replace_state_gives_a_server_another_state() -> None:
    pid = await start(Counter, 20)
    assert await sys.replace_state(pid, lambda count: count + 1) == 21
    assert await call(pid, 1) == 22


async def test_a_function_that_fails_leaves_the_state_and_the_server_as_they_were() -> None:
    pid = await start(Counter, 7)
    with pytest.raises(CallbackFailed) as failed:
        await sys.replace_state(pid, divide_by_zero)
    assert isinstance(failed.value.reason, Crash)
    assert isinstance(failed.value.reason.exception, ZeroDivisionError)
    assert await call(pid, 0) == 7


# Suspend and resume


@each_kind
async def test_a_suspended_server_answers_only_system_messages(kind: type[Counter]) -> None:
    pid = await start(kind)
    await sys.suspend(pid)
    cast(pid, 1)
    with pytest.raises(CallTimeout):
        await call(pid, 1, 0)
    assert (await sys.get_state(pid), (await sys.get_status(pid)).mailbox_length) == (0, 2)
    assert await sys.replace_state(pid, lambda count: count + 10) == 10


@each_kind
async def test_a_resumed_server_handles_waiting_messages_in_order(kind: type[Counter]) -> None:
    pid = await start(kind)
    await sys.suspend(pid)
    calls = [asyncio.ensure_future(call(pid, number)) for number in (1, 10, 100)]
    await settled()
    assert await sys.get_state(pid) == 0
    await sys.resume(pid)
    assert await asyncio.gather(*calls) == [1, 11, 111]


async def test_messages_after_a_resume_are_handled_in_order() -> None:
    """A system message does not overtake earlier messages after the server has resumed."""
    pid = await start(Counter)
    await sys.suspend(pid)
    cast(pid, 5)
    resumed, state = asyncio.ensure_future(sys.resume(pid)), asyncio.ensure_future(sys.get_state(pid))
    await asyncio.gather(resumed, state)
    assert state.result() == 5


async def test_system_messages_behind_a_suspend_are_answered_and_the_messages_between_them_are_held() -> None:
    pid = await start(Counter)
    suspended = asyncio.ensure_future(sys.suspend(pid))
    await settled()
    cast(pid, 5)
    state = asyncio.ensure_future(sys.get_state(pid))
    await asyncio.gather(suspended, state)
    assert state.result() == 0
    await sys.resume(pid)
    assert await sys.get_state(pid) == 5


async def test_suspend_and_resume_can_be_said_twice() -> None:
    pid = await start(Counter)
    await sys.suspend(pid)
    await sys.suspend(pid)
    cast(pid, 1)
    await sys.resume(pid)
    await sys.resume(pid)
    assert await sys.get_state(pid) == 1


async def test_a_suspended_server_that_traps_takes_its_parents_exit_and_no_other() -> None:
    async with Mailbox() as box:
        pid = await start_link(Left, box.pid)
        await sys.suspend(pid)
        async with Mailbox():
            exit(pid, "stranger")
        assert (await sys.get_status(pid)).mailbox_length == 1
        exit(pid, SHUTDOWN)
        assert await box.receive() == ("terminated", SHUTDOWN)
        assert await box.receive() == Exit(pid, SHUTDOWN)


@pytest.mark.parametrize(("signal", "seen"), [(KILL, KILLED), ("boom", "boom")])
async def test_an_exit_signal_ends_a_suspended_server_that_does_not_trap(signal: object, seen: object) -> None:
    pid = await start(Counter)
    await sys.suspend(pid)
    async with Mailbox() as box:
        ref = monitor(pid)
        exit(pid, signal)
        assert await box.receive() == Down(ref, pid, seen)


async def test_messages_that_a_suspended_server_held_are_dead_letters_after_its_end(system: AsyncioSystemBase) -> None:
    pid = await start(Counter)
    await sys.suspend(pid)
    send(pid, "unread")
    await sys.terminate(pid, SHUTDOWN)
    assert [letter.message for letter in system.dead_letters] == ["unread"]


async def test_a_suspended_supervisor_restarts_its_child_when_it_is_resumed() -> None:
    async with Mailbox():
        supervisor = await start_supervisor(Flags(), [ChildSpec("child", Counter)])
        (child,) = await which_children(supervisor)
        assert isinstance(child.pid, Pid)
        await sys.suspend(supervisor)
        await stop(child.pid, "boom")
        assert (await sys.get_status(supervisor)).mailbox_length == 1
        await sys.resume(supervisor)
        (restarted,) = await which_children(supervisor)
        assert restarted.pid not in (child.pid, IGNORE)


# Terminate


async def test_terminate_ends_a_server_with_a_reason_after_its_terminate() -> None:
    async with Mailbox() as box:
        pid = await start(Left, box.pid)
        await sys.suspend(pid)
        await sys.terminate(pid, SHUTDOWN)
        assert await box.receive() == ("terminated", SHUTDOWN)


@pytest.mark.parametrize("function", [sys.get_state, sys.suspend, sys.resume, sys.get_status], ids=lambda f: f.__name__)
async def test_a_system_message_to_a_dead_server_fails_with_noproc(function: Any) -> None:
    pid = await start(Counter)
    await stop(pid)
    with pytest.raises(CallFailed) as failed:
        await function(pid)
    assert failed.value.reason is NOPROC


async def test_a_system_message_gives_up_after_its_timeout() -> None:
    class Deaf(Counter):
        async def handle_info(self, message: Any, count: int) -> NoReply[int]:  # type: ignore[override]
            await asyncio.get_running_loop().create_future()
            return NoReply(count)

    pid = await start(Deaf)
    send(pid, "wait for ever")
    with pytest.raises(CallTimeout):
        await sys.get_state(pid, timeout_s=0.001)


async def test_a_process_other_than_a_server_is_refused() -> None:
    pid = spawn(receive)
    with pytest.raises(CallFailed, match="expected a GenServer, got receive"):
        await sys.get_state(pid)
    with pytest.raises(CallFailed, match="expected a GenServer, got receive"):
        await stop(pid)
    assert pid.alive


# Change of code


class Named(Counter):
    """A server with (name, count) as its state, which counts in steps of ten."""

    version = 2

    def handle_call(self, request: int, caller: Caller, state: Any) -> Reply[Any]:
        name, count = state
        return Reply(f"{name}: {count + 10 * request}", (name, count + 10 * request))

    def code_change(self, old_version: Any, state: Any, extra: Any) -> Any:
        return (extra, state, old_version) if old_version is None else (extra, state)


class Versioned(Counter):
    version = 1


async def test_change_code_migrates_the_state_of_a_live_process() -> None:
    pid = await start(Versioned, 5, name="counter")
    cast(pid, 1)
    await sys.change_code("counter", Named, "total")
    assert await call("counter", 1) == "total: 16"
    assert (await sys.get_status(pid)).label == "Named"


async def test_change_code_tells_the_version_that_ran_before() -> None:
    pid = await start(Counter, 5)
    await sys.change_code(pid, Named, "x")
    assert await get_state(pid) == ("x", 5, None)


async def test_a_change_of_code_that_fails_leaves_the_old_class_and_state() -> None:
    class Broken(Counter):
        def code_change(self, old_version: Any, state: Any, extra: Any) -> Any:
            raise ValueError("no way back")

    pid = await start(Counter, 5)
    with pytest.raises(CallbackFailed):
        await sys.change_code(pid, Broken)
    assert (await call(pid, 1), (await sys.get_status(pid)).label) == (6, "Counter")


async def test_a_coroutine_is_refused_as_a_state() -> None:
    async def later(state: Any) -> Any:
        return state

    pid = await start(Counter, 5)
    with pytest.raises(CallbackFailed) as failed:
        await sys.replace_state(pid, later)
    assert isinstance(failed.value.reason.exception, TypeError)
    assert await get_state(pid) == 5


async def test_a_class_that_does_not_change_its_state_keeps_it() -> None:
    pid = await start(Counter, 5)
    await sys.change_code(pid, Trapping)
    assert await call(pid, 1) == 6


async def test_a_suspended_server_goes_on_with_the_new_code() -> None:
    pid = await start(Versioned, 5)
    await sys.suspend(pid)
    waiting = asyncio.ensure_future(call(pid, 1))
    await sys.change_code(pid, Named, "total")
    await sys.resume(pid)
    assert await waiting == "total: 15"


# Debug functions


@each_kind
async def test_the_log_keeps_the_last_events(kind: type[Counter]) -> None:
    async with Mailbox() as box:
        pid = await start(kind)
        await sys.log(pid, 3)
        cast(pid, 1)
        send(pid, 2)
        await call(pid, 3)
        assert await sys.log(pid, "get") == [sys.Served(3), sys.Received(3), sys.Replied(6, box.pid, 6)]
        assert (await sys.get_status(pid)).log[0] == sys.Served(3)
        await sys.log(pid, False)
        assert await sys.log(pid, "get") == []


async def test_the_log_keeps_ten_events_by_default() -> None:
    pid = await start(Counter)
    await sys.log(pid, True)
    for number in range(20):
        cast(pid, number)
    assert len(await sys.log(pid, "get")) == 10


async def test_statistics_count_from_when_they_are_turned_on() -> None:
    pid = await start(Counter)
    await call(pid, 1)
    assert await sys.statistics(pid, "get") is None
    await sys.statistics(pid, True)
    await call(pid, 1)
    cast(pid, 1)
    counts = await sys.statistics(pid, "get")
    assert counts is not None
    assert (counts.messages_in, counts.messages_out) == (2, 1)
    await sys.statistics(pid, False)
    assert await sys.statistics(pid, "get") is None


async def test_a_trace_names_the_types_of_what_it_sees(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "understudy.actors")
    pid = await start(Counter)
    await sys.trace(pid, True)
    await call(pid, 12345)
    await sys.trace(pid, False)
    await call(pid, 1)
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split("traced=")[1].split()[0] for message in messages] == ["'received'", "'replied'"]
    assert "message='int'" in messages[0]
    assert "12345" not in caplog.text


async def test_an_installed_function_gets_each_event_until_it_is_removed_or_fails() -> None:
    pid = await start(Counter)
    seen: list[sys.Event] = []
    await sys.install(pid, "mine", seen.append)
    await sys.install(pid, "broken", divide_by_zero)
    cast(pid, 1)
    await sys.remove(pid, "mine")
    cast(pid, 2)
    assert await get_state(pid) == 3
    assert seen == [sys.Received(1), sys.Served(1)]


async def test_a_watched_server_stops_and_crashes_as_any() -> None:
    class Stopping(Counter):
        def handle_cast(self, message: Any, count: int) -> Stop[int]:  # type: ignore[override]
            return Stop(SHUTDOWN, count)

    async with Mailbox() as box:
        pid = await start(Stopping)
        seen: list[sys.Event] = []
        await sys.install(pid, "mine", seen.append)
        ref = monitor(pid)
        cast(pid, 1)
        assert await box.receive() == Down(ref, pid, SHUTDOWN)
        assert seen == [sys.Received(1), sys.Stopped(SHUTDOWN, 0)]


# Status


async def test_a_status_tells_how_a_server_is() -> None:
    async with Mailbox() as box:
        pid = await start_link(Trapping, 3, name="counter")
        status = await sys.get_status(pid)
        assert (status.pid, status.label, status.registered_name) == (pid, "Trapping", "counter")
        assert (status.parent, status.links, status.trap_exit) == (box.pid, (box.pid,), True)
        assert (status.sys_state, status.mailbox_length, status.state) == ("running", 0, 3)
        await sys.suspend(pid)
        assert (await sys.get_status(pid)).sys_state == "suspended"


class Vault(GenServer[dict[str, str]]):
    """A server whose format_status removes the secret."""

    def init(self) -> dict[str, str]:
        return {"user": "joe", "password": SECRET}

    def handle_cast(self, message: Any, state: Any) -> Any:
        raise ValueError(SECRET)

    def format_status(self, status: Status) -> Status:
        state = {**status.state, "password": "***"}
        return replace(status, state=state, message="hidden", reason="hidden")


class OpenVault(Vault):
    def format_status(self, status: Status) -> Status:
        return status


class ClosedVault(Vault):
    format_status = GenServer.format_status


class BrokenVault(Vault):
    def format_status(self, status: Status) -> Status:
        raise ValueError(SECRET)


class ForgetfulVault(Vault):
    def format_status(self, status: Status) -> Status:  # type: ignore[empty-body]
        """Return nothing, by mistake."""


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError(SECRET)


class UnspeakableVault(Vault):
    def format_status(self, status: Status) -> Status:
        return replace(status, state=Unspeakable(), message="hidden", reason="hidden")


async def test_format_status_takes_secrets_out_of_the_status() -> None:
    pid = await start(Vault)
    assert (await sys.get_status(pid)).state == {"user": "joe", "password": "***"}


@pytest.mark.parametrize(
    ("kind", "shown"), [(BrokenVault, "format_status crashed"), (ForgetfulVault, "format_status returned no Status")]
)
async def test_a_format_status_that_fails_hides_everything(kind: type[Vault], shown: str) -> None:
    pid = await start(kind)
    assert (await sys.get_status(pid)).state == f"{kind.__name__}.{shown}"


# Crash reports


async def report_of(kind: type[GenServer[Any]], caplog: pytest.LogCaptureFixture) -> str:
    async with Mailbox() as box:
        pid = await start(kind, name="vault")
        ref = monitor(pid)
        cast(pid, [SECRET])
        assert (await box.receive()).ref is ref
    (report,) = [record.getMessage() for record in caplog.records if "process_crashed" in record.getMessage()]
    return report


async def test_a_crash_report_has_the_types_of_the_message_and_of_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    report = await report_of(ClosedVault, caplog)
    for field in [
        "registered_name='vault'",
        "label='ClosedVault'",
        "parent='Pid(",
        "mailbox_length=0",
        "links=[]",
        "trap_exit=False",
        "message='Cast list'",
        "reason='crash'",
        "exception='ValueError'",
        "test_sys.py:",
    ]:
        assert field in report
    assert SECRET not in report


async def test_a_crash_report_shows_what_format_status_lets_through(caplog: pytest.LogCaptureFixture) -> None:
    report = await report_of(Vault, caplog)
    assert "message=\"'hidden'\"" in report
    assert "'user': 'joe'" in report
    assert SECRET not in report


async def test_a_crash_report_shows_everything_if_format_status_does(caplog: pytest.LogCaptureFixture) -> None:
    assert (await report_of(OpenVault, caplog)).count(SECRET) == 3


@pytest.mark.parametrize("kind", [BrokenVault, ForgetfulVault, UnspeakableVault])
async def test_a_crash_report_hides_what_format_status_fails_to_show(
    kind: type[Vault], caplog: pytest.LogCaptureFixture
) -> None:
    assert SECRET not in await report_of(kind, caplog)


async def test_a_stop_that_is_not_orderly_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    for reason in (SHUTDOWN, "overdrawn"):
        await stop(await start(Counter), reason)
    (report,) = [record.getMessage() for record in caplog.records]
    assert "reason='str'" in report
    assert "overdrawn" not in report


async def test_only_the_process_that_crashed_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Processes that end with it over links are not reported."""

    async def leader() -> None:
        await start_link(Counter)
        raise RuntimeError

    async with Mailbox() as box:
        pid = spawn(leader)
        ref = monitor(pid)
        assert (await box.receive()).ref is ref
    assert [record.getMessage().count("process_crashed") for record in caplog.records] == [1]


# Supervisors


async def test_sys_works_on_a_supervisor() -> None:
    async with Mailbox() as box:
        supervisor = await start_supervisor(Flags(), [ChildSpec("child", Counter)], name="top")
        register("box", box.pid)
        status = await sys.get_status("top")
        assert (status.label, status.parent) == ("Supervisor", box.pid)
        await sys.log(supervisor, True)
        await which_children(supervisor)
        assert len(await sys.log(supervisor, "get")) == 2
        await sys.change_code(supervisor, Supervisor)
        assert len(await which_children(supervisor)) == 1
