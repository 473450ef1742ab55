"""The process of a GenServer: its start, its system messages and its end. Erlang: gen:init_it/6, sys, terminate."""

import asyncio
from enum import Enum
from typing import Any

from thespian.actors import ActorExitRequest

from actors.kernel.errors import StartFailed
from actors.kernel.pid import Pid
from actors.kernel.process import RUNNING, Process
from actors.kernel.signals import CRASHES, NORMAL, SHUTDOWN, Crash, Exit
from actors.server.bounded import keep_to
from actors.server.callbacks import reason_of
from actors.server.debug import Debug, Observed
from actors.server.gen_server import GenServer
from actors.server.message_loop import MessageLoop
from actors.server.messages import HandleContinue, SystemRequest
from actors.server.outcomes import NOTHING, Error, Ignore, Ready, Stop
from actors.server.status import shown_in_report
from actors.server.suspended import SuspendedQueue
from actors.server.system_messages import answer
from actors.system.process_system import ProcessSystem

Started = Pid | Ignore | StartFailed
"""The result of a start, as data for a supervisor. start_link raises StartFailed instead."""


class LifeStage(Enum):
    """The stage of a server's life. terminate is called once, and only after a start that succeeded."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


class ServerProcess(MessageLoop):
    """The process that runs a GenServer's callbacks, one at a time."""

    __slots__ = ("answer", "debug", "stage")

    def __init__(self, system: ProcessSystem, server: GenServer[Any], parent: Process, *, link: bool = False) -> None:
        """Make the process of a server that has not started.

        link: the parent's exit signal then ends the server even if it traps exits. Without a link only the server's own
        signal does. Source: gen:init_it/6 (OTP), with `self` as parent.
        """
        super().__init__(system, type(server).__name__, parent)
        self.exits_with = parent.pid if link else self.pid
        self.children = self.wakeups = None
        self.state = None
        self.stage = LifeStage.STARTING
        self.answer: Started | asyncio.Future[Started] | None = None
        self.trap_exit = server.trap_exit
        self.debug: Debug | None = None
        self.dormant = None
        self.last = NOTHING
        self.serve(server)
        keep_to(self, server.bound)
        if link:
            self.link(parent)

    def serve(self, server: GenServer[Any]) -> None:
        """Use the callbacks of this server."""
        server._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)
        self.server = server
        self.callbacks = Observed(server, self.debug) if self.debug else server
        self.label = type(server).__name__

    # Start

    def start(self, args: tuple[Any, ...]) -> "Started | asyncio.Future[Started]":
        """Run init. Return the result, or a future of it if init waits."""
        system = self.system
        self.phase = RUNNING
        outer, system.current = system.current, self
        try:
            self.settle(self.server.init(*args), self._initialised)
        except CRASHES as error:
            self.stop(reason_of(error))
        except BaseException as error:  # the program ends, and must not wait for a server that has not started
            self.end(Crash(error))
            raise
        finally:
            system.current = outer
        if self.answer is None:
            self.answer = system.loop.create_future()
        answer = self.answer
        if not isinstance(answer, asyncio.Future):
            self.answer = None
        return answer

    def _initialised(self, value: Any) -> None:
        if type(value) is Stop or self.doomed is not None:
            self.stop(value.reason if type(value) is Stop else NORMAL)
        elif type(value) is Ignore or type(value) is Error:
            self._started(value if type(value) is Ignore else StartFailed(self.label, value.reason))
            self.stop(NORMAL)
        else:
            self.stage = LifeStage.SERVING
            self.state = value
            if type(value) is Ready:
                self.state = value.state
                self.then(value.then)
            self._started(self.pid)
            self.go_on()

    def _started(self, result: Started) -> None:
        if isinstance(self.answer, asyncio.Future):
            if not self.answer.done():
                self.answer.set_result(result)
        elif self.answer is None:
            self.answer = result

    # Messages

    def internal(self, message: Any) -> bool:
        """Handle a message that is not for a message callback. Return False if the process leaves its slice."""
        match message:
            case SystemRequest(request, caller):
                caller.settle(answer(self, request))
                self._settle_down()
                return False
            case Exit() if message.pid is not self.exits_with:
                return self.apply(message, self.callbacks.handle_info(message, self.state))
            case HandleContinue(term):
                return self.apply(message, self.callbacks.handle_continue(term, self.state))
            case ActorExitRequest():
                if not message.isRecursive:
                    self.children = None
                self.stop(NORMAL)
                return False
            case _:
                self.stop(message.reason)
                return False

    def _settle_down(self) -> None:
        """Go on after a system message, which may have replaced the mailbox."""
        if self.dormant is not None and not isinstance(self.mailbox, SuspendedQueue):
            if self.mailbox:
                self.dormant.wake()
            else:
                self.mailbox = self.dormant
        self.go_on()

    # End

    def shut_down(self) -> None:
        self.exit_signal(self.exits_with, SHUTDOWN, linked=True)

    def stop(self, reason: Any) -> None:
        """End with reason, after terminate if the server had started and no signal has ended it."""
        if self.doomed is not None or self.stage is not LifeStage.SERVING:
            self.end(reason if self.doomed is None else self.doomed[0])
            return
        self.stage = LifeStage.STOPPING
        system = self.system
        outer, system.current = system.current, self
        try:
            self.settle(self.server.terminate(reason, self.state), lambda _: self.end(reason))
        except CRASHES as error:
            self.end(reason_of(error))
        except BaseException as error:
            self.end(Crash(error))
            raise
        finally:
            system.current = outer

    def end(self, reason: Any) -> None:
        if self.stage is LifeStage.STARTING:
            if self.parent is not None and self.parent.process is not None:
                self.unlink(self.parent.process)  # the answer tells it of the failure, so no signal must
            self._started(StartFailed(self.label, reason))
        super().end(reason)

    def last_words(self, reason: Any) -> dict[str, str]:
        return shown_in_report(self, self.last, reason)
