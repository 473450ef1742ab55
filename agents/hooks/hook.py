"""A hook: a typed function of the host, with its deadline and the decision if it fails."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias, overload

from agents.core.faults import Fault
from agents.hooks.points import POINTS, Point
from agents.tools import signature
from agents.tools.callables import location
from agents.tools.errors import InvalidTool
from agents.tools.policy import Isolation
from agents.tools.tool import Tool, tool

OnFailure: TypeAlias = Literal["deny", "run"]
NAMES: Final = " or ".join(each.__name__ for each in POINTS.values())


@dataclass(frozen=True, kw_only=True)
class Hook(Tool):
    """A hook as a value: its function runs as that of a tool. timeout_s, on_failure: None: those of the settings.

    point: the type of the value that the hook gets.
    """

    point: type[Point]
    on_failure: OnFailure | None = None

    @property
    def parameter(self) -> str:
        """The name of the parameter that gets the value."""
        (name,) = self.parameters["properties"]
        return str(name)


@overload
def hook(function: Callable[..., Any], /) -> Hook: ...
@overload
def hook(
    *, timeout_s: float | None = ..., on_failure: OnFailure | None = ..., isolation: Isolation | None = ...
) -> Callable[[Callable[..., Any]], Hook]: ...
def hook(
    function: Callable[..., Any] | None = None,
    /,
    *,
    timeout_s: float | None = None,
    on_failure: OnFailure | None = None,
    isolation: Isolation | None = None,
) -> Hook | Callable[[Callable[..., Any]], Hook]:
    """Make a hook of a typed function, with or without options. Raises InvalidTool.

    timeout_s: the deadline of one decision. on_failure: the decision if the hook raises, is late, or answers with
    another value. None: as the settings have it. isolation: by default "process" for `def` and "task" for `async def`.
    """

    def decorate(given: Callable[..., Any]) -> Hook:
        made = tool(description="A hook.", isolation=isolation, timeout_s=timeout_s)(given)
        if on_failure not in (None, "deny", "run"):
            raise InvalidTool(Fault((), "deny or run", repr(on_failure), inside="on_failure"))
        point = _point(made)
        return Hook(
            **{each.name: getattr(made, each.name) for each in fields(made)}, point=point, on_failure=on_failure
        )

    return decorate if function is None else decorate(function)


def _point(made: Tool) -> type[Point]:
    """Return the type of the hook's one parameter. Raises InvalidTool."""
    shown = made.parameters["properties"]
    types = [each.annotation for name, each in signature.parameters_of(made.function).items() if name in shown]
    match types:
        case [type() as point] if point in POINTS.values():
            return point
    got = ", ".join(getattr(each, "__name__", str(each)) for each in types) or "none"
    raise InvalidTool(Fault((), f"one parameter of the type {NAMES}", got, inside=location(made.function)))
