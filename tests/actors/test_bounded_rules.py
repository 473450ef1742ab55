"""Random sends, waits and receives on a bounded mailbox, compared with a model: a list, a line and drops."""

import asyncio
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors import MAILBOX_FULL, AsyncioSystemBase, Bound, Exit, Mailbox, Overflow, exit, send, send_blocking  # noqa: A004
from actors.testing import settled

Waiting = tuple[int, asyncio.Task[None]]


class BoundRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.base = AsyncioSystemBase()
        self.last = 0
        self.queue: list[Any] = []
        self.line: list[Waiting] = []
        self.dropped: list[int] = []
        self.alive = True

    def do(self, work: Any) -> Any:
        """Run work, and then every coroutine that can go on."""

        async def until_quiet() -> Any:
            result = await work
            await settled()
            return result

        return self.runner.get_loop().run_until_complete(until_quiet())

    @initialize(max_length=st.integers(1, 3), overflow=st.sampled_from(Overflow))
    def begin(self, max_length: int, overflow: Overflow) -> None:
        async def begin() -> None:
            self.base.open()
            self.box, self.other = Mailbox(Bound(max_length, overflow)), Mailbox()

        self.max_length, self.overflow = max_length, overflow
        self.do(begin())

    def next(self) -> int:
        self.last += 1
        return self.last

    def overflowed(self, message: int) -> None:
        """Handle a message that does not wait and finds the model full."""
        oldest = next((old for old in self.queue if isinstance(old, int)), None)
        if self.overflow is Overflow.DROP_OLDEST and oldest is not None:
            self.queue.remove(oldest)
            self.queue.append(message)
            self.dropped.append(oldest)
        else:
            self.dropped.append(message)
        self.alive = self.overflow is not Overflow.CRASH_RECEIVER

    def admit(self) -> None:
        while self.line and len(self.queue) < self.max_length:
            self.queue.append(self.line.pop(0)[0])

    @precondition(lambda self: self.alive)
    @rule()
    def send(self) -> None:
        async def sending() -> None:
            send(self.box.pid, message)

        message = self.next()
        self.do(sending())
        if len(self.queue) < self.max_length and not self.line:
            self.queue.append(message)
        else:
            self.overflowed(message)

    @precondition(lambda self: self.alive)
    @rule()
    def send_blocking(self) -> None:
        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(send_blocking(self.box.pid, message))

        message = self.next()
        task = self.do(begin())
        if len(self.queue) < self.max_length and not self.line:
            self.queue.append(message)
        elif self.overflow is Overflow.BLOCK_SENDER:
            self.line.append((message, task))
        else:
            self.overflowed(message)
        assert task.done() == (not any(waiting is task for _, waiting in self.line))

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        async def cancel() -> None:
            task.cancel()

        message, task = waiting = data.draw(st.sampled_from(self.line))
        self.do(cancel())
        self.line.remove(waiting)
        assert task.cancelled(), message

    @precondition(lambda self: self.alive)
    @rule()
    def signal(self) -> None:
        async def signalling() -> None:
            async with self.other:
                exit(self.box.pid, "signal")
            self.other = Mailbox()

        sender = self.other.pid
        self.do(signalling())
        self.queue.append(Exit(sender, "signal"))

    @precondition(lambda self: not self.alive)
    @rule()
    def send_to_the_dead(self) -> None:
        async def sending() -> None:
            send(self.box.pid, "late")
            await send_blocking(self.box.pid, "late")

        before = self.base.dead_letter_count
        self.do(sending())
        assert self.base.dead_letter_count == before + 2

    @precondition(lambda self: self.alive and self.queue)
    @rule()
    def take(self) -> None:
        assert self.do(self.box.receive()) == self.queue.pop(0)
        self.admit()

    @invariant()
    def what_waits_is_what_the_bound_lets_wait(self) -> None:
        if hasattr(self, "box") and self.alive:
            assert [message for message, _ in self.box.process.mailbox] == self.queue
            assert all(not task.done() for _, task in self.line)

    @invariant()
    def what_was_dropped_is_a_dead_letter_and_nothing_else_is(self) -> None:
        full = [letter.message for letter in self.base.dead_letters if letter.reason is MAILBOX_FULL]
        assert full == self.dropped
        if hasattr(self, "box"):
            assert self.box.pid.alive == self.alive
            assert not self.alive or len(self.base.dead_letters) == len(full)

    def teardown(self) -> None:
        if hasattr(self, "box"):
            self.do(self.base.close())
            assert all(task.done() for _, task in self.line)
        self.runner.close()


BoundRules.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestBoundRules = BoundRules.TestCase
