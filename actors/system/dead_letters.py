"""Messages that no process received: counted, kept, and sent to the actor that asked for them."""

from collections import deque
from typing import Any, Final

from thespian.actors import ActorAddress, DeadEnvelope

from actors.kernel.address import Address
from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.signals import NOPROC, DeadLetter, Down, Exit

KEPT: Final = 1000


class DeadLetters(deque[DeadLetter]):
    """The last KEPT dead letters of one system. total: the number of all so far. handler: the actor that gets each."""

    def __init__(self) -> None:
        super().__init__(maxlen=KEPT)
        self.total = 0
        self.handler: Process | None = None

    def add(self, to: Address | ActorAddress, message: Any, sender: Pid | None, reason: Any = NOPROC) -> None:
        self.total += 1
        self.append(DeadLetter(to, message, sender, reason))
        if self.handler is not None:
            address = to if isinstance(to, ActorAddress) else Pid(None)
            self.handler.deliver(DeadEnvelope(address, message), self.handler.system.root.pid)

    def show_to(self, process: Process, *, enable: bool) -> None:
        """Send dead letters to an actor. The last actor that asked gets them. Thespian: Actor.handleDeadLetters."""
        if enable:
            self.handler = process
        elif self.handler is process:
            self.handler = None

    def inherit(self, process: Process) -> None:
        """Add the unread messages of a process that has ended. Signals do not count as letters."""
        self.show_to(process, enable=False)
        for message, sender in process.mailbox:
            if not isinstance(message, Down | Exit):
                self.add(process.pid, message, sender)
        process.mailbox.clear()
