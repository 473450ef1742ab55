"""The methods that Thespian's Actor calls on its process, `_myRef`."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ChildActorExited, WakeupMessage

from actors.kernel.pid import Pid
from actors.kernel.process import DEAD, Process
from actors.kernel.thespian_private import ExpirationTimer, timePeriodSeconds
from actors.system.alone import Alone

if TYPE_CHECKING:
    from actors.system.process_system import ProcessSystem

GRAIN_S = 0.002
"""Added to each wakeup, since uvloop's timers may fire 1.5 ms early. A @transient actor compares the time of its wakeup
with the clock, and asks for no second one."""


@dataclass(slots=True, eq=False)
class Wakeup:
    """A wakeup that an actor has asked for. Only the end of the actor cancels it."""

    message: WakeupMessage
    expires: ExpirationTimer
    timer: asyncio.TimerHandle | None = None


class Reference(Alone, Process):
    """The base of the processes of Thespian actors. A GenServer is such an actor, too.

    children: the actors it made with createActor. They get ActorExitRequest when it ends, and it gets ChildActorExited
    when one of them ends.
    """

    __slots__ = ("children", "wakeups")

    system: "ProcessSystem"
    children: dict[Pid, None] | None
    wakeups: set[Wakeup] | None

    @property
    def address(self) -> Pid:
        return self.pid

    @property
    def globalName(self) -> str | None:  # noqa: N802 (Thespian's name)
        """The global name or None, as on all Thespian bases, although Actor.globalName documents an empty text."""
        return self.name

    def actor_send(self, to: ActorAddress, message: Any) -> None:
        """Send, also to an actor of another system in this OS process."""
        self.system.send(to, message, self.pid)

    def handleDeadLetters(self, address: Pid, enable: bool) -> None:  # noqa: N802 (Thespian's signature)
        self.system.dead_letters.show_to(self, enable=enable)

    def updateCapability(self, name: str, value: Any) -> None:  # noqa: N802 (Thespian's name)
        self.system.updateCapability(name, value)

    def actorSystemShutdown(self) -> None:  # noqa: N802 (Thespian's name)
        self.system.actorSystemShutdown()

    # Children

    def createActor(  # noqa: N802 (Thespian's name)
        self, actor: type[Actor] | str, requirements: dict[str, Any] | None, name: str | None, source: str | None
    ) -> Pid:
        return self.system.create_actor(self, actor, requirements, name, source)

    def adopt(self, child: Pid) -> None:
        self.children = self.children or {}
        self.children[child] = None

    # Wakeups

    def wakeupAfter(self, period: timedelta | float, payload: Any) -> None:  # noqa: N802 (Thespian's name)
        delay_s = timePeriodSeconds(period)
        length = timedelta(seconds=delay_s)
        wakeup = Wakeup(WakeupMessage(length, payload), ExpirationTimer(length))
        wakeup.timer = self.system.loop.call_later(delay_s + GRAIN_S, self._wake_up, wakeup)
        self.wakeups = self.wakeups or set()
        self.wakeups.add(wakeup)

    def _wake_up(self, wakeup: Wakeup) -> None:
        if self.wakeups:
            self.wakeups.discard(wakeup)
            self.deliver(wakeup.message, self.pid)

    # End

    def end(self, reason: Any) -> None:
        if self.phase == DEAD:
            return
        self._cancel_wakeups()
        for child in self.children or ():
            if child.process is not None:
                child.process.deliver(ActorExitRequest(), self.pid)
        super().end(reason)

    def depart(self, reason: Any) -> None:
        super().depart(reason)
        parent = self.parent.process if self.parent is not None else None
        if isinstance(parent, Reference) and parent.children and self.pid in parent.children:
            del parent.children[self.pid]
            parent.deliver(ChildActorExited(self.pid), self.system.root.pid)

    def _cancel_wakeups(self) -> None:
        wakeups, self.wakeups = self.wakeups, None
        for wakeup in wakeups or ():
            if wakeup.timer is not None:
                wakeup.timer.cancel()
