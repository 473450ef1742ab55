"""The reference of events: every class of a stream's events, with every field, from the classes."""

from collections.abc import Iterable
from enum import Enum
from typing import Any, get_args

import msgspec

from agents.contract.wire import CODECS
from agents.core.errors import StreamFault
from agents.core.event_base import StreamEvent
from agents.core.events import OwnEvent, StreamSubAgent
from docs.site.markdown import code, prose, table
from docs.site.structs import section, structs_in, tag_of

OPENING = """\
# Events

A stream is the events of one turn. [A turn in pictures](../explanation/a-turn.md) shows them in order. `agent.stream`
yields them, subscribers get them, and the store keeps them. The last one is `StreamComplete` or `StreamError`.

`type` is the tag of an event in JSON that the store keeps. Over HTTP, an event has a shorter name:
[server-sent events](../gateway.md#server-sent-events) lists the data of each one.
"""


def page() -> str:
    """Return the page."""
    events: list[type[StreamEvent]] = [*get_args(OwnEvent), StreamSubAgent]
    common = frozenset(field.name for field in msgspec.structs.fields(StreamEvent))
    rows = [(f"[`{each.__name__}`](#{each.__name__.lower()})", code(tag_of(each)), over_http(each)) for each in events]
    parts = [OPENING, table(("event", "type", "over HTTP"), rows)]
    parts += ["## Fields of every event", section(StreamEvent).partition("\n\n")[2]]
    parts += [section(each, without=common) for each in events]
    parts += ["## Values in events", *map(value, values(events))]
    return "\n\n".join(parts) + "\n"


def over_http(event: type[StreamEvent]) -> str:
    """Return the name of an event over HTTP."""
    return ", ".join(code(codec.name) for codec in CODECS if codec.event is event)


def values(events: Iterable[type[Any]]) -> list[type[Any]]:
    """Return the structs and enums that fields have, without events and faults, in the order of their first use."""
    found: dict[type[Any], None] = {}
    waiting = list(events)
    while waiting:
        each = waiting.pop(0)
        if not issubclass(each, StreamEvent):
            found[each] = None
        if issubclass(each, msgspec.Struct):
            inner = [part for field in msgspec.structs.fields(each) for part in structs_in(field.type)]
            waiting += [part for part in inner if not issubclass(part, StreamEvent | StreamFault) and part not in found]
    return list(found)


def value(kind: type[Any]) -> str:
    """Return the section of a struct or an enum."""
    if not issubclass(kind, Enum):
        return section(kind, depth=3)
    members = ", ".join(code(member.value) for member in kind)
    return f"### {kind.__name__}\n\n{prose(kind)}\n\nOne of {members}."
