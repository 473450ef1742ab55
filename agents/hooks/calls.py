"""The hooks before and after a tool call."""

from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import ToolCall
from agents.core.tool_result import ToolResult
from agents.hooks.answers import Ask, Deny, UnfitAnswer
from agents.hooks.deciding import decided
from agents.hooks.points import AfterTool, BeforeTool
from agents.hooks.resolve import Hooks
from agents.tools.arguments import object_text
from agents.tools.call_supervisor import failed
from agents.tools.errors import InvalidArguments
from agents.tools.result import result_text
from agents.tools.review import UNREVIEWED, Aside, Judgement, Review
from agents.tools.tool import Tool


class HookedTurn(Struct, frozen=True):
    """The turn that a hook decides for."""

    agent_id: str
    owner: str | None
    stream_id: str


def review_of(hooks: Hooks, turn: HookedTurn, aside: Aside | None = None) -> Review:
    """Return the review of the turn's calls by these hooks. aside: as in Review."""
    if not (hooks.before_tool or hooks.after_tool or aside):
        return UNREVIEWED
    before = partial(before_tool, hooks, turn) if hooks.before_tool else None
    return Review(before, partial(after_tool, hooks, turn) if hooks.after_tool else None, aside)


async def before_tool(hooks: Hooks, turn: HookedTurn, call: ToolCall, tool: Tool) -> Judgement:
    """Return the decision on a call whose arguments are an object."""
    own = _arguments(call)

    def point_of(arguments: Any) -> BeforeTool:
        return BeforeTool(**msgspec.structs.asdict(turn), call_id=call.id, tool=call.name, arguments=arguments)

    def accept(arguments: Any) -> Any:
        if not isinstance(arguments, dict):
            raise UnfitAnswer(f"expected arguments as a dict, got {type(arguments).__name__}")
        try:
            tool.arguments(_text(arguments))
        except InvalidArguments as invalid:
            raise UnfitAnswer(f"expected arguments that {tool.name} accepts, got others: {invalid}") from None
        return arguments

    outcome = await decided(hooks.before_tool, own, point_of, accept)
    arguments = call.arguments if outcome.value == own else _text(outcome.value)
    match outcome.answer:
        case Deny(reason):
            return Judgement(arguments, denied=reason)
        case Ask(question):
            return Judgement(arguments, question=question)
    return Judgement(arguments)


async def after_tool(hooks: Hooks, turn: HookedTurn, call: ToolCall, result: ToolResult) -> ToolResult:
    """Return the result of a call that counts."""
    shown = result.content if result.error else result.value
    parts = [_part(each) for each in result.parts]

    def point_of(value: Any) -> AfterTool:
        fields = {"arguments": _arguments(call), "result": value, "error": result.error, "parts": parts}
        return AfterTool(**msgspec.structs.asdict(turn), call_id=call.id, tool=call.name, **fields)

    outcome = await decided(hooks.after_tool, shown, point_of, lambda value: value)
    if isinstance(outcome.answer, Deny):
        return failed("denied", f"denied: {outcome.answer.reason}")
    if outcome.value == shown:
        return result
    value = None if result.error else outcome.value
    return replace(result, content=result_text(outcome.value), value=value)


def _part(part: Any) -> dict[str, Any]:
    data = msgspec.to_builtins(part)
    return {key: data[key] for key in ("media_type", "name", "size_bytes") if key in data} | {"kind": data["type"]}


def _arguments(call: ToolCall) -> dict[str, Any]:
    arguments: dict[str, Any] = msgspec.json.decode(object_text(call.arguments))
    return arguments


def _text(arguments: Any) -> str:
    return msgspec.json.encode(arguments).decode()
