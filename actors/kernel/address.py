"""What a message can be sent to. Erlang: Dest of `!`, ServerRef of gen_server."""

from typing import Protocol, TypeAlias, runtime_checkable

from actors.kernel.pid import Pid


@runtime_checkable
class Via(Protocol):
    """A value that finds its process by a rule of its own: the least busy of a pool, a session's agent.

    Asked anew at every use, on the loop's thread: it must not block. Erlang: {via, Module, Name}.
    """

    def whereis_name(self) -> Pid | None: ...


Address: TypeAlias = Pid | str | Via
"""A process, its name, or a Via."""
