"""The agents' view of a server: its tools, and its session while there is a connection.

The server's process changes the view. Agents only read it, so a model call waits for no process. A view
outlives the server's process, as an ETS table outlives the process that writes to it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from msgspec import Struct

from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from agents.mcp.spec import ServerSpec
from agents.tools.errors import ServerDown

if TYPE_CHECKING:
    from mcp import ClientSession

LIST_S: Final = 2.0
STOPPED: Final = "it was stopped"
END_S: Final = 2.0  # after the end of a connection, its reason is usually known within milliseconds


class ListedTool(Struct, frozen=True):
    """A tool as its server lists it. parameters: the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class ServerView:
    """State: the tools that the server has listed last, and the session, or why there is none.

    version: rises with each change of the tools. changed: set while the connection is to list them again.
    """

    __slots__ = (
        "_current",
        "_gone",
        "_number",
        "_settled",
        "changed",
        "process_name",
        "session",
        "spec",
        "tools",
        "version",
        "why",
    )

    def __init__(self, spec: ServerSpec) -> None:
        self.spec, self.process_name = spec, spec.process_name
        self.tools: tuple[ListedTool, ...] = ()
        self.version = 0
        self.session: ClientSession | None = None
        self.why = "it was not started"
        self._number = 0
        self._settled = asyncio.Event()
        self._gone = asyncio.Event()
        self._current = asyncio.Event()
        self.changed = asyncio.Event()

    def begin(self) -> int:
        """Note that a connection is being made, and return its number. Notes of earlier ones are ignored then."""
        self._number += 1
        self.session = None
        self._settled.clear()
        return self._number

    def up(self, number: int, session: "ClientSession", tools: tuple[ListedTool, ...]) -> None:
        """Note that the connection with this number can be used."""
        if number == self._number:
            self.session = session
            self.listed(number, tools)
            self._gone.clear()
            self._settled.set()

    def changing(self) -> None:
        """Have the connection list the tools again: the server has announced others, or may be gone."""
        self._current.clear()
        self.changed.set()

    def listed(self, number: int, tools: tuple[ListedTool, ...]) -> None:
        """Take the server's tools. Agents have them from their next model call on."""
        if number == self._number:
            if tools != self.tools:
                self.tools, self.version = tools, self.version + 1
            self._current.set()

    def down(self, number: int, why: str) -> None:
        """Note the end of the connection with this number. The first reason counts.

        The tools stay: their calls fail until the server is up again.
        """
        if number == self._number and (self.session is not None or not self._settled.is_set()):
            self.session, self.why = None, why
            self._current.set()
            self._gone.set()
            self._settled.set()

    async def connected(self) -> "ClientSession":
        """Return the session. Wait while a connection is being made. Raises ServerDown if there is none."""
        await self._settled.wait()
        if self.session is None:
            raise ServerDown(self.spec.name, self.why)
        return self.session

    async def current(self) -> None:
        """Wait until the server has listed the tools that it has announced, but not long."""
        if self._current.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LIST_S):
                await self._current.wait()

    async def lost(self) -> ServerDown:
        """Return why the connection ended, for a call that was in flight."""
        try:
            async with asyncio.timeout(END_S):
                await self._gone.wait()
        except TimeoutError:
            return ServerDown(self.spec.name, "the connection was closed")
        return ServerDown(self.spec.name, self.why)


def view_of(spec: ServerSpec) -> ServerView:
    """Return the current system's view of the server. Each later call returns the same one."""
    return _views.setdefault(current_system(), {}).setdefault(spec.process_name, ServerView(spec))


_views: Final[WeakKeyDictionary[ProcessSystem, dict[str, ServerView]]] = WeakKeyDictionary()
