"""Values are read back unchanged, and a value for which this is impossible is refused when it is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import Function, ToolCall
from agents.core.events import Event, StreamToken, StreamToolProgress
from agents.sessions import NotData
from agents.sessions.payload import DEPTH, Decoder

ANY: Decoder[Any] = Decoder(Any)
TEXT: Decoder[str] = Decoder(str)
EVENTS: Decoder[list[Event]] = Decoder(list[Event])

texts = st.text(st.characters(codec=None))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary() | st.complex_numbers()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts | st.integers(), inner), max_leaves=20
)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(values)
def test_a_value_is_refused_or_read_back_unchanged(value: Any) -> None:
    try:
        payload = ANY.written(value)
    except NotData:
        return
    assert _as_json_has_it(ANY(payload)) == _as_json_has_it(value)


@given(texts)
def test_any_text_is_read_back_unchanged(text: str) -> None:
    assert TEXT(TEXT.written(text)) == text
    token: list[Event] = [StreamToken(text, stream_id="t", seq=1)]
    assert EVENTS(EVENTS.written_text(token)) == token


@pytest.mark.parametrize(
    "value", [None, 5, b"x", float("nan"), object(), 1j, ["x"], {"a": 1}], ids=lambda each: type(each).__name__
)
def test_a_message_other_than_text_is_refused(value: Any) -> None:
    with pytest.raises(NotData):
        TEXT.written(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", {"a": [b"x"]}, {"a": float("-inf")}], ids=repr)
def test_data_that_json_lacks_is_refused(value: Any) -> None:
    with pytest.raises(NotData):
        ANY.written(value)


@pytest.mark.parametrize("depth", [1, 100, DEPTH, DEPTH + 1, 980, 5000, 100_000])
def test_a_value_nests_up_to_the_limit_whatever_its_text_looks_like(depth: int) -> None:
    text = "[" * depth + '{"'
    assert ANY(ANY.written([text])) == [text]
    if depth <= DEPTH:
        assert ANY(ANY.written(nested(depth))) == nested(depth)
    else:
        with pytest.raises(NotData):
            ANY.written(nested(depth))


def test_a_value_whose_methods_raise_is_refused() -> None:
    class Hostile(dict[str, Any]):
        def items(self) -> Any:
            raise MemoryError

        def __eq__(self, other: object) -> bool:
            raise SystemError

        __hash__ = None

    call = ToolCall("c", Function("look", "{}"))
    with pytest.raises(NotData):
        EVENTS.written([StreamToolProgress(call, Hostile(a=object()), stream_id="t", seq=1)])


def _as_json_has_it(value: Any) -> Any:
    match value:
        case dict():
            return {
                str(key) if not isinstance(key, bool) else key: _as_json_has_it(each) for key, each in value.items()
            }
        case list() | tuple():
            return [_as_json_has_it(each) for each in value]
    return value
