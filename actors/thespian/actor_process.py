"""The process of a plain Thespian actor, with Thespian's semantics.

If receiveMessage raises, the message is tried RETRIES times in all, each time after the messages that wait. Then its
sender gets it back as PoisonMessage. SystemExit ends this actor only. ActorExitRequest ends the actor and, if it is
recursive, its children; the parent gets ChildActorExited.

A parent's shutdown reaches the actor as ActorExitRequest, so that it can clean up. Other exit signals and ExitProcess
work as on any process. The process answers Thespian_StatusReq for the actor.
"""

import traceback
from collections.abc import Iterator
from typing import Any, NamedTuple

from thespian.actors import (
    Actor,
    ActorExitRequest,
    PoisonMessage,
    ThespianWatch,
)

from actors.kernel.errors import ExitProcess
from actors.kernel.pid import Pid
from actors.kernel.process import DEAD, IDLE, Process
from actors.kernel.signals import CRASHES, NORMAL, Crash, orderly
from actors.kernel.thespian_private import Thespian_StatusReq
from actors.log import log
from actors.system.process_system import ProcessSystem
from actors.system.reference import Reference
from actors.thespian import status
from actors.thespian.capabilities import suffice
from actors.thespian.watch import Watch

RETRIES = 3


class _Retry(NamedTuple):
    """A message whose handling has raised."""

    message: Any
    failures: int


class _ShutDown(NamedTuple):
    """The parent's exit signal. The actor gets an ActorExitRequest instead, and ends with the signal's reason."""

    reason: Any


class ActorProcess(Reference):
    """The process that runs receiveMessage, one message at a time. requirements: those given to createActor."""

    __slots__ = ("actor", "files", "requirements")

    def __init__(
        self, system: ProcessSystem, actor: Actor, parent: Process, requirements: dict[str, Any] | None = None
    ) -> None:
        super().__init__(system, type(actor).__name__, parent)
        self.actor = actor
        self.requirements = requirements
        self.files: Watch | None = None
        self.children = self.wakeups = None
        actor._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)

    def run(self) -> None:
        system, mailbox = self.system, self.mailbox
        system.current = self
        allowance = left = self.allowance
        try:
            while left and mailbox and self.doomed is None:
                left -= 1
                message, sender = mailbox.popleft()
                self._receive(message, sender or system.root.pid)
        finally:
            self.reductions += allowance - left
            system.current = None
        if self.doomed is not None:
            self.end(self.doomed[0])
        else:
            self.rest()

    def _receive(self, message: Any, sender: Pid) -> None:
        failures, reason = 0, NORMAL
        if type(message) is _Retry:
            message, failures = message
        elif type(message) is _ShutDown:
            message, reason = ActorExitRequest(), message.reason
        elif type(message) is Thespian_StatusReq:
            self.actor_send(sender, status.of_actor(self))
            return
        try:
            result = self.actor.receiveMessage(message, sender)
            if result is not None or self.files is not None:
                self._wait_for(result)
        except ExitProcess as exit_:
            self.die(exit_.reason)
        except SystemExit as left:
            self.die(Crash(left) if left.code else NORMAL)
        except CRASHES as error:
            self._failed(message, sender, failures + 1, error)
        if isinstance(message, ActorExitRequest):
            if not message.isRecursive:
                self.children = None
            self.die(reason)

    def _wait_for(self, result: Any) -> None:
        if self.files is not None:
            self.files.close()
            self.files = None
        if isinstance(result, ThespianWatch):
            self.files = Watch(self, result.filenos)

    def _failed(self, message: Any, sender: Pid, failures: int, error: BaseException) -> None:
        log.warning("actor_failed", pid=str(self.pid), label=self.label, exception=type(error).__name__, try_=failures)
        if isinstance(message, ActorExitRequest):
            return
        if failures < RETRIES:
            self.mailbox.append((_Retry(message, failures), sender))
        elif not isinstance(message, PoisonMessage):
            details = "".join(traceback.format_exception(error))
            self.actor_send(sender, PoisonMessage(message, details))

    def check_capabilities(self) -> None:
        """Ask the actor to exit if the system lacks a capability it needs. Its parent gets ChildActorExited."""
        if not suffice(self.system.capabilities, type(self.actor), self.requirements):
            self.deliver(ActorExitRequest(), self.system.root.pid)

    def exit_signal(self, sender: Pid, reason: Any, *, linked: bool) -> None:
        asks = sender is self.parent and orderly(reason) and reason is not NORMAL
        if asks and self.phase != DEAD and not self.trap_exit:
            self._ask_to_exit(reason)
        else:
            super().exit_signal(sender, reason, linked=linked)

    def _ask_to_exit(self, reason: Any) -> None:
        """Put the request in front of all waiting messages, since a signal does not wait for messages."""
        if self.phase == IDLE:
            self.deliver(_ShutDown(reason), self.parent)
        else:
            self.opened().appendleft((_ShutDown(reason), self.parent))

    def end(self, reason: Any) -> None:
        """End the process. Messages that wait for a retry become dead letters in their first form; signals do not."""
        if self.files is not None:
            self.files.close()
        for _ in range(len(self.mailbox)):
            message, sender = self.mailbox.popleft()
            if type(message) is not _ShutDown:
                self.mailbox.append((_as_sent(message), sender))
        super().end(reason)

    def waiting(self) -> Iterator[tuple[Any, Pid | None]]:
        """Yield the messages of the mailbox in the form that the actor gets, each with its sender."""
        for message, sender in self.mailbox:
            yield _as_sent(message), sender


def _as_sent(message: Any) -> Any:
    match message:
        case _Retry(failed):
            return failed
        case _ShutDown():
            return ActorExitRequest()
    return message
