"""GenServer: start, call, cast, info, continue, stop, terminate; with callbacks that wait and callbacks that don't."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors import (
    IGNORE,
    KILL,
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Caller,
    CallFailed,
    CallTimeout,
    Crash,
    Down,
    Error,
    Exit,
    ExitProcess,
    GenServer,
    Mailbox,
    NameTaken,
    NoReply,
    Pid,
    Ready,
    Reply,
    StartFailed,
    Stop,
    alive,
    call,
    cast,
    demonitor,
    exit,  # noqa: A004 (OTP's word)
    get_state,
    monitor,
    reply,
    self_pid,
    send,
    spawn,
    start,
    start_link,
    stop,
    whereis,
)
from actors.kernel.errors import BadReturn
from actors.testing import settled, simulated

pytestmark = pytest.mark.usefixtures("system")

Do = Callable[[Any], Any]
"""The content of a request in these tests: the callback's body, from the state to the outcome."""


class Server(GenServer[Any]):
    """A server that does what its messages say, and reports its terminate to `to`."""

    def init(self, to: Pid | None = None) -> Any:
        return to

    def handle_call(self, request: Do, caller: Caller, state: Any) -> Any:
        return request(state)

    def handle_cast(self, message: Do, state: Any) -> Any:
        return message(state)

    def handle_info(self, message: Any, state: Any) -> Any:
        if callable(message):
            return message(state)
        send(state, message)
        return NoReply(state)

    def handle_continue(self, term: Do, state: Any) -> Any:
        return term(state)

    def terminate(self, reason: Any, state: Any) -> Awaitable[None] | None:
        if state is not None:
            send(state, ("terminated", reason))
        return None


class Trapping(Server):
    trap_exit = True


class Waiting(Server):
    """The same with callbacks that wait first."""

    async def handle_call(self, request: Do, caller: Caller, state: Any) -> Any:
        await asyncio.sleep(0)
        return request(state)

    async def handle_cast(self, message: Do, state: Any) -> Any:
        await asyncio.sleep(0)
        return message(state)

    async def handle_continue(self, term: Do, state: Any) -> Any:
        await asyncio.sleep(0)
        return term(state)


class EagerWaiting(Waiting):
    eager = True


KINDS = [Server, Waiting, EagerWaiting]
each_kind = pytest.mark.parametrize("kind", KINDS)


def crash(state: Any) -> Any:
    raise ValueError("oops")


def crash_of(reason: object) -> type[BaseException] | None:
    return type(reason.exception) if isinstance(reason, Crash) else None


async def hang(state: Any) -> Any:
    await asyncio.get_running_loop().create_future()


# Start


class Starting(GenServer[Any]):
    def init(self, body: Callable[[], Any]) -> Any:
        return body()


async def waiting(body: Callable[[], Any]) -> Any:
    await asyncio.sleep(0)
    return body()


both = pytest.mark.parametrize("when", [lambda body: body, lambda body: lambda: waiting(body)], ids=["sync", "async"])
When = Callable[[Callable[[], Any]], Callable[[], Any]]


def raising(error: BaseException) -> Any:
    raise error


@both
async def test_the_starter_waits_for_init(when: When) -> None:
    pid = await start(Starting, when(lambda: "state"))
    assert await get_state(pid) == "state"


@both
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), asyncio.CancelledError()], ids=repr)
async def test_an_init_that_raises_fails_the_start_with_its_crash(when: When, error: BaseException) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: raising(error)), name="broken")
    assert crash_of(failed.value.reason) is type(error)
    assert whereis("broken") is None


@both
async def test_an_init_that_returns_stop_fails_the_start_with_its_reason(when: When) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: Stop("no room", None)))
    assert failed.value.reason == "no room"


@both
async def test_an_init_that_returns_error_fails_the_start_without_a_crash_report(
    when: When, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: Error("no room")), name="refused")
    assert failed.value.reason == "no room"
    assert whereis("refused") is None
    assert not caplog.records


@both
async def test_an_init_that_raises_exit_process_fails_the_start_with_its_reason(when: When) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: raising(ExitProcess(SHUTDOWN))))
    assert failed.value.reason is SHUTDOWN


@both
async def test_an_init_that_ignores_leaves_no_process(when: When) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: IGNORE), name="idle")
    assert failed.value.reason is IGNORE
    assert whereis("idle") is None


@both
async def test_an_init_that_exits_itself_fails_the_start(when: When) -> None:
    with pytest.raises(StartFailed) as failed:
        await start(Starting, when(lambda: exit(self_pid(), "own hand")))
    assert failed.value.reason == "own hand"


@simulated(seeds=10)
async def test_an_init_that_hangs_is_killed_and_its_name_free_when_the_start_fails() -> None:
    async with AsyncioSystemBase():
        with pytest.raises(StartFailed) as failed:
            await start(Starting, lambda: hang(None), name="slow", timeout_s=60)
        assert failed.value.reason == "timeout"
        assert asyncio.get_running_loop().time() == 60
        assert whereis("slow") is None
        assert alive(await start(Starting, lambda: None, name="slow"))


async def test_a_start_that_is_cancelled_takes_its_server_along() -> None:
    starting = asyncio.create_task(start(Starting, lambda: hang(None), name="orphan"))
    await settled()
    pid = whereis("orphan")
    assert pid is not None
    async with Mailbox() as box:
        ref = monitor(pid)
        starting.cancel()
        assert await box.receive() == Down(ref, pid, KILLED)
        with pytest.raises(asyncio.CancelledError):
            await starting


async def test_a_failed_start_link_sends_the_starter_no_exit_signal() -> None:
    async with Mailbox() as box:
        with pytest.raises(StartFailed):
            await start_link(Starting, lambda: raising(ValueError()))
        assert not box.process.mailbox
        assert not box.process.links


async def test_a_failed_init_ends_the_processes_it_had_linked() -> None:
    children: list[Pid] = []

    async def with_child() -> None:
        children.append(await start_link(Server))
        raise ValueError("after the child")

    async with Mailbox() as box:
        with pytest.raises(StartFailed) as failed:
            await start_link(Starting, with_child)
        ref = monitor(children[0])
        assert await box.receive() == Down(ref, children[0], NOPROC)
        assert crash_of(failed.value.reason) is ValueError


async def test_a_name_in_use_is_refused_and_nothing_started() -> None:
    first = await start(Server, name="only")
    assert first.process is not None
    before = len(first.process.system.processes)
    with pytest.raises(NameTaken) as taken:
        await start(Server, name="only")
    assert taken.value.owner == first
    assert len(first.process.system.processes) == before


async def test_start_link_links_to_the_starter_and_start_does_not() -> None:
    async with Mailbox() as box:
        linked, free = await start_link(Server), await start(Server)
        exit(free, "x")
        exit(linked, "y")
        assert await box.receive() == Exit(linked, "y")
        assert not alive(free)


# Call and cast


@each_kind
async def test_a_call_is_answered_and_the_state_goes_on(kind: type[Server]) -> None:
    pid = await start(kind)
    assert await call(pid, lambda state: Reply(("was", state), "next")) == ("was", None)
    assert await get_state(pid) == "next"


@each_kind
async def test_casts_and_calls_of_one_sender_are_handled_in_order(kind: type[Server]) -> None:
    pid = await start(kind)
    await call(pid, lambda _: Reply(None, ()))
    for number in range(200):
        cast(pid, lambda state, number=number: NoReply((*state, number)))
    assert await call(pid, lambda state: Reply(state, None)) == tuple(range(200))


async def test_a_server_is_called_by_name() -> None:
    await start(Server, name="teller")
    assert await call("teller", lambda state: Reply("here", state)) == "here"


@each_kind
async def test_a_reply_may_come_later(kind: type[Server]) -> None:
    class Later(kind):  # type: ignore[misc, valid-type]
        def handle_call(self, request: Any, caller: Caller, state: Any) -> NoReply[Any]:
            return NoReply(caller)

        def handle_cast(self, message: Any, state: Caller) -> NoReply[Any]:
            reply(state, message)
            return NoReply(None)

    pid = await start(Later)
    asking = asyncio.create_task(call(pid, "question"))
    await settled()
    cast(pid, "answer")
    assert await asking == "answer"


@simulated(seeds=10)
async def test_a_call_that_times_out_does_not_stop_the_server_and_drops_its_late_reply() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        pid = await start(Server)
        callers: list[Caller] = []

        class Keeping(Server):
            def handle_call(self, request: Any, caller: Caller, state: Any) -> NoReply[Any]:
                callers.append(caller)
                return NoReply(state)

        pid = await start(Keeping)
        with pytest.raises(CallTimeout) as timeout:
            await call(pid, "slow")
        assert asyncio.get_running_loop().time() == 5
        assert timeout.value.server == pid
        assert isinstance(timeout.value, TimeoutError)
        assert alive(pid)
        reply(callers[0], "late")
        send(box.pid, "next")
        assert await box.receive() == "next"
        assert pid.process is not None
        assert not pid.process.watchers


async def test_a_call_to_a_dead_server_fails_at_once_with_noproc() -> None:
    pid = await start(Server)
    await stop(pid)
    with pytest.raises(CallFailed) as failed:
        await call(pid, crash, timeout_s=None)
    assert failed.value.reason is NOPROC
    with pytest.raises(CallFailed) as failed:
        await call("nobody", crash, timeout_s=None)
    assert failed.value.reason is NOPROC


@each_kind
async def test_a_call_fails_with_the_reason_of_a_server_that_dies_in_it(kind: type[Server]) -> None:
    pid = await start(kind)
    with pytest.raises(CallFailed) as failed:
        await call(pid, crash, timeout_s=None)
    assert crash_of(failed.value.reason) is ValueError
    assert failed.value.server == pid


async def test_a_call_that_waits_in_the_mailbox_fails_when_the_server_dies() -> None:
    pid = await start(Server)
    cast(pid, hang)
    asking = asyncio.create_task(call(pid, lambda state: Reply(1, state), timeout_s=None))
    await settled()
    exit(pid, "gone")
    with pytest.raises(CallFailed) as failed:
        await asking
    assert failed.value.reason == "gone"


async def test_a_call_to_itself_is_refused() -> None:
    async def to_itself(state: Any) -> Any:
        with pytest.raises(CallFailed, match="can't call itself"):
            await call(self_pid(), "echo", timeout_s=None)
        return Reply("refused", state)

    assert await call(await start(Server), to_itself) == "refused"


async def test_a_call_to_a_process_of_another_loop_is_refused() -> None:
    with AsyncioSystemBase() as other:
        there = other.run(start(Server))
        with pytest.raises(CallFailed, match="another loop"):
            await call(there, lambda state: Reply(1, state))
        assert other.run(call(there, lambda state: Reply(1, state))) == 1


async def test_a_cancelled_caller_leaves_nothing_with_the_server() -> None:
    pid = await start(Server)
    cast(pid, hang)
    asking = asyncio.create_task(call(pid, crash))
    await settled()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pid.process is not None
    assert not pid.process.watchers


# Continue, info, outcomes


@each_kind
@pytest.mark.parametrize(
    "outcome", [Reply("answer", "s", lambda _: NoReply("continued")), "from init"], ids=["reply", "init"]
)
async def test_continue_runs_before_the_next_message(kind: type[Server], outcome: Any) -> None:
    class Continuing(kind):  # type: ignore[misc, valid-type]
        def init(self) -> Any:
            cast(self.pid, lambda state: NoReply((state, "cast")))
            return Ready("init", lambda _: NoReply("continued")) if outcome == "from init" else "init"

    if outcome == "from init":
        pid = await start(Continuing)
        assert await get_state(pid) == ("continued", "cast")
    else:
        pid = await start(kind)
        asking = asyncio.create_task(call(pid, lambda _: outcome))
        await asyncio.sleep(0)
        cast(pid, lambda state: NoReply((state, "cast")))
        assert await asking == "answer"
        assert await get_state(pid) == ("continued", "cast")


@pytest.mark.parametrize("value", [None, 7, "text", Reply(1, 2)], ids=repr)
@each_kind
async def test_a_bad_return_value_is_a_crash(kind: type[Server], value: object) -> None:
    async with Mailbox() as box:
        pid = await start(kind)
        ref = monitor(pid)
        cast(pid, lambda _: value)
        down = await box.receive()
        assert down.ref is ref
        assert crash_of(down.reason) is BadReturn


async def test_a_demonitor_in_a_callback_takes_no_message_twice() -> None:
    async with Mailbox() as box:
        pid = await start(Server, box.pid)
        victim = spawn(asyncio.sleep, 0)
        death = monitor(victim)
        await box.receive()
        demonitor(death)

        def watch_and_flush(to: Any) -> Any:
            ref = monitor(victim)
            send(self_pid(), "first")
            send(self_pid(), "second")
            demonitor(ref)
            return NoReply(to)

        cast(pid, watch_and_flush)
        cast(pid, lambda to: NoReply(to))
        await get_state(pid)
        assert [await box.receive(), await box.receive()] == ["first", "second"]
        await get_state(pid)
        assert not box.process.mailbox


async def test_unexpected_messages_are_dropped_and_unexpected_calls_a_crash() -> None:
    class Bare(GenServer[int]):
        def init(self) -> int:
            return 0

    pid = await start(Bare)
    send(pid, "anything")
    assert await get_state(pid) == 0
    with pytest.raises(CallFailed) as failed:
        await call(pid, "question")
    assert crash_of(failed.value.reason) is AssertionError


# Crashes


@each_kind
@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_an_exception_in_a_callback_ends_only_its_process(kind: type[Server], error: BaseException) -> None:
    bystander = await start(Server)
    pid = await start(kind)
    with pytest.raises(CallFailed) as failed:
        await call(pid, lambda _: raising(error))
    assert crash_of(failed.value.reason) is type(error)
    assert await call(bystander, lambda state: Reply("alive", state)) == "alive"


@each_kind
async def test_exit_process_ends_with_its_reason(kind: type[Server]) -> None:
    with pytest.raises(CallFailed) as failed:
        await call(await start(kind), lambda _: raising(ExitProcess("done here")))
    assert failed.value.reason == "done here"


async def test_a_crash_leaves_no_half_changed_state_behind() -> None:
    async with Mailbox() as box:
        pid = await start(Server, box.pid)
        cast(pid, crash)
        assert (await box.receive())[0] == "terminated"


# Exit signals


async def test_an_exit_signal_cancels_a_callback_that_waits() -> None:
    async with Mailbox() as box:

        async def cancelled(to: Any) -> Any:
            send(to, "waiting")
            try:
                await hang(None)
            finally:
                send(to, "cancelled")

        pid = await start(Server, box.pid)
        ref = monitor(pid)
        cast(pid, cancelled)
        assert await box.receive() == "waiting"
        exit(pid, "enough")
        assert await box.receive() == "cancelled"
        assert await box.receive() == Down(ref, pid, "enough")


@pytest.mark.parametrize("kind", [Server, EagerWaiting])
async def test_a_callback_that_is_cancelled_before_its_first_step_still_cleans_up(kind: type[Server]) -> None:
    async with Mailbox() as box:

        async def begun(to: Any) -> Any:
            try:
                exit(self_pid(), "in the first step")
                await hang(None)
            finally:
                send(to, "cleaned up")

        pid = await start(kind, box.pid)
        ref = monitor(pid)
        send(pid, begun)
        assert await box.receive() == "cleaned up"
        assert await box.receive() == Down(ref, pid, "in the first step")


async def test_an_outcome_that_comes_after_the_exit_signal_is_not_applied() -> None:
    async def stubborn(to: Any) -> Any:
        send(to, "waiting")
        try:
            await hang(None)
        except asyncio.CancelledError:
            return Reply("too late", to)

    async with Mailbox() as box:
        pid = await start(Server, box.pid)
        asking = asyncio.create_task(call(pid, stubborn))
        assert await box.receive() == "waiting"
        exit(pid, "enough")
        with pytest.raises(CallFailed) as failed:
            await asking
        assert failed.value.reason == "enough"


@pytest.mark.parametrize("body", [crash, lambda s: Stop("said", s), lambda s: NoReply(s)], ids=["crash", "stop", "go"])
async def test_a_callback_that_kills_its_own_process_has_no_terminate(body: Do) -> None:
    def killing(to: Any) -> Any:
        exit(self_pid(), KILL)
        return body(to)

    async with Mailbox() as box:
        pid = await start(Server, box.pid)
        ref = monitor(pid)
        cast(pid, killing)
        send(pid, "never read")
        assert await box.receive() == Down(ref, pid, KILLED)


async def test_an_exit_of_another_than_the_parent_comes_to_a_trapping_server_as_info() -> None:
    async with Mailbox() as box, Mailbox() as other:
        pid = await call(await start(Server, box.pid), lambda to: start_for(Trapping, to))
        other.process.link(pid.process)
        other.close()
        assert await box.receive() == Exit(other.pid, NORMAL)
        assert alive(pid)


async def start_for(kind: type[Server], to: Any) -> Any:
    return Reply(await start(kind, to), to)


# Terminate


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, "custom"])
@each_kind
async def test_stop_calls_terminate_and_the_caller_gets_its_reply_first(kind: type[Server], reason: object) -> None:
    async with Mailbox() as box:
        pid = await start(kind, box.pid)
        ref = monitor(pid)
        assert await call(pid, lambda to: Stop(reason, to, "bye")) == "bye"
        assert await box.receive() == ("terminated", reason)
        assert await box.receive() == Down(ref, pid, reason)


async def test_stop_without_a_reply_fails_the_call_with_its_reason() -> None:
    with pytest.raises(CallFailed) as failed:
        await call(await start(Server), lambda state: Stop("closed", state))
    assert failed.value.reason == "closed"


@each_kind
async def test_a_crash_calls_terminate(kind: type[Server]) -> None:
    async with Mailbox() as box:
        cast(await start(kind, box.pid), crash)
        word, reason = await box.receive()
        assert (word, crash_of(reason)) == ("terminated", ValueError)


async def test_the_parents_exit_signal_calls_terminate_if_trapping() -> None:
    async with Mailbox() as box:
        pid = await start_link(Trapping, box.pid)
        exit(pid, SHUTDOWN)
        assert await box.receive() == ("terminated", SHUTDOWN)
        assert await box.receive() == Exit(pid, SHUTDOWN)


async def test_the_parents_exit_signal_does_not_call_terminate_if_not_trapping() -> None:
    async with Mailbox() as box:
        pid = await start_link(Server, box.pid)
        exit(pid, SHUTDOWN)
        assert await box.receive() == Exit(pid, SHUTDOWN)


async def test_a_killed_server_has_no_terminate() -> None:
    async with Mailbox() as box:
        pid = await start_link(Trapping, box.pid)
        exit(pid, KILL)
        assert await box.receive() == Exit(pid, KILLED)


async def test_a_failed_init_has_no_terminate() -> None:
    class Failing(Server):
        def init(self, to: Pid | None = None) -> Any:
            raise ValueError

    async with Mailbox() as box:
        with pytest.raises(StartFailed):
            await start(Failing, box.pid)
        assert not box.process.mailbox


class SlowToEnd(Server):
    """A server whose terminate waits for a message that never comes."""

    async def terminate(self, reason: Any, state: Any) -> None:
        send(state, "terminating")
        await hang(state)


async def test_an_async_terminate_is_waited_for() -> None:
    class Tidy(Server):
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(0)
            send(state, "tidied")

    async with Mailbox() as box:
        pid = await start_link(Tidy, box.pid)
        await stop(pid)
        assert await box.receive() == "tidied"
        assert await box.receive() == Exit(pid, NORMAL)


@pytest.mark.parametrize(("signal", "seen"), [(KILL, KILLED), ("hurry", "hurry")])
async def test_a_terminate_that_hangs_ends_with_the_signal_that_ended_it(signal: object, seen: object) -> None:
    async with Mailbox() as box:
        pid = await start_link(SlowToEnd, box.pid)
        cast(pid, lambda state: Stop("calm", state))
        assert await box.receive() == "terminating"
        exit(pid, signal)
        assert await box.receive() == Exit(pid, seen)


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("awaiting", [True, False])
async def test_a_terminate_that_raises_changes_the_reason(awaiting: bool, error: BaseException) -> None:
    class Clumsy(Server):
        def terminate(self, reason: Any, state: Any) -> Awaitable[None] | None:
            return waiting(lambda: raising(error)) if awaiting else raising(error)

    async with Mailbox():
        with pytest.raises(CallFailed) as failed:
            await stop(await start(Clumsy))
        assert crash_of(failed.value.reason) is type(error)


# Stop from outside


async def test_stop_returns_when_the_server_has_ended() -> None:
    async with Mailbox() as box:
        pid = await start(Server, box.pid, name="ending")
        await stop("ending", SHUTDOWN)
        assert not alive(pid)
        assert await box.receive() == ("terminated", SHUTDOWN)


async def test_stop_of_a_dead_server_fails_with_noproc() -> None:
    pid = await start(Server)
    await stop(pid)
    with pytest.raises(CallFailed) as failed:
        await stop(pid)
    assert failed.value.reason is NOPROC


@simulated(seeds=10)
async def test_stop_raises_after_its_timeout_and_the_server_goes_on_ending() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        pid = await start(SlowToEnd, box.pid)
        with pytest.raises(CallTimeout):
            await stop(pid, timeout_s=30)
        assert alive(pid)
        exit(pid, KILL)


@pytest.mark.parametrize("outcome", [Reply(None, 0), NoReply(0)])
async def test_an_outcome_of_another_callback_is_no_first_state(outcome: Any) -> None:
    class Confused(GenServer[Any]):
        def init(self) -> Any:
            return outcome

    async with AsyncioSystemBase():
        expected = rf"expected a state or Ready\(state, then\) from the init of Confused, got {type(outcome).__name__}"
        with pytest.raises(StartFailed, match=expected):
            await start(Confused)
