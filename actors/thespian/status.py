"""Answers to Thespian_StatusReq, which Thespian's shell and formatStatus show for an actor and for a system."""

from typing import TYPE_CHECKING, Any

from actors.kernel.pid import Pid
from actors.kernel.thespian_private import Thespian_ActorStatus, Thespian_StatusReq, Thespian_SystemStatus
from actors.system.process_system import ProcessSystem, Root
from actors.system.reference import Reference

if TYPE_CHECKING:
    from actors.thespian.actor_process import ActorProcess


class StatusRoot(Root):
    """The root of a system that runs actors. It gets the messages to Thespian's system address."""

    __slots__ = ()

    def deliver(self, message: Any, sender: Pid | None) -> None:
        if type(message) is Thespian_StatusReq and sender is not None:
            self.system.send(sender, of_system(self.system), self.pid)
        else:
            super().deliver(message, sender)


def of_system(system: ProcessSystem) -> Thespian_SystemStatus:
    status = Thespian_SystemStatus(system.root.pid, capabilities=dict(system.capabilities))
    for process in system.processes.values():
        if isinstance(process, Reference) and process.parent is system.root.pid:
            status.addChild(process.pid)
    for name, process in system.names.items():
        status.addGlobalActor(name, process.pid)
    if system.dead_letters.handler is not None:
        status.setDeadLetterHandler(system.dead_letters.handler.pid)
    return status


def of_actor(process: "ActorProcess") -> Thespian_ActorStatus:
    """Return the status of an actor. receivedMessages has its mailbox; no message ever waits to be sent."""
    status = Thespian_ActorStatus(process.pid, process.label, process.system.root.pid, process.parent)
    for child in process.children or ():
        status.addChild(child)
    status.addWakeups([(process.pid, wakeup.expires) for wakeup in process.wakeups or ()])
    for message, sender in process.waiting():
        status.addReceivedMessage(sender, process.pid, message)
    return status
