"""Random processes, links, monitors and exits compared with a model of the Erlang rules."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from actors import (
    KILL,
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Down,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Ref,
    Reply,
    Task,
    alive,
    call,
    demonitor,
    exit,  # noqa: A004 (OTP's word)
    link,
    monitor,
    self_pid,
    send,
    start,
    unlink,
)
from actors.testing import settled


class Subject(Task):
    """A process that runs functions from messages and keeps other messages in `got`, which outlives it."""

    def __init__(self, traps: bool, got: list[Any]) -> None:
        self.trap_exit = traps  # type: ignore[misc]
        self.got = got

    async def run(self) -> None:
        while True:
            message = await self.receive()
            if callable(message):
                message()
            else:
                self.got.append(message)


class ServerSubject(GenServer[list[Any]]):
    def init(self, traps: bool, got: list[Any]) -> list[Any]:
        self._myRef.trap_exit = traps
        return got

    def handle_call(self, request: Any, caller: Any, got: list[Any]) -> Reply[list[Any]]:
        return Reply(request(), got)

    def handle_info(self, message: Any, got: list[Any]) -> NoReply[list[Any]]:
        got.append(message)
        return NoReply(got)


@dataclass(eq=False)
class Model:
    """A process as Erlang defines it: alive, trapping, linked, watched, with the messages it must have received."""

    pid: Pid
    traps: bool
    got: list[Any]
    alive: bool = True
    links: "set[Model]" = field(default_factory=set)
    watched_by: "dict[Ref, Model]" = field(default_factory=dict)
    due: list[Any] = field(default_factory=list)

    def take_exit(self, sender: "Model", reason: Any, *, linked: bool) -> None:
        if not self.alive:
            return
        if reason is KILL and not linked:
            self.die(KILLED)
        elif self.traps:
            self.due.append(Exit(sender.pid, reason))
        elif reason is not NORMAL or sender is self:
            self.die(reason)

    def die(self, reason: Any) -> None:
        self.alive = False
        links, self.links = self.links, set()
        for ref, watcher in self.watched_by.items():
            if watcher.alive:
                watcher.due.append(Down(ref, self.pid, reason))
        self.watched_by = {}
        for other in links:
            other.links.discard(self)
        for other in links:
            other.take_exit(self, reason, linked=True)


REASONS = st.sampled_from([NORMAL, SHUTDOWN, KILL, KILLED, NOPROC, None, "boom"])


def counted(messages: list[Any]) -> dict[str, int]:
    """Return messages as a bag, since messages of different senders have no order."""
    bag: dict[str, int] = {}
    for message in messages:
        bag[repr(message)] = bag.get(repr(message), 0) + 1
    return bag


class ErlangRules(RuleBasedStateMachine):
    processes = Bundle("processes")
    monitors = Bundle("monitors")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.base = AsyncioSystemBase()
        self.models: list[Model] = []
        self.do(self._open())

    async def _open(self) -> None:
        self.base.open()
        self.box = Mailbox()

    def do(self, work: Any) -> Any:
        """Run work, and then everything that follows from it."""

        async def until_quiet() -> Any:
            result = await work
            await settled()
            return result

        return self.runner.run(until_quiet())

    def act(self, actor: Model, action: Any) -> Any:
        """Run action inside the actor's process and return its result."""
        results: list[Any] = []

        async def ask() -> None:
            process = actor.pid.process
            assert process is not None
            if isinstance(getattr(process, "server", None), ServerSubject):
                results.append(await call(actor.pid, action))
            else:
                send(actor.pid, lambda: results.append(action()))

        self.do(ask())
        return results[0]

    @initialize(target=processes, kinds=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=5))
    def begin(self, kinds: list[tuple[bool, bool]]) -> Any:
        return multiple(*(self.spawned(traps, server) for traps, server in kinds))

    @precondition(lambda self: sum(model.alive for model in self.models) < 4)
    @rule(target=processes, traps=st.booleans(), server=st.booleans())
    def spawn(self, traps: bool, server: bool) -> Model:
        return self.spawned(traps, server)

    def spawned(self, traps: bool, server: bool) -> Model:
        async def starting() -> Pid:
            return await start(ServerSubject, traps, got) if server else Subject.start(traps, got)

        got: list[Any] = []
        model = Model(self.do(starting()), traps, got)
        self.models.append(model)
        return model

    @rule(one=processes, other=processes)
    def link(self, one: Model, other: Model) -> None:
        if not one.alive:
            return

        def link_and_greet() -> None:
            link(other.pid)
            send(other.pid, "hello")

        self.act(one, link_and_greet)
        if not other.alive:
            one.take_exit(other, NOPROC, linked=True)
        elif one is not other:
            one.links.add(other)
            other.links.add(one)
        if other.alive:
            other.due.append("hello")

    @rule(one=processes, other=processes)
    def unlink(self, one: Model, other: Model) -> None:
        if one.alive:
            self.act(one, lambda: unlink(other.pid))
            one.links.discard(other)
            other.links.discard(one)

    @rule(target=monitors, one=processes, other=processes)
    def monitor(self, one: Model, other: Model) -> Any:
        if not one.alive or one is other:
            return None
        ref: Ref = self.act(one, lambda: monitor(other.pid))
        if other.alive:
            other.watched_by[ref] = one
        else:
            one.due.append(Down(ref, other.pid, NOPROC))
        return ref, one, other

    @rule(monitor=consumes(monitors))
    def demonitor(self, monitor: Any) -> None:
        if monitor is not None and monitor[1].alive:
            ref, one, other = monitor
            self.act(one, lambda: demonitor(ref))
            other.watched_by.pop(ref, None)

    @rule(one=processes, other=processes, reason=REASONS)
    def exit_other(self, one: Model, other: Model, reason: Any) -> None:
        if one.alive and one is not other:
            self.act(one, lambda: exit(other.pid, reason))
            other.take_exit(one, reason, linked=False)

    @rule(one=processes, reason=REASONS)
    def end(self, one: Model, reason: Any) -> None:
        if one.alive:
            self.ended(one, reason)

    @precondition(lambda self: any(model.links for model in self.models))
    @rule(data=st.data(), reason=REASONS)
    def end_a_linked_one(self, data: st.DataObject, reason: Any) -> None:
        """End a linked process, since random choice ends too few of them."""
        self.ended(data.draw(st.sampled_from([model for model in self.models if model.links])), reason)

    def ended(self, one: Model, reason: Any) -> None:
        """End a process from inside, which trapping exits does not stop."""

        async def ending() -> None:
            process = one.pid.process
            assert process is not None
            process.die(reason)

        self.do(ending())
        one.die(reason)

    @invariant()
    def who_should_live_does(self) -> None:
        for model in self.models:
            assert alive(model.pid) == model.alive, model.pid

    @invariant()
    def each_living_process_got_what_was_due_and_nothing_else(self) -> None:
        for model in self.models:
            if model.alive:
                assert counted(model.got) == counted(model.due)

    @invariant()
    def links_are_symmetric_and_monitors_have_two_ends(self) -> None:
        for model in self.models:
            process = model.pid.process
            if process is not None:
                assert {other.pid for other in process.links or ()} == {other.pid for other in model.links}
                watching = {ref for other in self.models for ref, by in other.watched_by.items() if by is model}
                assert set(process.monitors or ()) == watching

    def teardown(self) -> None:
        async def close() -> None:
            for model in self.models:
                exit(model.pid, KILL)
            await self.base.close()

        self.do(close())
        assert self.base.processes == {}
        self.runner.close()


ErlangRules.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestErlangRules = ErlangRules.TestCase


def test_the_model_itself_knows_its_own_process() -> None:
    """This guards the test: a subject must be the caller of the functions it runs."""
    machine = ErlangRules()
    one, server = machine.spawned(False, False), machine.spawned(False, True)
    assert machine.act(one, self_pid) == one.pid
    assert machine.act(server, self_pid) == server.pid
    machine.teardown()
