"""Events as clients read them, in bytes. Source: API reference, "Web Handler Integration".

agents/contract/wire.py has their names and data.

SSE         id: 7                              WebSocket    {"type": "token", "data": "Hello",
            event: token                                     "at": 1764377000.123456, "seq": 7,
            data: {"text": "Hello", "at": ...}               "stream_id": "..."}

Server-sent events have `at`, `joined` and `attempt` in their data, WebSocket messages beside the seq. `joined` and
`attempt` are left out while they are 1. A `joined` above 1 is the number of events that one event stands for: the
client was slow, or came late.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from agents.contract.events import CutData
from agents.contract.wire import FAILED, bare_data_of, data_of, envelope_of, name_of
from agents.core.events import Event, StreamError, StreamReasoning, StreamToken
from agents.core.text import to_json

HEARTBEAT: Final = b":\n\n"

_json = msgspec.json.Encoder().encode


def frames(events: Sequence[Event]) -> bytes:
    """Server-sent events. The token path: a token is one format and one encoding of its text.

    Tokens that came in one step share the object of their time, which is encoded once.
    """
    json, at, at_json = _json, None, b""
    written: list[bytes] = []  # list[bytes]() would take longer than a token
    try:
        for event in events:
            if type(event) is not StreamToken or event.joined > 1 or event.attempt > 1 or event.at is None:
                written.append(_frame(event))
                continue
            if event.at is not at:
                at, at_json = event.at, json(event.at)
            text = json(event.token)
            written.append(b'id: %d\nevent: token\ndata: {"text":%b,"at":%b}\n\n' % (event.seq, text, at_json))
    except UnicodeEncodeError:  # a token that is not text
        return b"".join(map(_frame, events))
    return b"".join(written)


def frames_without_error(events: Iterable[Event]) -> bytes:
    """The same, with `failed` as the name of the event that ends a failed turn: `error` is also the name of the event
    by which EventSource reports that its connection broke."""
    *others, last = events
    return frames(others) + (_frame(last, FAILED) if type(last) is StreamError else frames((last,)))


def _frame(event: Event, name: str = "") -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, (name or name_of(event)).encode(), to_json(data_of(event)))


def message(event: Event) -> bytes:
    """A WebSocket message. The data of a text is the text itself."""
    if type(event) is StreamToken and event.joined == event.attempt == 1 and event.at is not None:
        values = (to_json(event.token), _json(event.at), event.seq, to_json(event.stream_id))
        return b'{"type":"token","data":%b,"at":%b,"seq":%d,"stream_id":%b}' % values
    fields: dict[str, Any] = {"type": name_of(event), "data": bare_data_of(event)}
    if isinstance(event, StreamToken | StreamReasoning):
        fields["data"] = fields["data"].text
    fields |= envelope_of(event)
    fields["seq"] = event.seq
    fields["stream_id"] = event.stream_id
    return to_json(fields)


def cut_frame(data: CutData) -> bytes:
    """An event that is not the stream's: it has no id, so the client's last one stays."""
    return b"event: cut\ndata: %b\n\n" % to_json(data)
