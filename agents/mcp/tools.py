"""The tools of an agent that has servers: its own tools, and those that its servers list at present.

A call runs on the event loop, in its own process, and uses the session of the server's connection. A cancelled call
sends the server a cancel notification.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from agents.core.outcome import OnUnknown
from agents.mcp.keeper import revive
from agents.mcp.view import ListedTool, ServerView
from agents.tools.tool import Tool

OBJECT: Final = TypeAdapter(dict[str, Any])
MAX_NAME: Final = 64
INVALID: Final = re.compile(r"[^a-zA-Z0-9_-]")


class BoundTools(Mapping[str, Tool]):
    """The tools by the name that the model calls. They change when a server lists other tools.

    A name that another tool has gets the server's name as a prefix. The agent's own tools keep theirs. default_s: the
    deadline of a call whose server has none. on_unknown: the agent's.
    """

    def __init__(
        self,
        own: Mapping[str, Tool],
        views: Sequence[ServerView],
        default_s: float,
        on_unknown: OnUnknown = OnUnknown.TELL,
    ) -> None:
        self._own, self._views, self._default_s, self._on_unknown = own, views, default_s, on_unknown
        self._versions: tuple[int, ...] | None = None
        self._tools: Mapping[str, Tool] = {}

    def __getitem__(self, name: str) -> Tool:
        return self._present()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())

    def _present(self) -> Mapping[str, Tool]:
        versions = tuple(view.version for view in self._views)
        if versions != self._versions:
            self._tools, self._versions = self._made(), versions
        return self._tools

    def _made(self) -> Mapping[str, Tool]:
        listed = [(view, each, INVALID.sub("_", each.name)[:MAX_NAME]) for view in self._views for each in view.tools]
        uses = Counter([*self._own, *(name for _, _, name in listed)])
        tools = dict(self._own)
        for view, each, name in listed:
            wanted = name if name and uses[name] == 1 else f"{view.spec.name}_{name}"
            free = _free(wanted, tools)
            tools[free] = tool_of(view, each, free, self._default_s, self._on_unknown)
        return tools


class ToolNames(Collection[str]):
    """The names of those tools that fit a rule, at present."""

    def __init__(self, tools: Mapping[str, Tool], fits: Callable[[Tool], bool]) -> None:
        self._tools, self._fits = tools, fits

    def __contains__(self, name: object) -> bool:
        tool = self._tools.get(name) if isinstance(name, str) else None
        return tool is not None and self._fits(tool)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._tools if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def asking(tools: Mapping[str, Tool]) -> ToolNames:
    """Return the names of the tools whose calls may need an approval."""
    return ToolNames(tools, lambda tool: tool.requires_approval is not False)


def recorded(tools: Mapping[str, Tool]) -> ToolNames:
    """Return the names of the tools whose calls are in the ledger of effects."""
    return ToolNames(tools, lambda tool: not tool.idempotent)


def tool_of(view: ServerView, listed: ListedTool, name: str, default_s: float, on_unknown: OnUnknown) -> Tool:
    """Return a server's tool. name: the one that the model calls."""
    spec, settings = view.spec, view.spec.server

    async def call(**arguments: Any) -> Any:
        return await _called(view, listed.name, arguments)

    return Tool(
        name=name,
        description=listed.description,
        parameters={"properties": {}, **listed.parameters},
        function=call,
        validator=OBJECT,
        isolation="task",
        timeout_s=default_s if settings.tool_timeout is None else settings.tool_timeout / 1000,
        requires_approval=spec.asks(listed.name),
        approval_timeout_s=settings.approval_timeout / 1000,
        on_approval_timeout=settings.on_approval_timeout,
        max_output_bytes=settings.max_output_bytes,
        on_unknown=on_unknown,
    )


async def _called(view: ServerView, name: str, arguments: dict[str, Any]) -> Any:
    """Call a tool of the server. Raises ServerDown, ServerRaised."""
    from agents.mcp.call import call_tool  # loads the client's library: the connection has done so

    await revive(view)
    return await call_tool(view, name, arguments)


def _free(wanted: str, tools: Mapping[str, Tool]) -> str:
    """Return the wanted name, or it with a number if a tool has it."""
    name, number = wanted[:MAX_NAME], 2
    while name in tools:
        name, number = f"{wanted[: MAX_NAME - 5]}_{number}", number + 1
    return name
