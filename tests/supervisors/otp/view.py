"""The view of a tree of supervisors: it waits until the tree has settled, and returns the tree."""

import asyncio
from collections import Counter
from typing import Any

from actors import CallFailed, Exit, Mailbox, Pid
from supervisors import count_children, which_children
from tests.supervisors.otp.script import TOP
from tests.supervisors.otp.stage import Stage


class View:
    """The view of one script. exit_reason: that of the top supervisor, after its end."""

    def __init__(self, box: Mailbox, stage: Stage) -> None:
        self.box, self.stage = box, stage
        self.exit_reason: Any = None

    async def settled(self) -> list[Any]:
        """Wait until every living process is a child that its supervisor lists. Return the answers to the steps."""
        answers: list[Any] = []
        while True:
            while not await self._quiet():  # noqa: ASYNC110 (no event tells it)
                await asyncio.sleep(0)
            if not self.stage.asked:
                return answers
            asked, self.stage.asked = self.stage.asked, []
            answers += [await answer for answer in asked]

    async def _quiet(self) -> bool:
        return Counter(await self._listed(self.stage.pids.get(TOP))) == Counter(self.stage.living())

    async def _listed(self, place: Any) -> list[Any]:
        """Return a process and those below it, with dead and restarting children."""
        if place is None or (place == self.stage.pids.get(TOP) and not place.alive):
            return []
        if place not in self.stage.supervisors:
            return [place]
        try:
            children = await which_children(place)
        except CallFailed:
            return ["ended"]
        return [place, *[pid for child in children for pid in await self._listed(child.pid)]]

    async def top(self) -> Any:
        pid = self.stage.pids.get(TOP)
        if pid is None:
            return "nobody"
        if not pid.alive:
            return ["dead", await self._exit_reason(pid)]
        return [await self.count(pid), await self.which(pid), *await self._below(pid)]

    def top_lives(self) -> bool:
        pid = self.stage.pids.get(TOP)
        return pid is not None and pid.alive

    async def count(self, sup: Pid) -> list[int]:
        """Return the counts, for a dynamic supervisor without the active children.

        OTP's number of these is too low after a cancelled restart.
        """
        counts = await count_children(sup)
        return [counts.specs, counts.supervisors, counts.workers] if sup in self.stage.simple else list(counts)

    async def which(self, sup: Pid) -> list[Any]:
        """Return the children; those of a dynamic supervisor have no order, so they are sorted."""
        children = [
            ["undefined" if child.id is None else child.id, self.stage.tag(child.pid), str(child.type)]
            for child in await which_children(sup)
        ]
        return sorted(children) if sup in self.stage.simple else children

    async def _below(self, sup: Pid) -> list[Any]:
        return [
            ["undefined" if child.id is None else child.id, await self.which(child.pid), *await self._below(child.pid)]
            for child in await which_children(sup)
            if isinstance(child.pid, Pid) and child.pid in self.stage.supervisors
        ]

    async def _exit_reason(self, pid: Pid) -> Any:
        while self.exit_reason is None:
            message = await self.box.receive()
            if isinstance(message, Exit) and message.pid == pid:
                self.exit_reason = self.stage.why(message.reason)
        return self.exit_reason
