"""Suggestions for misspelled names."""

import pytest

from agents.core.nearest import nearest, suggestion

KNOWN = ("model", "tools", "timeout_s")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("modle", "model"), ("tool", "tools"), ("timeout", "timeout_s"), ("model", "model"), ("xyz", None), ("", None)],
)
def test_the_nearest_name_is_similar_or_none(name: str, meant: str | None) -> None:
    assert nearest(name, KNOWN) == meant
    assert nearest(name, iter(KNOWN)) == meant
    assert suggestion(name, KNOWN) == ("" if meant is None else f"; did you mean {meant!r}?")


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert suggestion("model", ()) == ""


def test_a_name_that_is_not_text_is_compared_as_text() -> None:
    assert suggestion(5, KNOWN) == ""
