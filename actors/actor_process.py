"""The process of a plain Thespian actor, with Thespian's semantics.

A message whose handling raises is tried RETRIES times in all, behind what came meanwhile; then its sender gets it back
as PoisonMessage. ActorExitRequest ends the actor, and its children unless it is not recursive; its parent gets
ChildActorExited. Exit signals and ExitProcess work on it as on any process.
"""

import traceback
from typing import Any, NamedTuple

from thespian.actors import (
    Actor,
    ActorExitRequest,
    InvalidActorSpecification,
    NoCompatibleSystemForActor,
    PoisonMessage,
)
from thespian.system.utilis import actualActorClass, withPossibleInitArgs

from actors.errors import ExitProcess, StartFailed
from actors.gen_server import GenServer
from actors.log import log
from actors.outcomes import Ignore
from actors.pid import Pid
from actors.process import Process
from actors.reference import Reference
from actors.server_process import ServerProcess
from actors.signals import CRASHES, NORMAL
from actors.system import ProcessSystem

RETRIES = 3


class _Again(NamedTuple):
    """A message that failed before."""

    message: Any
    failures: int


class ActorProcess(Reference):
    """Runs receiveMessage, one message at a time."""

    __slots__ = ("actor",)

    def __init__(self, system: ProcessSystem, actor: Actor, parent: Process) -> None:
        super().__init__(system, type(actor).__name__, parent)
        self.actor = actor
        self.children = None
        actor._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)

    def run(self) -> None:
        system, mailbox = self.system, self.mailbox
        system.current = self
        left = self.allowance
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
        try:
            self.actor.receiveMessage(message, sender)
        except ExitProcess as exit_:
            self.die(exit_.reason)
        except CRASHES as error:
            self._failed(message, sender, failures + 1, error)
        if isinstance(message, ActorExitRequest):
            if not message.isRecursive:
                self.children = None
            self.die(NORMAL)

    def _failed(self, message: Any, sender: Pid, failures: int, error: BaseException) -> None:
        log.warning("actor_failed", pid=str(self.pid), label=self.label, exception=type(error).__name__, try_=failures)
        if isinstance(message, ActorExitRequest):
            return
        if failures < RETRIES:
            self.mailbox.append((_Again(message, failures), sender))
        elif not isinstance(message, PoisonMessage) and sender.process is not None:
            details = "".join(traceback.format_exception(error))
            sender.process.deliver(PoisonMessage(message, details), self.pid)

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

    Raises InvalidActorSpecification for what is no actor class or wants its code loaded from a message (source): this
    system runs only code that was imported. Raises what the actor's __init__ raises.
    """
    if name and (owner := system.names.get(name)) is not None:
        return owner.pid
    if source:
        raise InvalidActorSpecification(actor, "code is never loaded from a source hash here")
    process = _new_process(system, parent, _actor_class(actor), requirements or {})
    if name:
        system.register(name, process)
    if isinstance(parent, Reference):
        parent.adopt(process.pid)
    return process.pid


def _actor_class(actor: type[Actor] | str) -> type[Actor]:
    found = actualActorClass(actor)
    if not (isinstance(found, type) and issubclass(found, Actor)):
        raise InvalidActorSpecification(actor, "expected a subclass of Actor")
    return found


def _new_process(system: ProcessSystem, parent: Process, actor: type[Actor], requirements: dict[str, Any]) -> Process:
    if issubclass(actor, GenServer):
        server = ServerProcess(system, actor(), parent)
        if isinstance(started := server.start(()), StartFailed | Ignore):
            raise InvalidActorSpecification(actor, repr(started))
        return server
    return ActorProcess(system, _instance(system, actor, requirements), parent)


def _instance(system: ProcessSystem, actor: type[Actor], requirements: dict[str, Any]) -> Actor:
    check = getattr(actor, "actorSystemCapabilityCheck", None)
    if check is not None and not check(system.capabilities, requirements):
        raise NoCompatibleSystemForActor(actor, "no system has the capabilities")
    arguments = withPossibleInitArgs(capabilities=system.capabilities, requirements=requirements)
    instance: Actor = arguments.create(actor)
    return instance
