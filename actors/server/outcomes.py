"""What a GenServer's callbacks answer. Erlang: {ok, State}, {reply, Reply, State}, {noreply, State}, {stop, ...}."""

from typing import Any, Final, Generic, TypeAlias, TypeVar, final

from msgspec import Struct

S = TypeVar("S")

NOTHING: Final = type("Nothing", (), {"__repr__": lambda _: "NOTHING"})()
"""No continue term, no reply: any value of the user's, None too, is something."""


@final
class Hibernate:
    """As `then`: until its next message the process keeps only what it must. Erlang: hibernate."""

    def __repr__(self) -> str:
        return "HIBERNATE"


HIBERNATE: Final = Hibernate()


@final
class After(Struct, frozen=True):
    """As `then`: TIMEOUT comes to handle_info if no message comes within timeout_s. Erlang: {noreply, State, Timeout}.

    A system message does not stop the timer; any other does.
    """

    timeout_s: float


@final
class Timeout:
    """The message of an After. Erlang: timeout."""

    def __repr__(self) -> str:
        return "TIMEOUT"


TIMEOUT: Final = Timeout()


class Ready(Struct, Generic[S], frozen=True):
    """From init: the first state. then: see Reply."""

    state: S
    then: Any = NOTHING


class Reply(Struct, Generic[S], frozen=True, gc=False):  # read once and dropped: the garbage collector would only cost
    """From handle_call: the answer and the next state.

    then: HIBERNATE, After(timeout_s), or a term for handle_continue before the next message.
    """

    value: Any
    state: S
    then: Any = NOTHING


class NoReply(Struct, Generic[S], frozen=True, gc=False):
    """The next state. A caller of handle_call is answered later, with `reply`. then: see Reply."""

    state: S
    then: Any = NOTHING


class Stop(Struct, Generic[S], frozen=True):
    """End with reason, after terminate(reason, state); a caller of handle_call gets reply first, if there is one."""

    reason: Any
    state: S
    reply: Any = NOTHING


class Error(Struct, frozen=True):
    """From init: don't start, and tell the starter why. It is no crash and not reported. Erlang: {error, Reason}."""

    reason: Any


@final
class Ignore:
    """From init: don't start, and it is no error."""

    def __repr__(self) -> str:
        return "IGNORE"


IGNORE: Final = Ignore()

Outcome: TypeAlias = Reply[S] | NoReply[S] | Stop[S]
Next: TypeAlias = NoReply[S] | Stop[S]
