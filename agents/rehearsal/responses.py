"""Responses: a reply as `response.*` events, or whole."""

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

from agents.rehearsal.items import CallItem, Item, MessageItem, ReasoningItem, TextItem
from agents.rehearsal.reply import (
    ArgumentsToken,
    CallBegin,
    CallEnd,
    ReasoningToken,
    ReportedUsage,
    ScriptedReply,
    TextToken,
)
from agents.rehearsal.request import ModelRequest
from agents.rehearsal.request import read_responses as read
from agents.rehearsal.wire import ServerSentEvent

__all__ = ["failure", "failure_body", "read", "stream", "whole"]

JSON = dict[str, Any]

ECHOED: JSON = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def stream(reply: ScriptedReply, request: ModelRequest) -> list[ServerSentEvent]:
    """Yield the events: created, in progress, each output item from added to done, and the end with the response
    object.
    """
    response = _response(reply, request)
    items: list[Item] = []
    events = [
        *(ServerSentEvent({"response": response}, name) for name in ("response.created", "response.in_progress")),
        *_item_events(reply, items),
        _end(reply, request, items),
    ]
    return _numbered(events)


def whole(reply: ScriptedReply, request: ModelRequest) -> JSON:
    """Return the `response` object at its end."""
    items: list[Item] = []
    for _event in _item_events(reply, items):
        pass
    return _ended(reply, request, items)


def failure(reply: ScriptedReply, request: ModelRequest, sent: int) -> list[ServerSentEvent]:
    """Yield an error in the middle of a stream. sent: the number of events before it."""
    error = ServerSentEvent({**_error(reply), "param": None}, "error")
    return _numbered([error, ServerSentEvent({"response": failure_body(reply, request)}, "response.failed")], sent)


def failure_body(reply: ScriptedReply, request: ModelRequest) -> JSON:
    return _response(reply, request) | {"status": "failed", "error": _error(reply)}


def _error(reply: ScriptedReply) -> JSON:
    return {"code": reply.error.code, "message": reply.error.message}


def _numbered(events: Iterable[ServerSentEvent], start: int = 0) -> list[ServerSentEvent]:
    return [
        ServerSentEvent({"type": event.name, "sequence_number": number, **event.fields}, event.name, event.token)
        for number, event in enumerate(events, start)
    ]


def _item_events(reply: ScriptedReply, items: list[Item]) -> Iterator[ServerSentEvent]:
    """Yield the events between beginning and end, and put the finished items into `items`."""
    calls: dict[int, CallItem] = {}
    for piece in reply.pieces:
        match piece:
            case ReasoningToken(text) | TextToken(text):
                yield from _text_item(reply, piece, items)
                yield items[-1].delta(text)
            case CallBegin(index, name):
                yield from _close_text(items)
                calls[index] = _call_item(reply, len(items), index, name)
                items.append(calls[index])
                yield from calls[index].added()
            case ArgumentsToken(index, text):
                yield calls[index].delta(text)
            case CallEnd(index):
                yield from calls[index].done("completed")
            case _:
                assert_never(piece)
    for item in items:
        if item.open:
            yield from item.done("incomplete" if reply.finish_reason == "length" else "completed")


def _text_item(reply: ScriptedReply, piece: ReasoningToken | TextToken, items: list[Item]) -> Iterator[ServerSentEvent]:
    """Make sure that the last item can take the piece."""
    kind, prefix = (ReasoningItem, "rs") if isinstance(piece, ReasoningToken) else (MessageItem, "msg")
    if items and isinstance(items[-1], kind):
        return
    yield from _close_text(items)
    items.append(kind(f"{prefix}_{len(items)}_{reply.key}", len(items)))
    yield from items[-1].added()


def _close_text(items: list[Item]) -> Iterator[ServerSentEvent]:
    if items and isinstance(items[-1], TextItem) and items[-1].open:
        yield from items[-1].done("completed")


def _call_item(reply: ScriptedReply, output_index: int, index: int, name: str) -> CallItem:
    return CallItem(f"fc_{index}_{reply.key}", output_index, name=name, call_id=f"call_{index}_{reply.key}")


def _end(reply: ScriptedReply, request: ModelRequest, items: Iterable[Item]) -> ServerSentEvent:
    name = "response.incomplete" if reply.finish_reason == "length" else "response.completed"
    return ServerSentEvent({"response": _ended(reply, request, items)}, name)


def _ended(reply: ScriptedReply, request: ModelRequest, items: Iterable[Item]) -> JSON:
    cut = reply.finish_reason == "length"
    return _response(reply, request) | {
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [item.to_json() for item in items],
        "usage": _usage(reply.usage),
    }


def _response(reply: ScriptedReply, request: ModelRequest) -> JSON:
    """Return the response object at its beginning, with the request's settings."""
    return {
        "id": f"resp_{reply.key}",
        "object": "response",
        "created_at": reply.created,
        "status": "in_progress",
        "background": bool(request.body.get("background")),
        "error": None,
        "incomplete_details": None,
        "model": reply.model,
        "output": [],
        "previous_response_id": None,
        "service_tier": "default",
        "usage": None,
        **ECHOED,
        **{key: request.body[key] for key in ECHOED if request.body.get(key) is not None},
    }


def _usage(usage: ReportedUsage) -> JSON:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
