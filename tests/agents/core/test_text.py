"""The rule for text, and the form in which a str that breaks the rule is sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.faults import KeyPath
from agents.core.text import HALF, is_id, is_text, joined_surrogates, no_text_in, to_json

ANY_STR = st.text(st.characters(codec=None, categories=None))
DATA = st.recursive(
    ANY_STR | st.none() | st.integers(-(2**60), 2**60), lambda inner: st.lists(inner) | st.dictionaries(ANY_STR, inner)
)


def encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(ANY_STR)
def test_text_is_what_utf_8_can_encode(text: str) -> None:
    assert is_text(text) == encodes(text)
    assert is_text(joined_surrogates(text))
    assert joined_surrogates(text) == text or not is_text(text)


@given(DATA)
def test_any_data_is_sent_as_json_and_text_is_sent_as_it_is(data: Any) -> None:
    sent = msgspec.json.decode(to_json(data))
    if no_text_in(data) is None:
        assert sent == data


@given(DATA)
def test_data_without_a_place_of_no_text_is_encoded(data: Any) -> None:
    encoded = encodes(repr_of_strings(data))
    assert (no_text_in(data) is None) == encoded


def repr_of_strings(data: Any) -> str:
    """Return all strings of the data, keys included."""
    match data:
        case str():
            return data
        case dict():
            return " ".join(f"{repr_of_strings(key)} {repr_of_strings(value)}" for key, value in data.items())
        case list():
            return " ".join(map(repr_of_strings, data))
    return ""


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"name": "\ud800"}, (("name",), HALF)),
        ({"tools": ["calculator", "\udfff"]}, (("tools", 1), HALF)),
        ({"options": {"stop": ("a", {"b": "x\ud800"})}}, (("options", "stop", 1, "b"), HALF)),
        ({"\ud800": 1}, (("\ufffd",), HALF)),
        ({"name": b"ada"}, (("name",), "bytes")),
        ({"name": "ada", "emoji": "\U0001f600", "nul": "\0"}, None),
    ],
)
def test_the_place_of_no_text_is_named(data: Any, place: tuple[KeyPath, str] | None) -> None:
    found = no_text_in(data)
    assert (found and (found.path, found.got)) == place


def test_data_that_contains_itself_is_searched_once() -> None:
    data: dict[str, Any] = {"name": "ada"}
    data["self"] = [data]
    assert no_text_in(data) is None


@pytest.mark.parametrize("id_", ["ada", "A.b_c~d-9", "x" * 128])
def test_an_id_is_part_of_a_path_as_it_is(id_: str) -> None:
    assert is_id(id_)


@pytest.mark.parametrize("id_", ["", "a/b", "a b", "ä", "a\n", "x" * 129, "\ud800"])
def test_other_text_is_not_an_id(id_: str) -> None:
    assert not is_id(id_)
