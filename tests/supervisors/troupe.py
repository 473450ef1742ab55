"""The children that the tests supervise, and requests that many tests share."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

from actors import (
    IGNORE,
    Caller,
    Down,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Ref,
    Reply,
    Stop,
    cast,
    start_link,
    stop,
)
from supervisors import which_children


@dataclass(frozen=True)
class End:
    """A cast that makes a Worker end with reason."""

    reason: Any


class Worker(GenServer[tuple[Any, ...]]):
    """A server whose state, and whose reply to any call, is its arguments."""

    trap_exit: ClassVar[bool] = False

    def init(self, *args: Any) -> tuple[Any, ...]:
        return args

    def handle_call(self, request: Any, caller: Caller, state: tuple[Any, ...]) -> Reply[tuple[Any, ...]]:
        return Reply(state, state)

    def handle_cast(self, message: End, state: tuple[Any, ...]) -> NoReply[tuple[Any, ...]] | Stop[tuple[Any, ...]]:
        return Stop(message.reason, state)


class Ignoring(Worker):
    def init(self, *args: Any) -> Any:
        return IGNORE


class Script:
    """A start function: each start takes the next outcome; when none is left, the last one again.

    An outcome is START, for a Worker; an exception to raise; or a value to return.
    """

    START: ClassVar[object] = object()

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.starts = 0

    async def __call__(self, *args: Any) -> Any:
        outcome = self.outcomes[min(self.starts, len(self.outcomes) - 1)]
        self.starts += 1
        if isinstance(outcome, Exception):
            raise outcome
        return await start_link(Worker, *args) if outcome is self.START else outcome


START = Script.START


async def end(pid: Pid, reason: Any) -> None:
    """Make a process end with reason from inside, and wait for its end."""
    await stop(pid, reason)


async def pids(supervisor: Pid | str) -> dict[Hashable, Any]:
    """Return the Pids by id, in start order."""
    return {child.id: child.pid for child in reversed(await which_children(supervisor))}


async def exit_reason(box: Mailbox, pid: Pid) -> Any:
    """Wait for the exit signal of a linked process and return its reason."""
    while True:
        message = await box.receive(timeout_s=20)
        if isinstance(message, Exit) and message.pid == pid:
            return message.reason


def tell(pid: Pid, reason: Any) -> None:
    """Cast End(reason) without waiting."""
    cast(pid, End(reason))


async def down_reasons(box: Mailbox, refs: dict[Ref, Any]) -> dict[Any, Any]:
    """Return the exit reasons of monitored processes by the values of refs, in the order of their ends."""
    reasons: dict[Any, Any] = {}
    others = []
    while len(reasons) < len(refs):
        message = await box.receive(timeout_s=20)
        if isinstance(message, Down) and message.ref in refs:
            reasons[refs[message.ref]] = message.reason
        else:
            others.append(message)
    for message in others:
        box.put(message)
    return reasons
