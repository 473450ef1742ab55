"""Thespian's createActor: an actor or the system makes the process of a plain actor or of a GenServer."""

from typing import Any

from thespian.actors import Actor, ChildActorExited, InvalidActorSpecification, NoCompatibleSystemForActor

from actors.kernel.errors import SourceRefused, StartFailed
from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.signals import CRASHES
from actors.kernel.thespian_private import actualActorClass, withPossibleInitArgs
from actors.log import log
from actors.server.gen_server import GenServer
from actors.server.outcomes import Ignore
from actors.server.server_process import ServerProcess
from actors.system.process_system import ProcessSystem
from actors.system.reference import Reference
from actors.thespian.actor_process import ActorProcess
from actors.thespian.capabilities import suffice


def create_actor(
    system: ProcessSystem,
    parent: Process,
    actor: type[Actor] | str,
    requirements: dict[str, Any] | None = None,
    name: str | None = None,
    source: str | None = None,
) -> Pid:
    """Create an actor. Return its Pid, or the Pid that has the global name already.

    Raises SourceRefused and ImportError. If the system creates the actor, it also raises InvalidActorSpecification,
    NoCompatibleSystemForActor, and any exception of the actor's __init__. If an actor creates it, the parent gets a Pid
    in any case, and ChildActorExited if the actor did not start.
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
        system.names.register(name, process)
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
