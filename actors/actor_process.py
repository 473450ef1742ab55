"""The process of a plain Thespian actor, with Thespian's semantics.

A message whose handling raises is tried RETRIES times in all, behind what came meanwhile; then its sender gets it back
as PoisonMessage. ActorExitRequest ends the actor, and its children unless it is not recursive; its parent gets
ChildActorExited. A parent that shuts it down asks it with ActorExitRequest, so that it can clean up; other exit signals
and ExitProcess work on it as on any process. Thespian_StatusReq is answered for it.
"""

import traceback
from typing import Any, NamedTuple

from thespian.actors import (
    Actor,
    ActorExitRequest,
    ChildActorExited,
    InvalidActorSpecification,
    NoCompatibleSystemForActor,
    PoisonMessage,
)
from thespian.system.messages.status import Thespian_StatusReq
from thespian.system.utilis import actualActorClass, withPossibleInitArgs

from actors import status
from actors.capabilities import suffice
from actors.errors import ExitProcess, SourceRefused, StartFailed
from actors.gen_server import GenServer, Ignore
from actors.log import log
from actors.pid import Pid
from actors.process import IDLE, Process
from actors.reference import Reference
from actors.server_process import ServerProcess
from actors.signals import CRASHES, NORMAL, orderly
from actors.system import ProcessSystem

SLICE = 64
RETRIES = 3


class _Again(NamedTuple):
    """A message that failed before."""

    message: Any
    failures: int


class _ShutDown(ActorExitRequest):
    """The parent's exit signal, as the request that an actor knows: it ends with the signal's reason."""

    def __init__(self, reason: Any) -> None:
        super().__init__()
        self.reason = reason


class ActorProcess(Reference):
    """Runs receiveMessage, one message at a time. requirements: what createActor was asked for, of the system."""

    __slots__ = ("actor", "requirements")

    def __init__(
        self, system: ProcessSystem, actor: Actor, parent: Process, requirements: dict[str, Any] | None = None
    ) -> None:
        super().__init__(system, type(actor).__name__, parent)
        self.actor = actor
        self.requirements = requirements
        self.children = self.wakeups = None
        actor._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)

    def run(self) -> None:
        system, mailbox = self.system, self.mailbox
        system.current = self
        left = SLICE
        try:
            while left and mailbox and self.doomed is None:
                left -= 1
                message, sender = mailbox.popleft()
                self._receive(message, sender or system.root.pid)
        finally:
            system.current = None
        if self.doomed is not None:
            self.end(self.doomed[0])
        else:
            self.rest()

    def _receive(self, message: Any, sender: Pid) -> None:
        failures = 0
        if type(message) is _Again:
            message, failures = message
        elif type(message) is Thespian_StatusReq:
            self.actor_send(sender, status.of_actor(self))
            return
        try:
            self.actor.receiveMessage(message, sender)
        except ExitProcess as exit_:
            self.die(exit_.reason)
        except CRASHES as error:
            self._failed(message, sender, failures + 1, error)
        if isinstance(message, ActorExitRequest):
            if not message.isRecursive:
                self.children = None
            self.die(message.reason if type(message) is _ShutDown else NORMAL)

    def _failed(self, message: Any, sender: Pid, failures: int, error: BaseException) -> None:
        log.warning("actor_failed", pid=str(self.pid), label=self.label, exception=type(error).__name__, try_=failures)
        if isinstance(message, ActorExitRequest):
            return
        if failures < RETRIES:
            self.mailbox.append((_Again(message, failures), sender))
        elif not isinstance(message, PoisonMessage):
            details = "".join(traceback.format_exception(error))
            self.actor_send(sender, PoisonMessage(message, details))

    def check_capabilities(self) -> None:
        """Ask it to exit if the system no longer has what it needs. Its parent is told, and may create another."""
        if not suffice(self.system.capabilities, type(self.actor), self.requirements):
            self.deliver(ActorExitRequest(), self.system.root.pid)

    def exit_signal(self, sender: Pid, reason: Any, *, linked: bool) -> None:
        if sender is self.parent and orderly(reason) and reason is not NORMAL and not self.trap_exit:
            self._ask_to_exit(reason)
        else:
            super().exit_signal(sender, reason, linked=linked)

    def _ask_to_exit(self, reason: Any) -> None:
        """Before what waits in the mailbox: a signal is not held up by messages."""
        if self.phase == IDLE:
            self.deliver(_ShutDown(reason), self.parent)
        else:
            self.mailbox.appendleft((_ShutDown(reason), self.parent))

    def end(self, reason: Any) -> None:
        """What waits to be tried again is a dead letter as it was sent."""
        for _ in range(len(self.mailbox)):
            message, sender = self.mailbox.popleft()
            self.mailbox.append((message.message if type(message) is _Again else message, sender))
        super().end(reason)


def create_actor(
    system: ProcessSystem,
    parent: Process,
    actor: type[Actor] | str,
    requirements: dict[str, Any] | None = None,
    name: str | None = None,
    source: str | None = None,
) -> Pid:
    """Thespian's createActor, for actors and GenServers: the new one's Pid, or the Pid that has the global name.

    Raises SourceRefused and ImportError. When it is the system itself that creates, it raises whatever else is wrong:
    InvalidActorSpecification, NoCompatibleSystemForActor, what the actor's __init__ raises. An actor that creates gets
    the Pid in any case, and ChildActorExited when nothing could be started.
    """
    if name and (owner := system.names.get(name)) is not None:
        return owner.pid
    if source:
        raise SourceRefused(actor)
    if not isinstance(parent, Reference):
        return _created(system, parent, actor, requirements, name)
    try:
        pid = _created(system, parent, actor, requirements, name)
    except ImportError:
        raise
    except CRASHES as error:
        return _stillborn(parent, actor, error)
    parent.adopt(pid)
    return pid


def _created(
    system: ProcessSystem,
    parent: Process,
    actor: type[Actor] | str,
    requirements: dict[str, Any] | None,
    name: str | None,
) -> Pid:
    found = _actor_class(actor)
    if not suffice(system.capabilities, found, requirements):
        raise NoCompatibleSystemForActor(actor, "no system has the capabilities")
    process = _new_process(system, parent, found, requirements)
    if name:
        system.register(name, process)
    return process.pid


def _stillborn(parent: Reference, actor: type[Actor] | str, error: BaseException) -> Pid:
    pid = Pid(None)
    label = actor if isinstance(actor, str) else getattr(actor, "__name__", repr(actor))
    log.warning("actor_not_created", pid=str(pid), label=label, exception=type(error).__name__)
    parent.deliver(ChildActorExited(pid), parent.system.root.pid)
    return pid


def _actor_class(actor: type[Actor] | str) -> type[Actor]:
    found = actualActorClass(actor)
    if not (isinstance(found, type) and issubclass(found, Actor)):
        raise InvalidActorSpecification(actor, "expected a subclass of Actor")
    return found


def _new_process(
    system: ProcessSystem, parent: Process, actor: type[Actor], requirements: dict[str, Any] | None
) -> Process:
    if issubclass(actor, GenServer):
        server = ServerProcess(system, actor(), parent)
        if isinstance(started := server.start(()), StartFailed | Ignore):
            raise InvalidActorSpecification(actor, repr(started))
        return server
    arguments = withPossibleInitArgs(capabilities=system.capabilities, requirements=requirements)
    return ActorProcess(system, arguments.create(actor), parent, requirements)
