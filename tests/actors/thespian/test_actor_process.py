"""Plain Thespian actors keep Thespian's semantics: retry, poison, children, names, wakeups, capabilities."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from thespian.actors import (
    Actor,
    ActorExitRequest,
    ActorTypeDispatcher,
    ChildActorExited,
    InvalidActorSpecification,
    PoisonMessage,
    WakeupMessage,
    requireCapability,
)

from actors import (
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Down,
    ExitProcess,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    Stop,
    alive,
    call,
    create_actor,
    exit,  # noqa: A004 (OTP's word)
    monitor,
    self_pid,
    send,
    whereis,
)
from actors.testing import simulated


class Doing(Actor):
    """An actor that does what its messages say, and keeps a count."""

    def __init__(self) -> None:
        self.tries = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if callable(message):
            message(self, sender)


class Telling(Doing):
    """An actor that forwards all later messages to `to`, the first Pid it gets."""

    to: Pid | None = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if callable(message):
            message(self, sender)
        elif isinstance(message, Pid):
            self.to = message
        elif self.to is not None and not isinstance(message, ActorExitRequest):
            self.send(self.to, message)


def actor(system: AsyncioSystemBase, kind: type[Actor] = Doing, **options: Any) -> Pid:
    return system.create_actor(system.root, kind, **options)


# Messages


async def test_an_actor_answers_its_sender(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        send(actor(system), lambda self, sender: self.send(sender, (self.myAddress, "hello")))
        pid, word = await box.receive()
        assert alive(pid)
        assert word == "hello"


async def test_code_on_the_loop_creates_an_actor_or_gets_the_owner_of_its_name(
    system: AsyncioSystemBase,
) -> None:
    first = create_actor(Doing, "only")
    assert create_actor(Doing, "only") == first == whereis("only")
    async with Mailbox() as box:
        send(first, lambda actor, sender: actor.send(sender, "done"))
        assert await box.receive(60) == "done"


async def test_a_dispatching_actor_gets_its_messages_by_type(system: AsyncioSystemBase) -> None:
    class Dispatching(ActorTypeDispatcher):
        def receiveMsg_str(self, message: str, sender: Any) -> None:
            self.send(sender, message.upper())

    async with Mailbox() as box:
        send(actor(system, Dispatching), "hello")
        assert await box.receive() == "HELLO"


@pytest.mark.parametrize("period", [timedelta(milliseconds=1), 0.001])
async def test_a_wakeup_comes_from_the_actor_itself(system: AsyncioSystemBase, period: Any) -> None:
    async with Mailbox() as box:
        pid = actor(system, Telling)
        send(pid, box.pid)
        send(pid, lambda self, _: self.wakeupAfter(period, "payload"))
        wakeup = await box.receive()
        assert isinstance(wakeup, WakeupMessage)
        assert wakeup.payload == "payload"
        assert wakeup.delayPeriod == timedelta(milliseconds=1)


@simulated(seeds=5)
async def test_a_simulated_wakeup_comes_in_the_simulations_time() -> None:
    async with AsyncioSystemBase() as system, Mailbox() as box:
        pid = actor(system, Telling)
        send(pid, box.pid)
        send(pid, lambda self, _: self.wakeupAfter(3600))
        assert isinstance(await box.receive(), WakeupMessage)
        assert 3600 <= asyncio.get_running_loop().time() < 3600.01


async def test_a_wakeup_of_a_dead_actor_goes_nowhere(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pid = actor(system)
        ref = monitor(pid)
        send(pid, lambda self, _: self.wakeupAfter(timedelta(0)))
        send(pid, ActorExitRequest())
        assert await box.receive() == Down(ref, pid, NORMAL)
        assert system.dead_letter_count == 0


# Failures


def fail_twice(self: Doing, sender: Any) -> None:
    self.tries += 1
    if self.tries < 3:
        raise ValueError("not yet")
    self.send(sender, self.tries)


def fail(self: Doing, sender: Any) -> None:
    self.tries += 1
    raise ValueError("never")


async def test_a_message_that_fails_is_tried_again_after_those_that_wait(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pid = actor(system)
        send(pid, fail_twice)
        send(pid, lambda self, sender: self.send(sender, "meanwhile"))
        assert [await box.receive(), await box.receive()] == ["meanwhile", 3]


async def test_a_message_that_fails_three_times_comes_back_as_poison(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pid = actor(system)
        send(pid, fail)
        poison = await box.receive()
        assert isinstance(poison, PoisonMessage)
        assert poison.poisonMessage is fail
        assert "ValueError: never" in str(poison.details)
        send(pid, lambda self, sender: self.send(sender, self.tries))
        assert await box.receive() == 3


async def test_a_poison_message_that_fails_is_not_poison_again(system: AsyncioSystemBase) -> None:
    class Failing(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "still here?":
                self.send(sender, "yes")
            else:
                raise ValueError

    async with Mailbox() as box:
        pid = actor(system, Failing)
        send(pid, PoisonMessage("old", "details"))
        for _ in range(3):
            send(pid, "still here?")
        assert [await box.receive() for _ in range(3)] == ["yes"] * 3


@pytest.mark.parametrize("code", [0, 2])
async def test_system_exit_ends_the_actor_and_no_other(system: AsyncioSystemBase, code: int) -> None:
    def leaving(self: Doing, sender: Any) -> None:
        sys.exit(code)

    async with Mailbox() as box:
        pid = actor(system)
        monitor(pid)
        send(pid, leaving)
        reason = (await box.receive()).reason
        assert reason is NORMAL if code == 0 else isinstance(reason.exception, SystemExit)


async def test_exit_process_ends_an_actor_without_a_retry(system: AsyncioSystemBase) -> None:
    def leave(self: Doing, sender: Any) -> None:
        raise ExitProcess("left")

    async with Mailbox() as box:
        pid = actor(system)
        ref = monitor(pid)
        send(pid, leave)
        assert await box.receive() == Down(ref, pid, "left")


async def test_a_message_waiting_for_a_retry_is_a_dead_letter_in_its_first_form(system: AsyncioSystemBase) -> None:
    def fail_and_exit(self: Doing, sender: Any) -> None:
        exit(self_pid(), "x")
        raise ValueError

    async with Mailbox() as box:
        pid = actor(system)
        monitor(pid)
        send(pid, fail_and_exit)
        assert (await box.receive()).reason == "x"
        assert [letter.message for letter in system.dead_letters] == [fail_and_exit]


# Ends and children


def create(kind: type[Actor]) -> Any:
    return lambda self, sender: self.send(sender, self.createActor(kind))


async def family(system: AsyncioSystemBase, box: Mailbox) -> tuple[Pid, Pid]:
    parent = actor(system, Telling)
    send(parent, box.pid)
    send(parent, create(Telling))
    return parent, await box.receive()


async def test_an_exit_request_ends_an_actor_and_its_children(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent, child = await family(system, box)
        refs = {monitor(parent): parent, monitor(child): child}
        send(parent, ActorExitRequest())
        downs = [await box.receive(), await box.receive()]
        assert downs == [Down(ref, pid, NORMAL) for ref, pid in refs.items()]


async def test_an_exit_request_that_is_not_recursive_leaves_the_children(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent, child = await family(system, box)
        ref = monitor(parent)
        send(parent, ActorExitRequest(recursive=False))
        assert await box.receive() == Down(ref, parent, NORMAL)
        send(child, lambda self, sender: self.send(sender, "still here"))
        assert await box.receive() == "still here"


async def test_the_parent_learns_of_a_childs_end(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent, child = await family(system, box)
        send(child, ActorExitRequest())
        exited = await box.receive()
        assert isinstance(exited, ChildActorExited)
        assert exited.childAddress == child
        assert parent.process is not None


class Stillborn(Actor):
    def __init__(self) -> None:
        raise ValueError("never")


class Failing(GenServer[None]):
    def init(self) -> None:
        raise ValueError("never")


@requireCapability("wings")
class Flying(Doing):
    pass


@pytest.mark.parametrize("kind", [Stillborn, Failing, Flying, "Unqualified"])
async def test_an_actor_learns_of_a_child_that_did_not_start(system: AsyncioSystemBase, kind: Any) -> None:
    async with Mailbox() as box:
        parent = actor(system, Telling)
        send(parent, box.pid)
        send(parent, create(kind))
        child = await box.receive()
        assert (await box.receive()).childAddress == child
        assert not alive(child)
        send(parent, lambda self, sender: self.send(sender, (self.tries, self._myRef.children)))
        assert await box.receive() == (0, None)


async def test_a_child_whose_module_is_missing_is_an_import_error_of_its_parent(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        send(actor(system), create("no.such.module.Actor"))  # type: ignore[arg-type]
        assert "ModuleNotFoundError" in (await box.receive()).details


class Tidy(Doing):
    """An actor that reports its clean-up to `to`."""

    to: Pid | None = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, ActorExitRequest) and self.to is not None:
            self.send(self.to, "tidied")
        super().receiveMessage(message, sender)


async def test_an_actor_that_its_parent_shuts_down_can_clean_up(system: AsyncioSystemBase) -> None:
    def start_work(self: Tidy, sender: Any) -> None:
        self.to = sender
        for _ in range(3):
            self.send(self.myAddress, "more work")
        self.send(sender, "started")

    async with Mailbox() as box:
        pid = actor(system, Tidy)
        send(pid, start_work)
        assert await box.receive() == "started"
        ref = monitor(pid)
        assert pid.process is not None
        pid.process.exit_signal(system.root.pid, SHUTDOWN, linked=True)
        assert await box.receive() == "tidied"
        assert await box.receive() == Down(ref, pid, SHUTDOWN)


async def test_an_exit_signal_that_came_too_late_leaves_no_dead_letter(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pid = actor(system)
        assert pid.process is not None
        ref = monitor(pid)
        pid.process.exit_signal(system.root.pid, SHUTDOWN, linked=True)
        exit(pid, KILL)
        assert await box.receive() == Down(ref, pid, KILLED)
        assert system.dead_letter_count == 0


async def test_a_killed_actor_takes_its_children_along(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent, child = await family(system, box)
        first, second = monitor(parent), monitor(child)
        exit(parent, KILL)
        assert [await box.receive(), await box.receive()] == [Down(first, parent, KILLED), Down(second, child, NORMAL)]


class Keeper(GenServer[Pid | None]):
    """A GenServer among actors that reports its end, the ends of its children, and its messages."""

    def init(self) -> None:
        return None

    def handle_call(self, request: Any, caller: Any, to: Pid | None) -> Reply[Pid | None]:
        return Reply(self.createActor(request), to)

    def handle_info(self, message: Any, to: Pid | None) -> NoReply[Pid | None] | Stop[Pid | None]:
        if isinstance(message, Pid):
            return NoReply(message)
        if message == "stop":
            return Stop("stopped", to)
        if to is not None:
            send(to, message)
        return NoReply(to)

    def terminate(self, reason: Any, to: Pid | None) -> None:
        if to is not None:
            send(to, ("terminated", reason))


async def test_a_gen_server_that_an_actor_creates_is_its_child(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent = actor(system, Telling)
        send(parent, box.pid)
        send(parent, create(Keeper))
        keeper = await box.receive()
        send(keeper, "stop")
        exited = await box.receive()
        assert isinstance(exited, ChildActorExited)
        assert exited.childAddress == keeper


async def test_a_gen_server_ends_by_its_creators_exit_request(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        parent = actor(system, Telling)
        send(parent, box.pid)
        send(parent, create(Keeper))
        keeper = await box.receive()
        send(keeper, box.pid)
        send(parent, ActorExitRequest())
        assert await box.receive() == ("terminated", NORMAL)


@pytest.mark.parametrize("recursive", [True, False])
async def test_a_gen_server_keeps_or_leaves_the_actors_it_created(system: AsyncioSystemBase, recursive: bool) -> None:
    async with Mailbox() as box:
        keeper = actor(system, Keeper)
        child = await call(keeper, Telling)
        ref = monitor(child)
        send(keeper, ActorExitRequest(recursive=recursive))
        if recursive:
            assert await box.receive() == Down(ref, child, NORMAL)
        else:
            send(child, lambda self, sender: self.send(sender, "still here"))
            assert await box.receive() == "still here"
            assert not alive(keeper)


async def test_a_gen_server_learns_of_the_end_of_an_actor_it_created(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        keeper = actor(system, Keeper)
        send(keeper, box.pid)
        child = await call(keeper, Telling)
        send(child, ActorExitRequest())
        assert (await box.receive()).childAddress == child


# Creation


async def test_a_global_name_is_created_once(system: AsyncioSystemBase) -> None:
    first = actor(system, name="singleton")
    assert actor(system, Telling, name="singleton") == first
    assert whereis("singleton") == first
    async with Mailbox() as box:
        send(first, lambda self, sender: self.send(sender, self.globalName))
        assert await box.receive() == "singleton"
        send(actor(system), lambda self, sender: self.send(sender, self.globalName))
        assert await box.receive() is None


async def test_an_actor_may_be_named_by_its_import_path(system: AsyncioSystemBase) -> None:
    pid = system.create_actor(system.root, "thespian.actors.ActorTypeDispatcher")
    assert alive(pid)


@pytest.mark.parametrize("what", [int, object()], ids=["a class", "no class"])
async def test_a_class_other_than_an_actor_is_refused(system: AsyncioSystemBase, what: Any) -> None:
    with pytest.raises(InvalidActorSpecification):
        system.create_actor(system.root, what)


@pytest.mark.parametrize(
    "call_of_thespian",
    [
        lambda self: self.createActor(Doing, None, None, "hash"),
        lambda self: self.loadActorSource("code.zip"),
        lambda self: self.registerSourceAuthority(),
    ],
)
async def test_code_from_a_message_is_refused(system: AsyncioSystemBase, call_of_thespian: Any) -> None:
    with pytest.raises(InvalidActorSpecification, match="none is loaded from a source"):
        actor(system, source="hash")
    async with Mailbox() as box:
        send(actor(system), lambda self, _: call_of_thespian(self))
        assert "SourceRefused" in (await box.receive()).details


async def test_requests_about_other_systems_do_nothing(system: AsyncioSystemBase) -> None:
    def ask_the_world(self: Doing, sender: Any) -> None:
        self.preRegisterRemoteSystem("10.0.0.1:1900", {})
        self.deRegisterRemoteSystem("10.0.0.1:1900")
        self.notifyOnSystemRegistrationChanges()
        self.notifyOnSourceAvailability()
        self.unloadActorSource("hash")
        self.send(sender, "alone")

    async with Mailbox() as box:
        send(actor(system), ask_the_world)
        assert await box.receive() == "alone"


async def test_an_init_that_fails_or_ignores_is_refused(system: AsyncioSystemBase) -> None:
    before = len(system.processes)
    with pytest.raises(InvalidActorSpecification):
        actor(system, Failing)
    assert len(system.processes) == before


# Orderly ends


class Unprepared(ActorTypeDispatcher):
    """An actor with a method for a Pid only, which reports the type of every other message."""

    to: Pid | None = None

    def receiveMsg_Pid(self, message: Pid, sender: Any) -> None:
        self.to = message

    def receiveUnrecognizedMessage(self, message: Any, sender: Any) -> None:
        assert self.to is not None
        self.send(self.to, type(message))


async def signalled(system: AsyncioSystemBase, pid: Pid) -> None:
    exit(pid, SHUTDOWN)


async def asked(system: AsyncioSystemBase, pid: Pid) -> None:
    send(pid, ActorExitRequest())


async def closed(system: AsyncioSystemBase, pid: Pid) -> None:
    pid.process.shut_down()  # type: ignore[union-attr]  # the system's end, without the end of the mailbox


@pytest.mark.parametrize("end", [signalled, asked, closed])
async def test_whatever_ends_an_actor_orderly_reaches_it_as_thespians_own_request(
    system: AsyncioSystemBase, end: Any
) -> None:
    box = Mailbox()
    pid = actor(system, Unprepared)
    for message in (box.pid, "hello"):
        send(pid, message)
    assert await box.receive() is str
    await end(system, pid)
    assert await box.receive() is ActorExitRequest
    assert not alive(pid)
