"""Laws of results: whatever a tool returns, the model reads text and a subscriber gets JSON data."""

import dataclasses
import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.plain import plain
from agents.tools.result import MAX_RESULT_BYTES, bounded, result_text
from agents.tools.text import cut


@dataclasses.dataclass
class Row:
    id: int
    at: datetime.date


class Opaque:
    def __str__(self) -> str:
        return "opaque"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        ([1, 2.5, "é"], '[1,2.5,"é"]'),
        (Row(1, datetime.date(2024, 2, 29)), '{"id":1,"at":"2024-02-29"}'),
        ({"it": Opaque()}, '{"it":"opaque"}'),
        ({(1, 2): 3, None: 4}, '{"[1,2]":3,"null":4}'),
        (2**100, str(2**100)),
        (float("nan"), "NaN"),
        ([float("inf"), -float("inf"), -0.0], '["Infinity","-Infinity",-0.0]'),
        ("half \ud800", "half \ufffd"),
        ("whole \ud83d\ude00", "whole \U0001f600"),
        ({"a": ["\udfff"]}, '{"a":["\ufffd"]}'),
    ],
)
def test_a_text_is_shown_unchanged_and_other_data_as_compact_json(value: Any, text: str) -> None:
    assert result_text(plain(value)) == text


@given(st.recursive(st.none() | st.text(st.characters()) | st.binary() | st.dates(), st.lists) | st.sets(st.integers()))
def test_plain_data_can_be_encoded_and_stays_unchanged(value: Any) -> None:
    once = plain(value)
    msgspec.json.encode(once)
    assert plain(once) == once


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_is_within_its_limit_and_has_a_mark(text: str, limit: int) -> None:
    shown = cut(text, limit)
    if len(text.encode()) <= limit:
        assert shown == text
    else:
        kept, _, mark = shown.rpartition("\n")
        assert text.startswith(kept)
        assert len(kept.encode()) <= limit
        assert mark == f"[cut: the first {limit} of {len(text.encode())} bytes]"


def test_a_result_of_any_size_is_shown_within_the_limit() -> None:
    assert len(bounded([0] * MAX_RESULT_BYTES)) < MAX_RESULT_BYTES + 100


@given(st.lists(st.text()) | st.text(), st.integers(1, 50))
def test_a_value_within_its_limit_is_kept_and_one_beyond_becomes_its_cut_text(value: Any, limit: int) -> None:
    text = result_text(plain(value))
    fits = len(text.encode()) <= limit
    assert bounded(value, limit) == (plain(value) if fits else cut(text, limit))
