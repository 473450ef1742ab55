"""The whole answer of a chat completion."""

from collections.abc import Collection, Iterable

from msgspec import UNSET

from agents.contract.chat_completions import (
    CalledFunction,
    ChatCompletion,
    ClientCall,
    CompletionChoice,
    CompletionMessage,
)
from agents.core.conversation import ToolCall
from agents.core.deltas import FinishReason
from agents.core.response import Response
from agents.gateway.openai_api.usage import completion_usage

CUT = {FinishReason.LENGTH: "length", FinishReason.CONTENT_FILTER: "content_filter"}


def client_calls(calls: Iterable[ToolCall], names: Collection[str]) -> list[ToolCall]:
    """Return the calls of the client's tools. names: of these tools."""
    return [call for call in calls if call.name in names]


def finish_reason(response: Response, names: Collection[str]) -> str:
    """Return the reason why the turn ended. names: of the client's tools."""
    if client_calls(response.tool_calls, names):
        return "tool_calls"
    return CUT.get(response.finish_reason, "stop") if response.finish_reason else "stop"


def completion(
    id_: str, created: int, model: str, response: Response, names: Collection[str], reasoning: str
) -> ChatCompletion:
    """Return the answer. names: of the client's tools."""
    calls = [
        ClientCall(call.id, CalledFunction(call.name, call.arguments or "{}"))
        for call in client_calls(response.tool_calls, names)
    ]
    message = CompletionMessage(
        None if calls and not response.content else response.content,
        response.refusal,
        calls or UNSET,
        reasoning or UNSET,
    )
    choice = CompletionChoice(message, finish_reason(response, names))
    return ChatCompletion(id_, created, model, [choice], completion_usage(response.usage))
