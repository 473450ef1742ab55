"""The events of a running server, traced, logged and counted. Erlang: sys's debug functions.

While any debug function is on, an Observed wraps the server's callbacks. A server without one pays nothing.
"""

from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from actors.kernel.signals import CRASHES
from actors.log import log
from actors.server.outcomes import NoReply, Reply, Stop

if TYPE_CHECKING:
    from actors.kernel.pid import Pid
    from actors.server.gen_server import GenServer
    from actors.server.messages import Caller


class Received(Struct, frozen=True):
    """A server took a message from its mailbox. Erlang: {in, Msg}."""

    message: Any


class Replied(Struct, frozen=True):
    """A server replied to a call. state: the next state. Erlang: {out, Reply, To, State}."""

    value: Any
    to: "Pid | None"
    state: Any


class Served(Struct, frozen=True):
    """A callback ended without a reply. state: the next state. Erlang: {noreply, State}."""

    state: Any


class Stopped(Struct, frozen=True):
    """A callback returned Stop. Erlang: {terminate, Reason, State}."""

    reason: Any
    state: Any


Event: TypeAlias = Received | Replied | Served | Stopped


class Statistics(Struct, frozen=True):
    """The counts since they were turned on. messages_out: replies only, as in OTP."""

    seconds: float
    messages_in: int
    messages_out: int


class Debug:
    """The debug functions of one server. functions: called with each event, by name."""

    def __init__(self, label: str, pid: "Pid") -> None:
        self._label, self._pid = label, pid
        self.functions: dict[Any, Callable[[Event], None]] = {}
        self.events: deque[Event] | None = None
        self._counted_from: float | None = None
        self._in = self._out = 0

    def __bool__(self) -> bool:
        return bool(self.functions)

    def record(self, event: Event) -> None:
        """Call each function with the event. A function that raises is removed, as in sys:handle_debug/4 (OTP)."""
        for name, function in tuple(self.functions.items()):
            try:
                function(event)
            except CRASHES as error:
                del self.functions[name]
                log.warning("debug_function_failed", pid=str(self._pid), exception=type(error).__name__)

    def trace(self, on: bool) -> None:
        self.install("trace", self._trace if on else None)

    def log(self, length: int) -> None:
        """Keep the last `length` events; 0 keeps none."""
        self.events = deque(self.events or (), maxlen=length) if length else None
        self.install("log", self.events.append if self.events is not None else None)

    def count(self, on: bool) -> None:
        self._counted_from = monotonic() if on else None
        self._in = self._out = 0
        self.install("statistics", self._count if on else None)

    def statistics(self) -> Statistics | None:
        if self._counted_from is None:
            return None
        return Statistics(monotonic() - self._counted_from, self._in, self._out)

    def install(self, name: Any, function: Callable[[Event], None] | None) -> None:
        """Call function with each later event; None removes the function of that name."""
        self.functions.pop(name, None)
        if function is not None:
            self.functions[name] = function

    def _trace(self, event: Event) -> None:
        """Log the event by its types, since contents may be secret."""
        fields = {name: type(getattr(event, name)).__name__ for name in event.__struct_fields__}
        log.info("traced", pid=str(self._pid), label=self._label, traced=type(event).__name__.lower(), **fields)

    def _count(self, event: Event) -> None:
        self._in += type(event) is Received
        self._out += type(event) is Replied


class Observed:
    """A server's callbacks, wrapped so that each message and outcome is an event."""

    def __init__(self, server: "GenServer[Any]", debug: Debug) -> None:
        self._server, self._record = server, debug.record

    def handle_call(self, request: Any, caller: "Caller", state: Any) -> Any:
        self._record(Received(request))
        return self._recorded(self._server.handle_call(request, caller, state), caller.pid)

    def handle_cast(self, message: Any, state: Any) -> Any:
        self._record(Received(message))
        return self._recorded(self._server.handle_cast(message, state))

    def handle_info(self, message: Any, state: Any) -> Any:
        self._record(Received(message))
        return self._recorded(self._server.handle_info(message, state))

    def handle_continue(self, term: Any, state: Any) -> Any:
        return self._recorded(self._server.handle_continue(term, state))

    def _recorded(self, outcome: Any, to: "Pid | None" = None) -> Any:
        if isawaitable(outcome):
            return self._awaited(outcome, to)
        match outcome:
            case Reply(value, state):
                self._record(Replied(value, to, state))
            case NoReply(state):
                self._record(Served(state))
            case Stop(reason, state):
                self._record(Stopped(reason, state))
        return outcome

    async def _awaited(self, outcome: Any, to: "Pid | None") -> Any:
        return self._recorded(await outcome, to)
