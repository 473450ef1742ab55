"""The process of a GenServer: one message, one callback, one next state. Erlang: gen_server's loop."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from enum import Enum
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any, NamedTuple

from actors.errors import BadReturn, CallFailed, CallTimeout, ExitProcess, NameTaken, StartFailed
from actors.gen_server import (
    NOTHING,
    Call,
    Cast,
    Continue,
    GenServer,
    GetState,
    Ignore,
    NoReply,
    Ready,
    Reply,
    Stop,
    Terminate,
    ask,
)
from actors.pid import Pid
from actors.process import IDLE, RUNNING, WAITING, Process
from actors.reference import Reference
from actors.signals import KILL, NORMAL, Crash, Exit
from actors.system import ProcessSystem, current_process, current_system, process_context

SLICE = 64  # messages a server may take before the next process's turn

Started = Pid | Ignore | StartFailed
"""What a start comes to. A supervisor needs the outcome as data; start_link raises StartFailed."""


class Stage(Enum):
    """Of a server's life: terminate is called once, and only for one that has started."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


class _Failed(NamedTuple):
    reason: Any


class ServerProcess(Reference, Process):
    """Runs a GenServer's callbacks, one at a time."""

    __slots__ = ("answer", "server", "stage", "state")

    def __init__(self, system: ProcessSystem, server: GenServer[Any], parent: Process) -> None:
        super().__init__(system, type(server).__name__, parent)
        self.server = server
        self.state: Any = None
        self.stage = Stage.STARTING
        self.answer: Started | asyncio.Future[Started] | None = None
        self.trap_exit = server.trap_exit
        server._myRef = self  # noqa: SLF001 (Thespian's way to hand an actor its reference)

    # Start

    def start(self, args: tuple[Any, ...]) -> "Started | asyncio.Future[Started]":
        """Run init. The answer at once, or a future of it if init waits."""
        system = self.system
        self.phase = RUNNING
        outer, system.current = system.current, self
        try:
            self._settle(self.server.init(*args), self._initialised)
        except Exception as error:  # noqa: BLE001 (the crash boundary of init)
            self._stop(_reason_of(error))
        finally:
            system.current = outer
        if self.answer is None:
            self.answer = system.loop.create_future()
        answer = self.answer
        if not isinstance(answer, asyncio.Future):
            self.answer = None
        return answer

    def _initialised(self, value: Any) -> None:
        if type(value) is Stop:
            self._stop(value.reason)
        elif type(value) is Ignore:
            self._started(value)
            self._stop(NORMAL)
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
        """Take up to SLICE messages. The hot path: plain outcomes are applied here, the rest in _apply."""
        system = self.system
        system.current = self
        server, mailbox = self.server, self.mailbox
        left = SLICE
        try:
            while left and mailbox:
                left -= 1
                message, _ = mailbox.popleft()
                kind = type(message)
                outcome: Any
                if kind is Cast:
                    outcome = server.handle_cast(message.message, self.state)
                elif kind is Call:
                    outcome = server.handle_call(message.request, message.caller, self.state)
                elif kind in _SYSTEM or (kind is Exit and message.pid is self.parent):
                    if not self._system_message(message):
                        return
                    continue
                else:
                    outcome = server.handle_info(message, self.state)
                if type(outcome) is NoReply and outcome.then is NOTHING:
                    self.state = outcome.state
                elif type(outcome) is Reply and outcome.then is NOTHING and kind is Call:
                    self.state = outcome.state
                    message.caller.reply(outcome.value)
                elif not self._apply(message, outcome):
                    return
                if self.doomed is not None:
                    break
        except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of a server)
            self._stop(_reason_of(error))
            return
        finally:
            system.current = None
        if mailbox or self.doomed is not None:
            self._go_on()
        else:
            self.phase = IDLE

    def _system_message(self, message: Any) -> bool:
        match message:
            case GetState(caller):
                caller.reply(self.state)
                return True
            case Continue(term):
                return self._apply(message, self.server.handle_continue(term, self.state))
            case _:
                self._stop(message.reason)
                return False

    def _apply(self, message: Any, outcome: Any) -> bool:
        """Carry out an outcome; False if the process does not go on with its mailbox now."""
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
                self._stop(reason)
                return False
            case _ if isawaitable(outcome):
                self._settle(outcome, partial(self._resume, message))
                return False
        self._stop(Crash(BadReturn(f"{self.label}, for {type(message).__name__}", outcome)))
        return False

    def _resume(self, message: Any, outcome: Any) -> None:
        """Go on after a callback that waited."""
        if self._apply(message, outcome):
            self._go_on()

    def _then(self, term: Any) -> None:
        if term is not NOTHING:
            self.mailbox.appendleft((Continue(term), None))

    def _go_on(self) -> None:
        if self.doomed is not None:
            self.end(self.doomed)
        else:
            self.rest()

    # Callbacks that wait

    def _settle(self, value: Any, proceed: Any) -> None:
        """proceed(value), or if it is awaitable proceed(what it gives) when it has given it."""
        if self.server.eager and iscoroutine(value):
            value = _begun(value)
        if not isawaitable(value):
            proceed(value)
            return
        self.phase = WAITING
        self.coroutine = self.system.loop.create_task(_guarded(value), context=process_context(self))
        self.coroutine.add_done_callback(partial(self._settled, value, proceed))

    def _settled(self, value: Any, proceed: Any, done: asyncio.Task[Any]) -> None:
        self.coroutine = None
        self.phase = RUNNING
        if done.cancelled() and iscoroutine(value):
            value.close()  # it may never have begun
        if self.doomed is not None:
            self.end(self.doomed)
        elif done.cancelled():
            self._stop(Crash(asyncio.CancelledError("cancelled by code of its own")))
        elif isinstance(result := done.result(), _Failed):
            self._stop(result.reason)
        else:
            proceed(result)

    # End

    def _stop(self, reason: Any) -> None:
        """End with reason, after terminate if the server had started."""
        if self.stage is not Stage.SERVING:
            self.end(reason)
            return
        self.stage = Stage.STOPPING
        system = self.system
        outer, system.current = system.current, self
        try:
            self._settle(self.server.terminate(reason, self.state), lambda _: self.end(reason))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of terminate)
            self.end(_reason_of(error))
        finally:
            system.current = outer

    def end(self, reason: Any) -> None:
        if self.stage is Stage.STARTING:
            starter = self.parent.process if self.parent is not None else None
            if starter is not None:
                self.unlink(starter)  # it learns of the failure by the answer, not by a signal as well
            self._started(StartFailed(self.label, reason))
        super().end(reason)


_SYSTEM = frozenset({GetState, Continue, Terminate})


def _reason_of(error: BaseException) -> Any:
    return error.reason if isinstance(error, ExitProcess) else Crash(error)


async def _guarded(value: Any) -> Any:
    try:
        return await value
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of a server's coroutines)
        return _Failed(_reason_of(error))


def _begun(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine up to its first wait: its value if it has none, else what to await for the rest."""
    try:
        waited = coroutine.send(None)
    except StopIteration as done:
        return done.value
    return _rest(coroutine, waited)


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, Any], waited: Any) -> Generator[Any, Any, Any]:
    try:
        while True:
            try:
                sent = yield waited
            except BaseException as error:  # noqa: BLE001 (a cancellation belongs to the coroutine)
                waited = coroutine.throw(error)
            else:
                waited = coroutine.send(sent)
    except StopIteration as done:
        return done.value


# Starting and stopping


def prepare(server: type[GenServer[Any]], *, name: str | None = None, link: bool = False) -> ServerProcess:
    """A server's process, the calling process's child, before its init. Raises NameTaken, with nothing started."""
    system = current_system()
    owner = system.names.get(name) if name is not None else None
    if name is not None and owner is not None:
        raise NameTaken(name, owner.pid)
    parent = current_process() or system.root
    process = ServerProcess(system, server(), parent)
    if name is not None:
        system.register(name, process)
    if link:
        process.link(parent)
    return process


async def start(
    server: type[GenServer[Any]], *args: Any, name: str | None = None, timeout_s: float | None = None
) -> Pid:
    """Start a server, linked to nobody, and wait for its init. Erlang: gen_server:start/4.

    Raises StartFailed (its reason: Crash(exception) if init raised, the reason of a Stop, IGNORE, or "timeout": then
    the process is killed) and NameTaken.
    """
    return await _started(prepare(server, name=name), args, timeout_s)


async def start_link(
    server: type[GenServer[Any]], *args: Any, name: str | None = None, timeout_s: float | None = None
) -> Pid:
    """start, linked to the calling process, which is its parent. Erlang: gen_server:start_link/4."""
    return await _started(prepare(server, name=name, link=True), args, timeout_s)


async def _started(process: ServerProcess, args: tuple[Any, ...], timeout_s: float | None) -> Pid:
    started = process.start(args)
    if isinstance(started, asyncio.Future):
        try:
            started = await asyncio.wait_for(started, timeout_s)
        except TimeoutError:
            process.exit_signal(process.pid, KILL, linked=False)
            raise StartFailed(process.label, "timeout") from None
    if isinstance(started, StartFailed):
        raise started
    if isinstance(started, Ignore):
        raise StartFailed(process.label, started)
    return started


async def stop(server: Pid | str, reason: Any = NORMAL, timeout_s: float | None = None) -> None:
    """End a server with reason, after its terminate, and return when it has ended. Erlang: gen_server:stop/3.

    Raises CallFailed(NOPROC) if it is dead, CallTimeout if it has not ended within timeout_s.
    """
    try:
        await ask(server, lambda _: Terminate(reason), timeout_s)
    except CallTimeout:
        raise
    except CallFailed as failed:
        if failed.reason != reason:
            raise
