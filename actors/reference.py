"""What an actor holds of its own process: the methods that Thespian's Actor calls on `_myRef`."""

from datetime import timedelta
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ChildActorExited, WakeupMessage

from actors.pid import Pid
from actors.process import DEAD, Process


class Reference(Process):
    """The ground of the processes that run Thespian actors, GenServers among them.

    children: what the actor made with createActor. They are asked to exit when it ends, and it is told when one has.
    """

    __slots__ = ("children",)

    children: dict[Pid, None] | None

    @property
    def address(self) -> Pid:
        return self.pid

    @property
    def globalName(self) -> str:  # noqa: N802 (Thespian's name)
        return self.names[0] if self.names else ""

    def actor_send(self, to: ActorAddress, message: Any) -> None:
        self.system.send(to, message, self.pid)

    def createActor(  # noqa: N802 (Thespian's name)
        self, actor: type[Actor] | str, requirements: dict[str, Any] | None, name: str | None, source: str | None
    ) -> Pid:
        return self.system.create_actor(self, actor, requirements, name, source)

    def adopt(self, child: Pid) -> None:
        self.children = self.children or {}
        self.children[child] = None

    def wakeupAfter(self, period: timedelta, payload: Any) -> None:  # noqa: N802 (Thespian's name)
        self.system.loop.call_later(period.total_seconds(), self._wake_up, WakeupMessage(period, payload))

    def _wake_up(self, message: WakeupMessage) -> None:
        if self.phase != DEAD:
            self.deliver(message, self.pid)

    def handleDeadLetters(self, address: Pid, enable: bool) -> None:  # noqa: N802 (Thespian's signature)
        self.system.handle_dead_letters(self, enable=enable)

    def end(self, reason: Any) -> None:
        if self.phase == DEAD:
            return
        for child in self.children or ():
            if child.process is not None:
                child.process.deliver(ActorExitRequest(), self.pid)
        super().end(reason)
        parent = self.parent.process if self.parent is not None else None
        if isinstance(parent, Reference) and parent.children and self.pid in parent.children:
            del parent.children[self.pid]
            parent.deliver(ChildActorExited(self.pid), self.system.root.pid)
