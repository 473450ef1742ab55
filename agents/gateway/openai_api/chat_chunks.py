"""The encoder of a stream as chunks of a chat completion.

Each stream has one template for its tokens, which is made before the first one. A chunk has no seq, and OpenAI's form
has no word for a reset: a stream whose sent text becomes void ends with an error.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from agents.contract.chat_completions import (
    CallPiece,
    ChatCompletionChunk,
    ChunkChoice,
    ChunkDelta,
    FunctionPiece,
)
from agents.contract.events import CutData
from agents.core.conversation import ToolCall
from agents.core.errors import Fault
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReasoning,
    StreamReset,
    StreamStart,
    StreamToken,
)
from agents.core.response import Response
from agents.core.text import to_json
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.chat_answer import finish_reason
from agents.gateway.openai_api.refusals import OpenAiRefusal, failure_of
from agents.gateway.openai_api.usage import completion_usage

DONE: Final = b"data: [DONE]\n\n"
VOID: Final = "the model's answer began again, and the text that was sent is void: ask again"
_MARK: Final = "\0"

_json = msgspec.json.Encoder().encode


class ChatChunks:
    """The encoder of one answer.

    tools: names of the client's tools. State: the number of characters that were sent, the calls that were sent by
    their index, and whether the answer is over.
    """

    def __init__(self, id_: str, created: int, model: str, tools: Collection[str], *, with_usage: bool) -> None:
        self._id, self._created, self._model = id_, created, model
        self._tools, self._with_usage = tools, with_usage
        self._sent, self._calls, self._over = 0, dict[int, int](), False
        self._head, self._tail = self._chunk(ChunkDelta(content=_MARK)).split(to_json(_MARK))

    def __call__(self, events: Sequence[Event]) -> bytes:
        """Return the chunks of these events. The token path: a token is one format and one encoding of its text."""
        head, tail, json = self._head, self._tail, _json
        written: list[bytes] = []
        for event in events:
            if type(event) is StreamToken and not self._over:
                text = event.token
                self._sent += len(text)
                written.append(b"%b%b%b" % (head, json(text) if text.isascii() else to_json(text), tail))
            elif not self._over:
                written.append(self._other(event))
        return b"".join(written)

    def cut(self, data: CutData) -> bytes:
        return self._broken(Refusal(503, data.message, code=data.code))

    def _other(self, event: Event) -> bytes:
        match event:
            case StreamStart():
                return self._chunk(ChunkDelta(role="assistant", content=""))
            case StreamReasoning(text):
                return self._chunk(ChunkDelta(reasoning_content=text))
            case StreamFunctionCallStarted(call) if call.name in self._tools:
                return self._call(call)
            case StreamFunctionArgumentsDelta(index, delta) if index in self._calls:
                return self._arguments(index, delta)
            case StreamFunctionCallComplete(call) if call.index in self._calls and not call.arguments:
                return self._arguments(call.index, "{}")
            case StreamReset(content=content) if self._calls or len(content) != self._sent:
                return self._broken(Refusal(502, VOID, code="stream_reset"))
            case StreamComplete(response):
                return self._end(response)
            case StreamError(reason):
                return self._failed(reason)
        return b""

    def _call(self, call: ToolCall) -> bytes:
        number = self._calls[call.index] = len(self._calls)
        piece = CallPiece(number, FunctionPiece("", call.name), call.id, "function")
        return self._chunk(ChunkDelta(tool_calls=[piece]))

    def _arguments(self, index: int, delta: str) -> bytes:
        return self._chunk(ChunkDelta(tool_calls=[CallPiece(self._calls[index], FunctionPiece(delta))]))

    def _end(self, response: Response) -> bytes:
        self._over = True
        refusal = b"" if response.refusal is None else self._chunk(ChunkDelta(refusal=response.refusal))
        last = self._chunk(ChunkDelta(), finish_reason(response, self._tools))
        return refusal + last + self._usage(response) + DONE

    def _usage(self, response: Response) -> bytes:
        if not self._with_usage:
            return b""
        usage = completion_usage(response.usage)
        return _line(ChatCompletionChunk(self._id, self._created, self._model, [], usage))

    def _failed(self, fault: Fault) -> bytes:
        return self._broken(failure_of(fault))

    def _broken(self, refusal: Refusal) -> bytes:
        self._over = True
        return b"data: %b\n\n%b" % (OpenAiRefusal(refusal).body, DONE)

    def _chunk(self, delta: ChunkDelta, reason: str | None = None) -> bytes:
        usage = None if self._with_usage else UNSET
        choice = ChunkChoice(delta, reason)
        return _line(ChatCompletionChunk(self._id, self._created, self._model, [choice], usage))


def _line(data: Any) -> bytes:
    return b"data: %b\n\n" % to_json(data)
