"""The encoder of a stream as the events of a response.

Each message has one template for its pieces of text. OpenAI's form has no word for a reset: a stream whose sent output
becomes void ends with response.failed.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from agents.contract.events import CutData
from agents.contract.openai_responses import (
    CallArgumentsDelta,
    CallArgumentsDone,
    ItemAdded,
    ItemDone,
    OutputCall,
    OutputItem,
    OutputMessage,
    OutputText,
    OutputTextDelta,
    OutputTextDone,
    PartAdded,
    PartDone,
    ResponseCompleted,
    ResponseCreated,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseObject,
)
from agents.core.conversation import ToolCall
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReset,
    StreamStart,
    StreamToken,
)
from agents.core.response import Response
from agents.core.text import to_json
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.chat_chunks import VOID
from agents.gateway.openai_api.refusals import failure_of
from agents.gateway.openai_api.responses_answer import (
    call_item,
    call_item_id,
    ended,
    failed,
    message_id,
    message_item,
)

_MARK: Final = "\0"


class ResponseEvents:
    """The encoder of one response. tools: names of the client's tools.

    State: the number of events, the whole items, the pieces of the open message, the places of calls by their index,
    the number of characters that were sent, and whether the response is over.
    """

    def __init__(self, begun: ResponseObject, tools: Collection[str]) -> None:
        self._begun, self._tools = begun, tools
        self._count = 0
        self._items: list[OutputItem | None] = []
        self._pieces: list[str] | None = None
        self._place, self._head = 0, b""
        self._calls: dict[int, int] = {}
        self._sent, self._over = 0, False

    def __call__(self, events: Sequence[Event]) -> bytes:
        """Return the events of the response. The token path: a token is one format and one encoding of its text."""
        written: list[bytes] = []
        for event in events:
            if self._over:
                break
            if type(event) is StreamToken:
                if self._pieces is None:
                    written += self._open()
                text, count = event.token, self._count
                self._pieces.append(text)  # type: ignore[union-attr]  # the message is open
                written.append(b'%b%b,"logprobs":[],"sequence_number":%d}\n\n' % (self._head, to_json(text), count))
                self._count += 1
            else:
                written += self._other(event)
        return b"".join(written)

    def cut(self, data: CutData) -> bytes:
        return b"".join(self._failed(Refusal(503, data.message, code=data.code)))

    def _other(self, event: Event) -> list[bytes]:
        match event:
            case StreamStart():
                return [self._event(ResponseCreated, self._begun), self._event(ResponseInProgress, self._begun)]
            case StreamFunctionCallStarted(call) if call.name in self._tools:
                return [*self._close(), self._call(call)]
            case StreamFunctionArgumentsDelta(index, delta) if index in self._calls:
                return [self._arguments(index, delta)]
            case StreamFunctionCallComplete(call) if call.index in self._calls:
                return self._called(call)
            case StreamReset(content=content) if self._calls or len(content) != self._sent + len(self._text()):
                return self._failed(Refusal(502, VOID, code="stream_reset"))
            case StreamComplete(response):
                return self._end(response)
            case StreamError(reason):
                return self._failed(failure_of(reason))
        return []

    # Messages

    def _open(self) -> list[bytes]:
        self._pieces, self._place = [], len(self._items)
        self._items.append(None)
        item = OutputMessage(self._message_id, "in_progress")
        added = self._event(ItemAdded, self._place, item)
        part = self._event(PartAdded, self._message_id, self._place, 0, OutputText(""))
        template = _line(OutputTextDelta(self._message_id, self._place, 0, _MARK, (), sequence_number=0))
        self._head, _ = template.split(to_json(_MARK))
        return [added, part]

    def _close(self) -> list[bytes]:
        """Return the events that end the open message, if there is one."""
        if self._pieces is None:
            return []
        text, id_, place = self._text(), self._message_id, self._place
        self._sent += len(text)
        self._pieces = None
        item = self._items[place] = message_item(self._begun.id, place, text)
        return [
            self._event(OutputTextDone, id_, place, 0, text, ()),
            self._event(PartDone, id_, place, 0, OutputText(text)),
            self._event(ItemDone, place, item),
        ]

    def _text(self) -> str:
        return "".join(self._pieces or ())

    @property
    def _message_id(self) -> str:
        return message_id(self._begun.id, self._place)

    # Calls

    def _call(self, call: ToolCall) -> bytes:
        place = self._calls[call.index] = len(self._items)
        self._items.append(None)
        item = OutputCall(call_item_id(self._begun.id, call), call.id, call.name, "", "in_progress")
        return self._event(ItemAdded, place, item)

    def _arguments(self, index: int, delta: str) -> bytes:
        id_ = f"{self._begun.id.replace('resp_', 'fc_', 1)}_{index}"
        return self._event(CallArgumentsDelta, id_, self._calls[index], delta)

    def _called(self, call: ToolCall) -> list[bytes]:
        place = self._calls[call.index]
        item = self._items[place] = call_item(self._begun.id, call)
        done = self._event(CallArgumentsDone, item.id, place, item.name, item.arguments)
        return [done, self._event(ItemDone, place, item)]

    # Ends

    def _end(self, response: Response) -> list[bytes]:
        opened = self._open() if self._pieces is None and not self._items else []
        closed = self._close()
        self._over = True
        whole = ended(self._begun, response, self._output())
        kind = ResponseCompleted if whole.incomplete_details is None else ResponseIncomplete
        return [*opened, *closed, self._event(kind, whole)]

    def _failed(self, refusal: Refusal) -> list[bytes]:
        self._over = True
        return [self._event(ResponseFailed, failed(self._begun, refusal, self._output()))]

    def _output(self) -> list[OutputItem]:
        return [item for item in self._items if item is not None]

    def _event(self, kind: type[Any], *values: Any) -> bytes:
        self._count += 1
        return _line(kind(*values, sequence_number=self._count - 1))


def _line(event: Any) -> bytes:
    name: str = event.__struct_config__.tag
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json(event))
