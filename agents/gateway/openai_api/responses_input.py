"""The input and the options of a request to /v1/responses, in our forms."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Function,
    Message,
    SystemMessage,
    ToolCall,
    UserMessage,
)
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.messages import result_of
from agents.gateway.openai_api.responses_body import ChosenTool, InputItem, ResponsesBody


def calls_in(conversation: Conversation) -> dict[str, str]:
    """Return the names of the called tools by the ids of the calls."""
    return {
        call.id: call.name
        for message in conversation
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    }


def conversation_in(items: Sequence[InputItem], names: Mapping[str, str]) -> Conversation:
    """Return the items as a conversation. names: of earlier calls, by id. Raises Refusal."""
    found: list[Message] = []
    known = dict(names)
    for place, item in enumerate(items):
        where = f"input[{place}]"
        match item.type:
            case "message":
                found.append(_message(item, where))
            case "function_call":
                call = _call(item, where)
                known[call.id] = call.name
                _add_call(found, call)
            case "function_call_output":
                found.append(result_of(item.call_id, item.output or "", known, f"{where}.call_id"))
    return tuple(found)


def chat_options(body: ResponsesBody) -> dict[str, Any]:
    """Return the options that the request has, as the chat API has them."""
    choice = body.tool_choice
    options = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "parallel_tool_calls": body.parallel_tool_calls,
        "max_completion_tokens": body.max_output_tokens,
        "reasoning_effort": None if body.reasoning is None else body.reasoning.effort,
        "verbosity": None if body.text is None else body.text.verbosity,
        "response_format": None if body.text is None else _response_format(body.text.format),
        "tool_choice": choice if choice == "required" else None,
    }
    if isinstance(choice, ChosenTool):
        options["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    return {key: value for key, value in options.items() if value is not None}


def _message(item: InputItem, where: str) -> Message:
    match item.role:
        case "system" | "developer":
            return SystemMessage(item.content or "")
        case "user":
            return UserMessage(item.content or "")
        case "assistant":
            return AssistantMessage(item.content or "")
    raise Refusal(422, f"{where}.role: expected the role of a message, got none", param=f"{where}.role")


def _call(item: InputItem, where: str) -> ToolCall:
    if item.call_id is None or item.name is None:
        raise Refusal(422, f"{where}: expected call_id and name of a call, got a call without", param=where)
    return ToolCall(item.call_id, Function(item.name, item.arguments or ""))


def _add_call(found: list[Message], call: ToolCall) -> None:
    """Add the call to the answer that it belongs to."""
    if found and isinstance(answer := found[-1], AssistantMessage):
        calls = (*answer.tool_calls, replace(call, index=len(answer.tool_calls)))
        found[-1] = replace(answer, tool_calls=calls)
    else:
        found.append(AssistantMessage("", (call,)))


def _response_format(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if form is None or form.get("type") != "json_schema":
        return None if form is None else dict(form)
    schema = {key: value for key, value in form.items() if key != "type"}
    return {"type": "json_schema", "json_schema": schema}
