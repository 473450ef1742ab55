"""Chat Completions: a reply as `chat.completion.chunk` events, or whole."""

from collections.abc import Iterator
from typing import Any, assert_never

from agents.rehearsal.errors import error_body
from agents.rehearsal.reply import (
    ArgumentsToken,
    CallBegin,
    CallEnd,
    Piece,
    ReasoningToken,
    ReportedUsage,
    ScriptedReply,
    TextToken,
    is_token,
)
from agents.rehearsal.request import ModelRequest
from agents.rehearsal.request import read_chat as read
from agents.rehearsal.wire import DONE, ServerSentEvent

__all__ = ["failure", "failure_body", "read", "stream", "whole"]

JSON = dict[str, Any]


def stream(reply: ScriptedReply, request: ModelRequest) -> list[ServerSentEvent]:
    """Yield role, deltas, finish reason, usage if requested, and [DONE]."""
    include_usage = _includes_usage(request)
    base = _base(reply, "chat.completion.chunk") | ({"usage": None} if include_usage else {})
    return [*_chunks(reply, base), *([_usage_chunk(reply, base)] if include_usage else []), DONE]


def whole(reply: ScriptedReply, request: ModelRequest) -> JSON:
    """Return the `chat.completion` object."""
    choice = {"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": reply.finish_reason}
    return _base(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply.usage)}


def failure(reply: ScriptedReply, request: ModelRequest, sent: int) -> list[ServerSentEvent]:
    """Yield an error in the middle of a stream."""
    return [ServerSentEvent(failure_body(reply, request))]


def failure_body(reply: ScriptedReply, request: ModelRequest) -> JSON:
    return error_body(reply.error.message, reply.error.type, code=reply.error.code)


def _includes_usage(request: ModelRequest) -> bool:
    options = request.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _base(reply: ScriptedReply, kind: str) -> JSON:
    return {
        "id": f"chatcmpl-{reply.key}",
        "object": kind,
        "created": reply.created,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": "fp_rehearsal",
    }


def _chunks(reply: ScriptedReply, base: JSON) -> Iterator[ServerSentEvent]:
    def chunk(delta: JSON, finish_reason: str | None = None, *, token: bool = False) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return ServerSentEvent(base | {"choices": [choice]}, token=token)

    only_calls = bool(reply.pieces) and isinstance(reply.pieces[0], CallBegin)
    yield chunk({"role": "assistant", "content": None if only_calls else "", "refusal": None})
    for piece in reply.pieces:
        if (delta := _delta(piece, reply)) is not None:
            yield chunk(delta, token=is_token(piece))
    yield chunk({}, reply.finish_reason)


def _delta(piece: Piece, reply: ScriptedReply) -> JSON | None:
    """Return the delta of a piece, or None if this API has no delta for it."""
    match piece:
        case ReasoningToken(text):
            return {"reasoning_content": text}
        case TextToken(text):
            return {"content": text}
        case CallBegin(index, name):
            function = {"name": name, "arguments": ""}
            return {
                "tool_calls": [{"index": index, "id": _call_id(reply, index), "type": "function", "function": function}]
            }
        case ArgumentsToken(index, text):
            return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}
        case CallEnd():
            return None
        case _:
            assert_never(piece)


def _usage_chunk(reply: ScriptedReply, base: JSON) -> ServerSentEvent:
    return ServerSentEvent(base | {"choices": [], "usage": _usage(reply.usage)})


def _message(reply: ScriptedReply) -> JSON:
    text = "".join(piece.text for piece in reply.pieces if isinstance(piece, TextToken))
    reasoning = "".join(piece.text for piece in reply.pieces if isinstance(piece, ReasoningToken))
    calls = _calls(reply)
    return {
        "role": "assistant",
        "content": None if calls and not text else text,
        "refusal": None,
        "annotations": [],
        **({"reasoning_content": reasoning} if reasoning else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def _calls(reply: ScriptedReply) -> list[JSON]:
    arguments: dict[int, str] = {}
    for piece in reply.pieces:
        if isinstance(piece, ArgumentsToken):
            arguments[piece.index] = arguments.get(piece.index, "") + piece.text
    return [
        {
            "id": _call_id(reply, piece.index),
            "type": "function",
            "function": {"name": piece.name, "arguments": arguments.get(piece.index, "")},
        }
        for piece in reply.pieces
        if isinstance(piece, CallBegin)
    ]


def _call_id(reply: ScriptedReply, index: int) -> str:
    return f"call_{index}_{reply.key}"


def _usage(usage: ReportedUsage) -> JSON:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
