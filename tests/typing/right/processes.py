"""Processes with callbacks, typed requests, supervisors."""

from dataclasses import dataclass
from typing import Any, assert_type

from msgspec import Struct

from actors import (
    After,
    Caller,
    Down,
    GenServer,
    Mailbox,
    NoReply,
    Outcome,
    Pid,
    Ready,
    Reply,
    Request,
    Stop,
    Task,
    call,
    cast,
    start,
)
from supervisors import ChildSpec, DynamicFlags, DynamicSupervisor, Flags, Supervisor, start_supervisor, which_children


class Add(Struct, Request[int], frozen=True):
    n: int


@dataclass(frozen=True)
class Name(Request[str | None]):
    long: bool = False


@dataclass(frozen=True)
class Reset:
    to: int


class Counter(GenServer[int]):
    def init(self, first: int, step: int = 1) -> int:
        return first * step

    def handle_call(self, request: Add | Name, caller: Caller, count: int) -> Reply[int]:
        match request:
            case Add(n):
                return Reply(count + n, count + n)
            case Name():
                return Reply("counter", count)

    def handle_cast(self, reset: Reset, count: int) -> NoReply[int] | Stop[int]:
        return NoReply(reset.to)

    def handle_info(self, down: Down, count: int) -> NoReply[int]:
        return NoReply(count)

    def terminate(self, reason: object, count: int) -> None:
        print(reason, count)


class Slow(GenServer[list[str]]):
    trap_exit = True

    async def init(self) -> Ready[list[str]]:
        return Ready([], After(1.0))

    async def handle_call(self, request: str, caller: Caller, state: list[str]) -> Outcome[list[str]]:
        return Reply(len(state), [*state, request])

    async def handle_info(self, message: object, state: list[str]) -> NoReply[list[str]]:
        return NoReply(state)

    async def handle_continue(self, term: str, state: list[str]) -> NoReply[list[str]]:
        return NoReply([*state, term])

    async def terminate(self, reason: object, state: list[str]) -> None:
        state.clear()


class Job(Task):
    def __init__(self, number: int) -> None:
        self.number = number

    async def run(self) -> None:
        print(self.number)


class Team(Supervisor):
    def tree(self, first: int) -> tuple[Flags, tuple[ChildSpec, ...]]:
        return Flags(), (ChildSpec("counter", Counter, first), ChildSpec("slow", Slow, name="slow"))


class Jobs(DynamicSupervisor):
    def tree(self, most: int) -> tuple[DynamicFlags, ChildSpec]:
        return DynamicFlags(max_children=most), ChildSpec("job", Job)


async def main() -> None:
    pid = await start(Counter, 0, name="counter")
    assert_type(pid, Pid)
    assert_type(await call(pid, Add(2)), int)
    assert_type(await call("counter", Name(), timeout_s=None), str | None)
    assert_type(await call("slow", "any value"), Any)
    cast(pid, Reset(0))
    top = await start_supervisor(Flags(), [ChildSpec("jobs", Jobs, 10)], name="top")
    for child in await which_children(top):
        print(child.id)
    async with Mailbox() as box:
        box.monitor(pid)
