"""The addresses of processes. Erlang: Dest of `!`, ServerRef of gen_server."""

from typing import Protocol, TypeAlias, runtime_checkable

from actors.kernel.pid import Pid


@runtime_checkable
class Via(Protocol):
    """A value that finds its process by its own rule, such as the least busy process of a pool.

    `whereis_name` is called at every use, on the loop's thread, so it must not block. Erlang: {via, Module, Name}.
    """

    def whereis_name(self) -> Pid | None: ...


Address: TypeAlias = Pid | str | Via
"""A process, its name, or a Via."""
