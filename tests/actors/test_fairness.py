"""Fairness: a busy process costs the others only its share of turns. benchmarks/ measures their waits."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from thespian.actors import Actor

from actors import (
    AsyncioSystemBase,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    call,
    receive,
    send,
    send_after,
    spawn,
    start,
)
from actors.kernel.scheduler import SLICE
from actors.testing import settled

pytestmark = pytest.mark.usefixtures("system")

SLOW_S = 0.005  # more than a slice


class Diary(GenServer[list[str]]):
    """A server that writes its turns into a shared list."""

    def init(self, diary: list[str]) -> list[str]:
        return diary

    def handle_info(self, message: str, diary: list[str]) -> NoReply[list[str]]:
        if message == "slow":
            time.sleep(SLOW_S)
        diary.append(message)
        return NoReply(diary)

    def handle_call(self, request: Any, caller: Any, diary: list[str]) -> Reply[list[str]]:
        return Reply(len(diary), diary)


class DiaryActor(Actor):
    diary: list[str]

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, list):
            self.diary = message
        elif message == "slow":
            time.sleep(SLOW_S)
            self.diary.append(message)


async def diary_task(diary: list[str]) -> None:
    while True:
        message = await receive()
        time.sleep(SLOW_S)  # noqa: ASYNC251 (it is to block)
        diary.append(message)


async def a_server(system: AsyncioSystemBase, diary: list[str]) -> Pid:
    return await start(Diary, diary)


async def an_actor(system: AsyncioSystemBase, diary: list[str]) -> Pid:
    pid = system.create_actor(system.root, DiaryActor)
    send(pid, diary)
    await settled()
    assert not pid.process.mailbox  # type: ignore[union-attr]
    return pid


async def a_task(system: AsyncioSystemBase, diary: list[str]) -> Pid:
    return spawn(diary_task, diary)


@pytest.mark.parametrize("kind", [a_server, an_actor, a_task])
async def test_slow_handlers_let_the_loop_go_after_each_message(
    kind: Callable[..., Any], system: AsyncioSystemBase
) -> None:
    diary: list[str] = []
    slow = await kind(system, diary)
    for _ in range(10):
        send(slow, "slow")
    while len(diary) < 10:
        before = len(diary)
        await asyncio.sleep(0)
        assert len(diary) - before <= 1


async def test_a_million_queued_messages_cost_another_process_one_slice() -> None:
    diary: list[str] = []
    crowded, other = await start(Diary, diary), await start(Diary, diary)
    for _ in range(1_000_000):
        crowded.process.deliver("queued", None)  # type: ignore[union-attr]
    async with Mailbox() as box:
        for _ in range(20):
            before = len(diary)
            send(other, "other")
            await call(other, "written")
            assert diary.index("other", before) - before <= SLICE
            send_after(0, box.pid, "timer")
            assert await box.receive() == "timer"
    assert diary.count("queued") < 1_000_000
    crowded.process.mailbox.clear()  # type: ignore[union-attr]


async def test_a_slice_grows_while_its_messages_are_quick(system: AsyncioSystemBase) -> None:
    process = (await start(Diary, [])).process
    assert process is not None
    grown = []
    for _ in range(200):
        send(process.pid, "quick")
    while process.mailbox:
        process.run()
        grown.append(process.allowance)
    assert grown == [2, 4, 8, 16, 32, 64, 64, 64, 64]
