"""The response as a whole, at its begin and at its end."""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from agents.contract.openai_responses import (
    FailedBecause,
    IncompleteBecause,
    OutputCall,
    OutputItem,
    OutputMessage,
    OutputRefusal,
    OutputText,
    ResponseObject,
    ResponseUsage,
)
from agents.core.conversation import ToolCall
from agents.core.deltas import FinishReason
from agents.core.response import Response
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.chat_answer import client_calls
from agents.gateway.openai_api.responses_body import ResponsesBody
from agents.gateway.openai_api.usage import completion_usage


def begun(id_: str, created_at: int, body: ResponsesBody, *, store: bool) -> ResponseObject:
    """Return the response of a turn that begins."""
    choice = body.tool_choice
    return ResponseObject(
        id=id_,
        created_at=created_at,
        model=body.model,
        store=store,
        previous_response_id=body.previous_response_id,
        instructions=body.instructions,
        metadata=body.metadata or {},
        parallel_tool_calls=body.parallel_tool_calls is not False,
        temperature=body.temperature,
        tool_choice="auto" if choice is None else choice if isinstance(choice, str) else choice.model_dump(),
        tools=[tool.model_dump() for tool in body.tools or ()],
        top_p=body.top_p,
    )


def ended(begun_: ResponseObject, response: Response, output: Sequence[OutputItem]) -> ResponseObject:
    """Return the response of a turn that has ended. output: its items."""
    usage = completion_usage(response.usage)
    counted = None
    if usage is not None:
        read, written = usage.prompt_tokens_details, usage.completion_tokens_details
        counted = ResponseUsage(usage.prompt_tokens, read, usage.completion_tokens, written, usage.total_tokens)
    because = _why_incomplete(response)
    status = "completed" if because is None else "incomplete"
    return replace(begun_, status=status, output=output, usage=counted, incomplete_details=because)


def failed(begun_: ResponseObject, refusal: Refusal, output: Sequence[OutputItem]) -> ResponseObject:
    """Return the response of a turn that failed. output: the items so far."""
    error = FailedBecause(refusal.code or "server_error", refusal.message)
    return replace(begun_, status="failed", output=output, error=error)


def output_of(id_: str, response: Response, tools: Collection[str]) -> list[OutputItem]:
    """Return the items of a turn that has ended. tools: names of the client's tools."""
    calls = [call_item(id_, call) for call in client_calls(response.tool_calls, tools)]
    if response.refusal is not None:
        return [OutputMessage(message_id(id_, 0), "completed", (OutputRefusal(response.refusal),)), *calls]
    if response.content or not calls:
        return [message_item(id_, 0, response.content), *calls]
    return [*calls]


def message_item(id_: str, place: int, text: str) -> OutputMessage:
    return OutputMessage(message_id(id_, place), "completed", (OutputText(text),))


def message_id(id_: str, place: int) -> str:
    """Return the id of a message. id_: of the response. place: in its output."""
    return f"{id_.replace('resp_', 'msg_', 1)}_{place}"


def call_item(id_: str, call: ToolCall) -> OutputCall:
    """Return a whole call. id_: of the response."""
    return OutputCall(call_item_id(id_, call), call.id, call.name, call.arguments or "{}", "completed")


def call_item_id(id_: str, call: ToolCall) -> str:
    return f"{id_.replace('resp_', 'fc_', 1)}_{call.index}"


def _why_incomplete(response: Response) -> IncompleteBecause | None:
    match response.finish_reason:
        case FinishReason.LENGTH:
            return IncompleteBecause("max_output_tokens")
        case FinishReason.CONTENT_FILTER if response.refusal is None:
            return IncompleteBecause("content_filter")
        case _:
            return None
