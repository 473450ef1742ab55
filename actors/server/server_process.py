"""The process of a GenServer: one message, one callback, one next state. Erlang: gen_server's loop."""

import asyncio
from enum import Enum
from functools import partial
from typing import Any, Final

from thespian.actors import ActorExitRequest

from actors.kernel.errors import BadReturn, StartFailed
from actors.kernel.pid import Pid
from actors.kernel.process import IDLE, RUNNING, Process
from actors.kernel.signals import CRASHES, NORMAL, SHUTDOWN, Crash, Exit
from actors.server.bounded import keep_to
from actors.server.callback_process import CallbackProcess
from actors.server.callbacks import reason_of, waits
from actors.server.debug import Debug, Observed
from actors.server.dormant import DormantQueue
from actors.server.gen_server import SYSTEM, Call, Cast, Continue, GenServer, SystemMessage
from actors.server.outcomes import NOTHING, After, Error, Hibernate, Ignore, NoReply, Ready, Reply, Stop
from actors.server.status import shown_in_report
from actors.server.suspended import SuspendedQueue
from actors.server.system_messages import answer
from actors.system.process_system import ProcessSystem

Started = Pid | Ignore | StartFailed
"""The result of a start, as data for a supervisor. start_link raises StartFailed instead."""

NOT_INFO: Final = SYSTEM | {Call, Cast, Exit}
"""The types of messages that handle_info may not get. One lookup finds the most frequent kind."""


class Stage(Enum):
    """The stage of a server's life. terminate is called once, and only after a start that succeeded."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


class ServerProcess(CallbackProcess):
    """The process that runs a GenServer's callbacks, one at a time."""

    __slots__ = ("answer", "callbacks", "debug", "dormant", "exits_with", "last", "stage", "state")

    def __init__(self, system: ProcessSystem, server: GenServer[Any], parent: Process, *, link: bool = False) -> None:
        """Make the process of a server that has not started.

        link: the parent's exit signal then ends the server even if it traps exits. Without a link only the server's own
        signal does. Source: gen:init_it/6 (OTP), with `self` as parent.
        """
        super().__init__(system, type(server).__name__, parent)
        self.exits_with = parent.pid if link else self.pid
        self.children = self.wakeups = None
        self.state: Any = None
        self.stage = Stage.STARTING
        self.answer: Started | asyncio.Future[Started] | None = None
        self.trap_exit = server.trap_exit
        self.debug: Debug | None = None
        self.dormant: DormantQueue | None = None
        self.last: Any = NOTHING  # the message of the callback that waits or failed
        self.serve(server)
        keep_to(self, server.bound)
        if link:
            self.link(parent)

    def serve(self, server: GenServer[Any]) -> None:
        """Use the callbacks of this server."""
        server._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)
        self.server = server
        self.callbacks: GenServer[Any] | Observed = Observed(server, self.debug) if self.debug else server
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
        elif type(value) is NoReply or type(value) is Reply:  # an outcome of another callback, and hardly a state
            self.stop(Crash(BadReturn(f"the init of {self.label}", value, "a state or Ready(state, then)")))
        else:
            self.stage = Stage.SERVING
            self.state = value
            if type(value) is Ready:
                self.state = value.state
                self._then(value.then)
            self._started(self.pid)
            self._go_on()

    def _started(self, result: Started) -> None:
        if isinstance(self.answer, asyncio.Future):
            if not self.answer.done():
                self.answer.set_result(result)
        elif self.answer is None:
            self.answer = result

    # Messages

    def run(self) -> None:
        """Take one slice of messages. Plain outcomes are applied here for speed, the others in _apply."""
        system = self.system
        system.current = self
        server, mailbox = self.callbacks, self.mailbox
        allowance = left = self.allowance
        try:
            while left and mailbox and self.doomed is None:
                left -= 1
                message, _ = mailbox.popleft()
                kind = type(message)
                outcome: Any
                if kind not in NOT_INFO:
                    outcome = server.handle_info(message, self.state)
                elif kind is Call:
                    outcome = server.handle_call(message.request, message.caller, self.state)
                elif kind is Cast:
                    outcome = server.handle_cast(message.message, self.state)
                elif kind is Exit and message.pid is not self.exits_with:
                    outcome = server.handle_info(message, self.state)
                elif self._internal(message):
                    continue
                else:
                    return
                given = type(outcome)
                if given is NoReply and outcome.then is NOTHING:
                    self.state = outcome.state
                elif given is Reply and outcome.then is NOTHING and kind is Call:
                    self.state = outcome.state
                    message.caller.reply(outcome.value)
                elif not self._apply(message, outcome):
                    return
        except CRASHES as error:
            self.last = message
            self.stop(reason_of(error))
            return
        finally:
            self.reductions += allowance - left
            system.current = None
        if self.mailbox or self.doomed is not None:
            self._go_on()
        else:
            self.phase = IDLE

    def _internal(self, message: Any) -> bool:
        """Handle a message that is not for a message callback. Return False if the process leaves its slice."""
        match message:
            case SystemMessage(request, caller):
                caller.settle(answer(self, request))
                self._settle_down()
                return False
            case Continue(term):
                return self._apply(message, self.callbacks.handle_continue(term, self.state))
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
        self._go_on()

    def _apply(self, message: Any, outcome: Any) -> bool:
        """Carry out an outcome. Return False if the process does not go on with its mailbox now."""
        match outcome:
            case NoReply(state, then):
                self.state = state
                self._then(then)
                return True
            case Reply(value, state, then) if type(message) is Call:
                self.state = state
                message.caller.reply(value)
                self._then(then)
                return True
            case Stop(reason, state, reply):
                self.state = state
                if reply is not NOTHING and type(message) is Call:
                    message.caller.reply(reply)
                self.last = message
                self.stop(reason)
                return False
            case _ if waits(outcome):
                self.last = message
                self.settle(outcome, partial(self._resume, message))
                return False
        self.last = message
        self.stop(Crash(BadReturn(f"{self.label}, for {type(message).__name__}", outcome)))
        return False

    def _resume(self, message: Any, outcome: Any) -> None:
        """Go on after a callback that waited."""
        self.last = NOTHING
        if self._apply(message, outcome):
            self._go_on()

    def _then(self, term: Any) -> None:
        """Carry out the `then` of an outcome. A message that waits already ends a pause before it begins."""
        if type(term) is Hibernate or type(term) is After:
            if not self.mailbox:
                self.mailbox = self.dormant = DormantQueue(self, term)
        elif term is not NOTHING:
            self.opened().appendleft((Continue(term), None))

    def _go_on(self) -> None:
        if self.doomed is not None:
            self.end(self.doomed[0])
        else:
            self.rest()

    # End

    def shut_down(self) -> None:
        self.exit_signal(self.exits_with, SHUTDOWN, linked=True)

    def stop(self, reason: Any) -> None:
        """End with reason, after terminate if the server had started and no signal has ended it."""
        if self.doomed is not None or self.stage is not Stage.SERVING:
            self.end(reason if self.doomed is None else self.doomed[0])
            return
        self.stage = Stage.STOPPING
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
        if self.stage is Stage.STARTING:
            if self.parent is not None and self.parent.process is not None:
                self.unlink(self.parent.process)  # the answer tells it of the failure, so no signal must
            self._started(StartFailed(self.label, reason))
        super().end(reason)

    def last_words(self, reason: Any) -> dict[str, str]:
        return shown_in_report(self, self.last, reason)
