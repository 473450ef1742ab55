"""What an actor holds of its own process: the methods that Thespian's Actor calls on `_myRef`."""

from datetime import timedelta
from typing import Any

from thespian.actors import Actor, ActorAddress, WakeupMessage

from actors.pid import Pid
from actors.process import DEAD, Process


class Reference(Process):
    """Mixed into the processes that run Thespian actors, GenServers among them."""

    __slots__ = ()

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
        from actors.actor_process import create_actor

        return create_actor(self.system, self, actor, requirements, name, source)

    def wakeupAfter(self, period: timedelta, payload: Any) -> None:  # noqa: N802 (Thespian's name)
        self.system.loop.call_later(period.total_seconds(), self._wake_up, WakeupMessage(period, payload))

    def _wake_up(self, message: WakeupMessage) -> None:
        if self.phase != DEAD:
            self.deliver(message, self.pid)

    def handleDeadLetters(self, address: Pid, enable: bool) -> None:  # noqa: N802 (Thespian's signature)
        self.system.handle_dead_letters(self, enable=enable)
