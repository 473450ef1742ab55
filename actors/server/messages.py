"""The messages that any GenServer handles: calls, casts and system messages."""

import asyncio
from typing import Any, Final

from msgspec import Struct
from thespian.actors import ActorExitRequest

from actors.kernel.errors import CallFailed, CallTimeout
from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process
from actors.kernel.signals import Exit


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


class SystemRequest(Struct, frozen=True, gc=False):
    """A system message. Even a suspended server answers it. Erlang: {system, From, Request}."""

    request: Any
    caller: Caller


class HandleContinue(Struct, frozen=True, gc=False):
    """System message: handle_continue(term)."""

    term: Any


class Terminate(Struct, frozen=True, gc=False):
    """System message: end with reason. Erlang: sys:terminate/2."""

    reason: Any


SYSTEM: Final = frozenset({SystemRequest, HandleContinue, Terminate, ActorExitRequest})
"""The types of messages that a server handles without a callback for messages."""

NOT_INFO: Final = SYSTEM | {Call, Cast, Exit}
"""The types of messages that handle_info may not get. One lookup finds the most frequent kind."""
