"""AsyncioSystemBase: the process system as a Thespian system base, on the caller's loop or on its own thread.

async with AsyncioSystemBase() as system: ...                # processes on the running loop

asys = ActorSystem(systemBase=AsyncioSystemBase())           # a loop on its own thread, for blocking code
answer = asys.ask(asys.createActor(Greeter), "hello", timeout=1)
total = asys._systemBase.run(call(pid, Add(2)))              # or keep the base and use base.run(coroutine)
"""

import threading
from contextlib import suppress
from datetime import timedelta
from logging.config import dictConfig
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorSystem

from actors.kernel.errors import NoSystem, SourceRefused
from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.signals import NORMAL
from actors.system.current import running_loop
from actors.thespian.actor_process import ActorProcess
from actors.thespian.capabilities import common
from actors.thespian.creating import create_actor
from actors.thespian.external import External
from actors.thespian.status import StatusRoot
from actors.thespian.threaded_system import ThreadedSystem


class AsyncioSystemBase(ThreadedSystem):
    """A process system that Thespian's ActorSystem accepts as its systemBase.

    With `async with` it runs on the running loop. Otherwise the first use by ActorSystem or `run` starts a thread with
    its own loop, until `shutdown`. Other threads may use both kinds at any time.
    """

    root_kind = StatusRoot

    def __init__(
        self,
        system: ActorSystem | None = None,
        logDefs: dict[str, Any] | bool | None = None,  # noqa: N803 (Thespian's)
        *,
        capabilities: dict[str, Any] | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        """Make a base that has not started.

        system, logDefs: the arguments that Thespian's ActorSystem gives to a base. ActorSystem does not pass its
        capabilities to a base that is an object, so give them here. logDefs: for logging.config.dictConfig; None
        changes no logger.
        """
        super().__init__(watchdog_s=watchdog_s)
        self.capabilities = system.capabilities if system is not None else dict(capabilities or {})
        self.capabilities.update(common())
        if isinstance(logDefs, dict):
            dictConfig(logDefs)
        self._external: External | None = None
        self._introduction = threading.Lock()  # held while the main external address is made

    def open(self) -> None:
        super().open()
        self._external = None

    # Called by ActorSystem

    def create_actor(
        self,
        parent: Process,
        actor: type[Actor] | str,
        requirements: dict[str, Any] | None = None,
        name: str | None = None,
        source: str | None = None,
    ) -> Pid:
        return create_actor(self, parent, actor, requirements, name, source)

    def newPrimaryActor(  # noqa: N802 (Thespian's name)
        self, actor: type[Actor] | str, requirements: dict[str, Any] | None, name: str | None, source: str | None
    ) -> Pid:
        return self._do(lambda: self.create_actor(self.root, actor, requirements, name, source))

    def tell(self, to: ActorAddress, message: Any) -> None:
        self._tell(to, message, self._requester())

    def ask(self, to: ActorAddress, message: Any, timeout: timedelta | float | None = None) -> Any:
        """Send, and return the next message that comes to this requester; None after timeout (seconds)."""
        self.tell(to, message)
        return self.listen(timeout)

    def listen(self, timeout: timedelta | float | None = None) -> Any:
        return self._requester().next(timeout)

    def external_clone(self) -> "Private":
        return Private(self, self._do(External, self))

    def _requester(self) -> External:
        with self._introduction:
            if self._external is None:
                self._external = self._do(External, self)
            return self._external

    def _tell(self, to: ActorAddress, message: Any, sender: External) -> None:
        self._hand_in(lambda: self.send(to, message, sender.pid))

    def updateCapability(self, name: str, value: Any = None) -> None:  # noqa: N802 (Thespian's name)
        """Set a capability, or remove it if value is None. Actors that need a removed one are asked to exit."""
        if hasattr(self, "loop") and running_loop() is not self.loop:
            self._do(self.updateCapability, name, value)
            return
        super().updateCapability(name, value)
        for process in tuple(self.processes.values()):
            if isinstance(process, ActorProcess):
                process.check_capabilities()

    def loadActorSource(self, source: Any) -> str:  # noqa: N802 (Thespian's name)
        raise SourceRefused(source)

    def unloadActorSource(self, source_hash: str) -> None:  # noqa: N802 (Thespian's name)
        """Do nothing: no source was loaded, and Thespian ignores unknown hashes."""


class Private:
    """The result of ActorSystem.private(): tell, ask and listen with a separate address, for one more thread."""

    def __init__(self, base: AsyncioSystemBase, external: External) -> None:
        self._base, self._external = base, external

    def tell(self, to: ActorAddress, message: Any) -> None:
        self._base._tell(to, message, self._external)  # noqa: SLF001 (one noun, two addresses)

    def ask(self, to: ActorAddress, message: Any, timeout: timedelta | float | None = None) -> Any:
        self.tell(to, message)
        return self.listen(timeout)

    def listen(self, timeout: timedelta | float | None = None) -> Any:
        return self._external.next(timeout)

    def newPrimaryActor(self, *args: Any) -> Pid:  # noqa: N802 (Thespian's name)
        return self._base.newPrimaryActor(*args)

    def exit_context(self) -> None:
        with suppress(NoSystem):
            self._base._do(self._external.end, NORMAL)  # noqa: SLF001
