"""The loop of a GenServer: one message, one callback, one next state. Erlang: gen_server's loop."""

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.kernel.errors import BadReturn
from actors.kernel.process import IDLE
from actors.kernel.signals import CRASHES, Crash
from actors.server.callback_process import CallbackProcess
from actors.server.callbacks import reason_of, waits
from actors.server.dormant import DormantQueue
from actors.server.messages import NOT_INFO, Call, Cast, HandleContinue
from actors.server.outcomes import NOTHING, After, Hibernate, NoReply, Reply, Stop

if TYPE_CHECKING:
    from actors.kernel.pid import Pid
    from actors.server.debug import Observed
    from actors.server.gen_server import GenServer


class MessageLoop(CallbackProcess):
    """The process of a server that has started: it runs the callbacks for messages, one at a time.

    last: the message of the callback that waits or failed.
    """

    __slots__ = ("callbacks", "dormant", "exits_with", "last", "state")

    callbacks: "GenServer[Any] | Observed"
    dormant: DormantQueue | None
    exits_with: "Pid"
    last: Any
    state: Any

    def internal(self, message: Any) -> bool:
        """Handle a message that is not for a message callback. Return False if the process leaves its slice.

        The subclass defines it.
        """
        raise AssertionError(f"{type(self).__name__} has no internal")

    def run(self) -> None:
        """Take one slice of messages. Plain outcomes are applied here for speed, the others in `apply`."""
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
                elif self.internal(message):
                    continue
                else:
                    return
                given = type(outcome)
                if given is NoReply and outcome.then is NOTHING:
                    self.state = outcome.state
                elif given is Reply and outcome.then is NOTHING and kind is Call:
                    self.state = outcome.state
                    message.caller.reply(outcome.value)
                elif not self.apply(message, outcome):
                    return
        except CRASHES as error:
            self.last = message
            self.stop(reason_of(error))
            return
        finally:
            self.reductions += allowance - left
            system.current = None
        if self.mailbox or self.doomed is not None:
            self.go_on()
        else:
            self.phase = IDLE

    def apply(self, message: Any, outcome: Any) -> bool:
        """Carry out an outcome. Return False if the process does not go on with its mailbox now."""
        match outcome:
            case NoReply(state, then):
                self.state = state
                self.then(then)
                return True
            case Reply(value, state, then) if type(message) is Call:
                self.state = state
                message.caller.reply(value)
                self.then(then)
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
        if self.apply(message, outcome):
            self.go_on()

    def then(self, term: Any) -> None:
        """Carry out the `then` of an outcome. A message that waits already ends a pause before it begins."""
        if type(term) is Hibernate or type(term) is After:
            if not self.mailbox:
                self.mailbox = self.dormant = DormantQueue(self, term)
        elif term is not NOTHING:
            self.opened().appendleft((HandleContinue(term), None))

    def go_on(self) -> None:
        """End if a signal has ended this process, else leave the slice."""
        if self.doomed is not None:
            self.end(self.doomed[0])
        else:
            self.rest()
