"""A call of a turn that has no result yet, and the messages to its turn that are not about a worker."""

from collections import deque
from typing import Any

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.tools.tool import Tool
from agents.traces.span import ToolSpan


class Asked(Struct, frozen=True):
    """The call waits for a person's decision."""

    number: int


class Cleared(Struct, frozen=True):
    """The call may run. edited: the arguments with which it was approved, if they are not the model's."""

    number: int
    edited: str | None = None


class OpenCall(Struct):
    """A call without a result.

    started_s: the time when it was started. crash: the reason of its last crash. edited: the arguments with which a
    person approved it, if they are not the model's. span: None until it runs.
    """

    call: ToolCall
    tool: Tool | None
    started_s: float
    unread: deque[Any]
    attempts: int = 0
    crash: str = "its worker was stopped"
    edited: str | None = None
    span: ToolSpan | None = None
