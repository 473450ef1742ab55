"""The Markdown of an answer in a terminal: whole blocks, formatted once, and no control code of the model."""

import asyncio
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from actors.testing import simulated
from agents.cli.view.markdown import AnswerMarkdown, whole_blocks
from agents.cli.view.screen import FRAME_S, Terminal
from agents.core.events import StreamToken
from tests.agents.cli.test_screen import HOSTILE, text
from tests.agents.cli.turns import tokens

pieces = st.sampled_from(["word", " ", "\n", "\n\n", "```", "~~~", "```py\n", "- item\n", "| a |\n", "    ", "*", "#"])


def shown(answer: str, width: int = 80) -> str:
    """Return what a terminal shows of an answer that comes token by token."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=24, highlight=False, legacy_windows=False)
    with Terminal(console, lambda: 0.0, markdown=True) as screen:
        for each in tokens(answer):
            screen.show(each)
    return out.getvalue()


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        ("one", ""),
        ("one\ntwo\n", ""),
        ("one\n\ntwo", "one\n\n"),
        ("one\n  \ntwo", "one\n  \n"),
        ("```\na\n\nb\n", ""),
        ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```\n\n"),
        ("````\n```\n\n````\n\nc", "````\n```\n\n````\n\n"),
        ("~~~\n```\n\n~~~\n\n", "~~~\n```\n\n~~~\n\n"),
    ],
)
def test_a_block_ends_at_an_empty_line_outside_code(answer: str, whole: str) -> None:
    assert answer[: whole_blocks(answer)] == whole


@given(st.lists(pieces, max_size=20).map("".join))
def test_blocks_are_found_alike_however_the_answer_is_cut(answer: str) -> None:
    whole = whole_blocks(answer)
    assert whole_blocks(answer[:whole]) == whole
    assert answer[whole:].strip("\n") == "" or whole_blocks(answer + "x") == whole


async def test_an_answer_is_formatted_as_it_comes() -> None:
    answer = "# Rain\n\nIt is **very** `wet`.\n\n- one\n- two\n\n```python\nprint(1)\n\nprint(2)\n```\n"
    written = text(shown(answer))
    assert "**" not in written
    assert "```" not in written.rpartition("print(2)")[2]
    assert "• one" in written.replace("\u2022", "•")
    assert written.count("print(2)") >= 1
    assert "\x1b[1m" in shown(answer)


async def test_the_lines_of_an_answer_stay_lines() -> None:
    lines = [line.strip() for line in text(shown("roses\nviolets\n\nthe end")).splitlines()]
    assert [line for line in lines if line][-3:] == ["roses", "violets", "the end"]


@pytest.mark.parametrize(
    "answer",
    [
        HOSTILE,
        "&#27;[2J &#x202e;evil &#155;",
        "[click](https://example.org/\x1b]0;owned\x07) ![\x1b[2J](x)",
        "<script>alert(1)</script> <b>text</b>",
        "```\x1b[2J\n\x1b]0;owned\x07\n```\n\nx",
    ],
)
async def test_no_answer_controls_the_terminal(answer: str) -> None:
    written = shown(f"{answer}\n\nnext", width=200)
    assert "\x1b[2J" not in written
    assert "\x1b]" not in written  # no hyperlink: an address is shown as it is
    assert not re.search("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]", written.replace("\r", ""))


async def test_html_of_a_model_is_text() -> None:
    assert "<b>text</b>" in text(shown("<b>text</b>\n\n<div>block</div>\n\nx"))
    assert "<div>block</div>" in text(shown("<b>text</b>\n\n<div>block</div>\n\nx"))


async def test_a_link_shows_its_address() -> None:
    assert "https://example.org/" in text(shown("see [here](https://example.org/)\n\nx"))


@simulated(seeds=1)
async def test_a_paused_terminal_draws_nothing_until_it_goes_on() -> None:
    out = io.StringIO()
    with Terminal(Console(file=out, force_terminal=True, width=80, height=24)) as screen:
        screen.show(StreamToken("before\n"))
        with screen.paused():
            drawn = out.getvalue()
            screen.show(StreamToken("meanwhile\nand more"))
            await asyncio.sleep(2 * FRAME_S)  # longer than the pause between two pictures
            assert out.getvalue() == drawn
        assert "meanwhile" in out.getvalue()[len(drawn) :]
    assert text(out.getvalue()).count("meanwhile") == 1
    assert "and more" in text(out.getvalue())


def test_markdown_of_any_length_keeps_its_words() -> None:
    words = [f"word{number}" for number in range(500)]
    out = io.StringIO()
    Console(file=out, width=40).print(AnswerMarkdown(" ".join(words)))
    assert out.getvalue().split() == words
