"""The outcomes of a GenServer's callbacks. Erlang: {ok, State}, {reply, Reply, State}, {noreply, State}, {stop, _}."""

from typing import Any, Final, Generic, TypeAlias, TypeVar, final

from msgspec import Struct

S = TypeVar("S")

NOTHING: Final = type("Nothing", (), {"__repr__": lambda _: "NOTHING"})()
"""The absence of a continue term or a reply. None can't mark it, since None may be a reply."""


@final
class Hibernate:
    """A `then`: the process frees memory until its next message. Erlang: hibernate."""

    def __repr__(self) -> str:
        return "HIBERNATE"


HIBERNATE: Final = Hibernate()


@final
class After(Struct, frozen=True):
    """A `then`: handle_info gets TIMEOUT if no message comes within timeout_s. Erlang: {noreply, State, Timeout}.

    A system message does not stop the timer; any other message does.
    """

    timeout_s: float


@final
class TimeoutMessage:
    """The message that After delivers. Erlang: timeout."""

    def __repr__(self) -> str:
        return "TIMEOUT"


TIMEOUT: Final = TimeoutMessage()


class Ready(Struct, Generic[S], frozen=True):
    """An outcome of init: the first state. then: see Reply."""

    state: S
    then: Any = NOTHING


class Reply(Struct, Generic[S], frozen=True, gc=False):  # short-lived: tracking it for the garbage collector costs time
    """An outcome of handle_call: the reply and the next state.

    then: HIBERNATE, After(timeout_s), or a term for handle_continue before the next message.
    """

    value: Any
    state: S
    then: Any = NOTHING


class NoReply(Struct, Generic[S], frozen=True, gc=False):
    """An outcome with the next state. After handle_call, `reply` answers the caller later. then: see Reply."""

    state: S
    then: Any = NOTHING


class Stop(Struct, Generic[S], frozen=True):
    """An outcome that ends the process with reason, after terminate(reason, state). A caller first gets `reply`."""

    reason: Any
    state: S
    reply: Any = NOTHING


class Error(Struct, frozen=True):
    """An outcome of init: the start fails with reason, without a crash report. Erlang: {error, Reason}."""

    reason: Any


@final
class Ignore:
    """An outcome of init: the process does not start, and this is not an error. Erlang: ignore."""

    def __repr__(self) -> str:
        return "IGNORE"


IGNORE: Final = Ignore()

Outcome: TypeAlias = Reply[S] | NoReply[S] | Stop[S]
Next: TypeAlias = NoReply[S] | Stop[S]
