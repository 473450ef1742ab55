"""GenServer: callbacks take the state and return the next one. Erlang: gen_server.

    class Add(Struct, Request[int], frozen=True):
        n: int

    class Counter(GenServer[int]):
        def init(self, start: int) -> int:
            return start

        def handle_call(self, request: Add, caller: Caller, count: int) -> Reply[int]:
            return Reply(count + request.n, count + request.n)

    pid = await start_link(Counter, 0)
    total = await call(pid, Add(2))      # an int: see Request

A callback may be `async def`: the process takes no messages until it has ended, and an exit signal cancels it. An
exception in a callback ends the process with Crash; nothing is retried. A callback runs on the loop and must not block.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar, overload

from msgspec import Struct
from thespian.actors import Actor, ActorExitRequest

from actors.kernel.address import Address
from actors.kernel.bound import Bound
from actors.kernel.errors import OTHER_LOOP, CallFailed, CallTimeout
from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process
from actors.kernel.signals import NOPROC
from actors.server.outcomes import Error, Ignore, Next, NoReply, Outcome, Ready, Stop
from actors.server.request import Request
from actors.system.current import current_process, current_system, known_system, named_system, system_of, turning
from actors.system.process_system import CALL_TIMEOUT_S

if TYPE_CHECKING:
    from actors.server.status import Status

R = TypeVar("R")
S = TypeVar("S")

_turning = turning.get  # bound once: looking the method up makes an object at every call


class Caller(Ref, frozen=True, eq=False, gc=True, kw_only=True):
    """A caller that waits for a reply. handle_call gets it, and `reply` needs it for a later answer."""

    future: asyncio.Future[Any]
    server: Process
    pid: Pid | None

    def reply(self, value: Any) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def settle(self, result: Any) -> None:
        """Reply with result, or raise it in the caller if it is a CallFailed."""
        if isinstance(result, CallFailed) and not self.future.done():
            self.future.set_exception(result)
        self.reply(result)

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        if not self.future.done():
            self.future.set_exception(CallFailed(pid, reason))

    def expire(self, timeout_s: float) -> None:
        if not self.future.done():
            self.future.set_exception(CallTimeout(self.server.pid, timeout_s))


class Call(Struct, frozen=True, gc=False):
    request: Any
    caller: Caller


class Cast(Struct, frozen=True, gc=False):
    message: Any


class SystemMessage(Struct, frozen=True, gc=False):
    """A system message. Even a suspended server answers it. Erlang: {system, From, Request}."""

    request: Any
    caller: Caller


class Continue(Struct, frozen=True, gc=False):
    """System message: handle_continue(term)."""

    term: Any


class Terminate(Struct, frozen=True, gc=False):
    """System message: end with reason. Erlang: sys:terminate/2."""

    reason: Any


SYSTEM: Final = frozenset({SystemMessage, Continue, Terminate, ActorExitRequest})
"""The types of messages that a server handles without a callback for messages."""


class GenServer(Actor, Generic[S]):
    """A process of callbacks; subclass it with those you need. trap_exit: handle_info gets exit signals as Exit."""

    trap_exit: ClassVar[bool] = False
    bound: ClassVar[Bound | None] = None
    """The bound of the mailbox, unless the start gives another."""
    version: ClassVar[Any] = None
    """The version of the code. code_change gets that of the class that ran earlier. Erlang: the attribute vsn."""
    eager: ClassVar[bool] = False
    """True: coroutines start on the run queue and become asyncio tasks only at their first wait. This suits callbacks
    that await only calls and starts, since code before the first wait runs outside any asyncio task."""

    def init(self, *args: Any, **kwargs: Any) -> S | Ready[S] | Stop[Any] | Error | Ignore | Awaitable[Any]:
        """Return the first state, Ready, IGNORE, Error or Stop(reason, None). The starter waits for it.

        args: those of the start. For a type checker, a subclass may name its own in place of *args and **kwargs.
        """
        raise AssertionError(f"{type(self).__name__} has no init")

    def handle_call(self, request: Any, caller: Caller, state: S, /) -> Outcome[S] | Awaitable[Outcome[S]]:
        """Answer a call."""
        raise AssertionError(f"{type(self).__name__} got an unexpected call: {type(request).__name__}")

    def handle_cast(self, message: Any, state: S, /) -> Next[S] | Awaitable[Next[S]]:
        """Handle a cast."""
        raise AssertionError(f"{type(self).__name__} got an unexpected cast: {type(message).__name__}")

    def handle_info(self, message: Any, state: S, /) -> Next[S] | Awaitable[Next[S]]:
        """Handle any other message: Down, Exit, a timer's, a plain send. By default it is dropped."""
        return NoReply(state)

    def handle_continue(self, term: Any, state: S, /) -> Next[S] | Awaitable[Next[S]]:
        """Handle the `then` of the last outcome, before the next message."""
        raise AssertionError(f"{type(self).__name__} got an unexpected continue: {type(term).__name__}")

    def code_change(self, old_version: Any, state: Any, extra: Any, /) -> S:
        """Return the state for this version of the code, made from the old state. See sys.change_code."""
        migrated: S = state
        return migrated

    def format_status(self, status: "Status") -> "Status":
        """Return the status without secrets, for sys.get_status and crash reports.

        A crash report names types only, unless the class has its own format_status: then it shows this result.
        """
        return status

    def terminate(self, reason: Any, state: S, /) -> Awaitable[None] | None:
        """Clean up. Called on Stop, on a crash, and, with trap_exit, on the parent's exit signal."""
        return None

    @property
    def pid(self) -> Pid:
        pid: Pid = self._myRef.pid
        return pid


def send(to: Address, message: Any) -> None:
    """Send to a process or a name. A message to the Pid of an ended process is a dead letter. Erlang: `!`.

    Any thread may send to a Pid: the thread of the process's loop delivers the message. A name or a Via is looked up in
    the calling code's system, which asyncio.to_thread hands on. Raises NoSystem for a name or a Via without a system.
    """
    system = _turning()
    sender = system.current if system is not None else None
    if sender is None or system is None:
        _send_from_coroutine(to, message)
    elif type(to) is Pid and (target := to.process) is not None and target.system is system:  # nearly every send
        target.deliver(message, sender.pid)
    else:
        system.send(to, message, sender.pid)


def _send_from_coroutine(to: Address, message: Any) -> None:
    """Send from a coroutine, or from code outside any process, perhaps in another thread than the loop's."""
    process = current_process()
    target = to.process if isinstance(to, Pid) else None
    if process is not None:
        system, sender = system_of(process), process.pid
    elif not isinstance(to, Pid):
        system, sender = named_system(), None
    elif (own := known_system() or (None if target is None else system_of(target))) is not None:
        system, sender = own, None
    else:
        return  # the process has ended, and no system here counts dead letters
    if target is not None and target.system is system and system.thread == get_ident():
        target.deliver(message, sender)
    else:
        system.send(to, message, sender)


def cast(server: Address, message: Any) -> None:
    """Send a message to handle_cast without waiting. Erlang: gen_server:cast/2."""
    send(server, Cast(message))


@overload
def call(server: Address, request: Request[R], timeout_s: float | None = ...) -> Coroutine[Any, Any, R]: ...
@overload
def call(server: Address, request: Any, timeout_s: float | None = ...) -> Coroutine[Any, Any, Any]: ...
def call(server: Address, request: Any, timeout_s: float | None = CALL_TIMEOUT_S) -> Coroutine[Any, Any, Any]:
    """Send a request and wait for the reply. Erlang: gen_server:call/3.

    request: any value; a Request has the type of its reply. timeout_s: None waits for ever. Raises CallFailed with the
    server's exit reason if the server is dead or dies, and CallTimeout if it does not reply in time.
    """
    return ask(server, partial(Call, request), timeout_s)


async def ask(server: Address, message: Callable[[Caller], Any], timeout_s: float | None) -> Any:
    """Deliver message(caller) and wait for the caller's reply."""
    pid = server if isinstance(server, Pid) else None
    target = pid.process if pid is not None else current_system().find(server)
    asker = current_process()
    if target is None or target is asker:
        raise CallFailed(server, NOPROC if target is None else "a process can't call itself")
    system = system_of(target)
    loop = system.loop
    if system.thread != get_ident():
        raise CallFailed(server, OTHER_LOOP)
    caller = Caller(future=loop.create_future(), server=target, pid=asker.pid if asker is not None else None)
    target.watch(caller, caller)
    target.deliver(message(caller), caller.pid)
    timer = None
    if timeout_s == CALL_TIMEOUT_S:
        system.deadlines.add(caller)
    elif timeout_s is not None:
        timer = loop.call_later(timeout_s, caller.expire, timeout_s)
    try:
        return await caller.future
    finally:
        system.deadlines.waiting.pop(caller, None)
        if timer is not None:
            timer.cancel()
        if target.watchers is not None:
            target.watchers.pop(caller, None)


def reply(caller: Caller, value: Any) -> None:
    """Answer a call that handle_call left open with NoReply; from any thread. Erlang: gen_server:reply/2."""
    system = system_of(caller.server)
    if system.thread == get_ident():
        caller.reply(value)
    else:
        system.hand_in(caller.reply, value)
