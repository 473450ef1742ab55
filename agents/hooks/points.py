"""The four points at which hooks decide, each with the value that its hooks get."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final


@dataclass(frozen=True, kw_only=True)
class Point:
    """The common part of the values. owner: the gateway's user who owns the agent, or None.

    rewritten: the name of the field that a Rewrite replaces.
    """

    rewritten: ClassVar[str]

    agent_id: str
    owner: str | None
    stream_id: str


@dataclass(frozen=True, kw_only=True)
class BeforeModel(Point):
    """A request to a model. messages: as JSON data, each with its `role`; the conversation itself stays as it is."""

    rewritten = "messages"

    model: str
    messages: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AfterModel(Point):
    """The finished answer of a model call. tool_calls: id, name and arguments of each, for which BeforeTool decides."""

    rewritten = "content"

    model: str
    content: str
    reasoning: str
    tool_calls: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class BeforeTool(Point):
    """A call that is about to run. arguments: those of the model, or of an earlier hook."""

    rewritten = "arguments"

    call_id: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AfterTool(Point):
    """The result of a call that ran.

    result: the JSON data that the tool returned; after an error, the text for the model. error: as in ToolResult.
    parts: kind, media_type, name and size_bytes of the images, sounds and files, which a Rewrite does not change.
    """

    rewritten = "result"

    call_id: str
    tool: str
    arguments: dict[str, Any]
    result: Any
    error: str | None
    parts: list[dict[str, Any]]


POINTS: Final[dict[str, type[Point]]] = {
    "before_model": BeforeModel,
    "after_model": AfterModel,
    "before_tool": BeforeTool,
    "after_tool": AfterTool,
}
"""The points by their keys in a configuration."""
