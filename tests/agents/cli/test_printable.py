"""Text without characters that a terminal obeys."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cli.view.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("over\rwritten", "over␍written"),
        ("a\r\nb", "a\nb"),
        ("\x9b31m", "\ufffd31m"),
        ("\x7f", "␡"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("\ud800", "\ufffd"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("naïve 東京 🎭", "naïve 東京 🎭"),
    ],
)
def test_a_control_character_is_shown_and_never_sent(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_no_text_keeps_a_character_that_a_terminal_obeys(text: str) -> None:
    left = {unicodedata.category(character) for character in printable(text) if character not in "\n\t"}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}


def test_one_line_has_single_spaces_only() -> None:
    assert one_line("  a\n\n b\t\tc\r\n") == "a b c"
