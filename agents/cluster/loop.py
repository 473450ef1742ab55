"""The link of a node to itself, in memory. Its frames are those of any link."""

import asyncio
from typing import Final

from actors import Pid, Task
from agents.cluster.link.handshake import Identity, greeting
from agents.cluster.link.link import Link
from agents.cluster.link.wire import decoded

NO_NONCE: Final = b""


class LinkToItself(Task):
    """The process of both ends. It ends when both are idle for idle_s."""

    def __init__(self, ends: tuple[Link, Link], idle_s: float) -> None:
        self._ends, self._idle_s = ends, idle_s
        self._moved = False

    async def run(self) -> None:
        asking, owning = self._ends
        works = self._move(asking, owning), self._move(owning, asking), self._idle()
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            asking.end()
            owning.end()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _move(self, sender: Link, receiver: Link) -> None:
        while True:
            await sender.ready.wait()
            sender.ready.clear()
            while (frame := sender.take()) is not None:
                messages, _ = decoded(frame)
                for message in messages:
                    receiver.received(message)
            self._moved = True
            await asyncio.sleep(0)

    async def _idle(self) -> None:
        """Return when nothing has moved, and nothing waits, for a while."""
        while True:
            self._moved = False
            await asyncio.sleep(self._idle_s)
            if not self._moved and all(end.idle for end in self._ends):
                return


def loop_link(me: Identity, server: Pid, idle_s: float) -> Link:
    """Return the asking end of a new link. server: the process that gets the requests."""
    hello = greeting(me, NO_NONCE)
    asking, owning = Link(hello, server), Link(hello, server)
    asking.pid = owning.pid = LinkToItself.start((asking, owning), idle_s)
    return asking
