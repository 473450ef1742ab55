"""Events on the wire: the client reads what the gateway writes, for every event there is."""

import json
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cli.view import view
from agents.client.frames import Frames
from agents.contract.wire import CODECS, DATA, FAILED, TIMEOUT, event_of, name_of
from agents.core.events import Event, StreamToken
from agents.gateway.wire import frames, frames_without_error, message

EVENTS: tuple[type[Any], ...] = get_args(Event)
MANUAL = Path(__file__).parents[3] / "docs" / "gateway.md"

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
COUNTS = st.integers(1, 2**53)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {str: TEXTS, int: COUNTS, float: FLOATS, Any: JSON}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return the values of a field's type, of structs with every field."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.builds(kind, **{field.name: values(field.type) for field in msgspec.structs.fields(kind)})
    match get_origin(kind), get_args(kind):
        case types.UnionType, parts:
            return st.one_of(*map(values, parts))
        case origin, (item, *_) if origin is tuple:
            return st.lists(values(item), max_size=2).map(tuple)
        case origin, _ if origin is dict:
            return st.dictionaries(TEXTS, JSON, max_size=3)
    return PLAIN[kind] if kind in PLAIN else st.from_type(kind)


ANY_EVENT = st.one_of(*map(values, EVENTS))
Write = Callable[[list[Event]], bytes]


def read(written: bytes, stream_id: str) -> list[Event | None]:
    return [event_of(frame.name, frame.data, stream_id, frame.id or 0) for frame in Frames().feed(written)]


@pytest.mark.parametrize("write", [frames, frames_without_error])
@given(event=ANY_EVENT)
def test_a_client_reads_each_event_as_it_was_written(write: Write, event: Event) -> None:
    assert read(write([event]), event.stream_id) == [event]


@given(event=ANY_EVENT)
def test_a_websocket_message_has_the_name_the_place_and_the_attempt_of_its_event(event: Event) -> None:
    said = json.loads(message(event))
    assert (said["type"], said["seq"], said["stream_id"]) == (name_of(event), event.seq, event.stream_id)
    assert said.get("attempt", 1) == event.attempt
    assert said.get("joined", 1) == getattr(event, "joined", 1)
    assert said.get("at") == event.at


def test_the_first_attempt_is_left_out_and_a_later_one_is_in_the_data() -> None:
    first, second = StreamToken("a", stream_id="s", seq=1), StreamToken("b", stream_id="s", seq=2, attempt=2)
    assert frames([first]) == b'id: 1\nevent: token\ndata: {"text":"a"}\n\n'
    assert frames([second]) == b'id: 2\nevent: token\ndata: {"text":"b","attempt":2}\n\n'
    assert message(second) == b'{"type":"token","data":"b","attempt":2,"seq":2,"stream_id":"s"}'


def test_a_name_that_this_version_does_not_know_is_passed_over() -> None:
    assert event_of("of_a_later_version", b"{}", "s", 1) is None


def test_the_time_is_in_the_data_and_beside_the_seq_and_left_out_where_it_is_unknown() -> None:
    at = 1764377000.123456
    tokens: list[Event] = [StreamToken(text, stream_id="s", seq=seq, at=at) for seq, text in enumerate("ab", 1)]
    written = b'id: %d\nevent: token\ndata: {"text":"%b","at":1764377000.123456}\n\n'
    assert frames(tokens) == written % (1, b"a") + written % (2, b"b")
    assert message(tokens[0]) == b'{"type":"token","data":"a","at":1764377000.123456,"seq":1,"stream_id":"s"}'


def test_every_event_has_one_row_on_the_wire_and_a_shape_with_its_attempt_and_its_time() -> None:
    assert [codec.event for codec in CODECS] == list(EVENTS)
    assert list(DATA) == [*(codec.name for codec in CODECS), TIMEOUT, FAILED]
    for shape in DATA.values():
        assert {"attempt", "at"} <= {*shape.__struct_fields__}, shape


def test_the_terminals_view_names_every_event() -> None:
    assert [kind for kind in EVENTS if getattr(view, kind.__name__, None) is not kind] == []


def test_the_manual_has_a_row_for_every_name() -> None:
    rows = [line.split("|")[1] for line in MANUAL.read_text().splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert set(DATA) - named == set()
