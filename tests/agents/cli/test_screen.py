"""The output of a turn: on terminals of any size, and in a pipe."""

import io
import re
from collections.abc import Iterable

import pytest
from rich.console import Console

from agents.cli.view.layout import live
from agents.cli.view.screen import Lines, Terminal, open_screen
from agents.cli.view.view import Note, View, step
from agents.core.events import Event, StreamComplete, StreamToken
from agents.core.response import Response
from agents.core.stream_metrics import StreamMetrics
from tests.agents.cli.turns import RUNNING, TURN, answered, asked, begun, complete, tokens

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]no markup[/bold] [/] \r\x9b1A{name}"
OWN_SEQUENCE = re.compile(r"\x1b\[(\d+;?)*m|\x1b\[\?25[lh]|\x1b\[\d*[AK]|\x1b\[2K|\r")
"""Colours, the cursor shown or hidden, up, erase: what a drawing writes."""


def terminal(happened: Iterable[Event | Note], width: int = 80, height: int = 24) -> str:
    """Return all output of a terminal."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=height, highlight=False, legacy_windows=False)
    with Terminal(console) as screen:
        for each in happened:
            screen.show(each)
    return out.getvalue()


def text(written: str) -> str:
    return OWN_SEQUENCE.sub("", written)


def plain(happened: Iterable[Event | Note]) -> tuple[str, str]:
    out, about = io.StringIO(), io.StringIO()
    with Lines(out, about) as screen:
        for each in happened:
            screen.show(each)
    return out.getvalue(), about.getvalue()


async def test_a_terminal_ends_with_text_calls_results_and_figures() -> None:
    shown = text(terminal(TURN))
    for piece in (
        "I will look.",
        '✓ lookup 0.25 s {"key": "a"}',
        "(attempt 2) found it",
        '✗ divide 0.25 s {"by": 0}',
        "error: division by zero",
        "It is\nfound.",
        "2.50 s · first token 0.31 s · 2 calls 1.20 s · 16.0 tokens/s · 12 in, 34 out",
    ):
        assert piece in shown


async def test_an_answer_longer_than_the_screen_stays_whole() -> None:
    lines = [f"line {number}" for number in range(200)]
    shown = text(terminal(tokens("\n".join(lines)), height=10)).splitlines()
    assert [line.strip() for line in shown if line.strip()] == lines


async def test_a_paragraph_higher_than_the_screen_stays_whole() -> None:
    words = [f"word{number}" for number in range(500)]
    assert text(terminal(tokens(" ".join(words)), width=30, height=6)).split() == words


@pytest.mark.parametrize("width", [10, 24, 80, 300])
@pytest.mark.parametrize("height", [1, 2, 5])
def test_the_unfinished_part_fits_any_screen(width: int, height: int) -> None:
    view = View()
    for each in [*tokens("word " * 300), *asked("a_tool_with_a_long_name", '{"key": "%s"}' % ("v" * 500)), RUNNING]:
        view, _ = step(view, each, 0.0)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=height)
    console.print(live(view, 1.0), end="")
    lines = text(out.getvalue()).split("\n")
    assert len(lines) <= max(1, height - 1) + 1
    assert all(len(line) <= width for line in lines)


async def test_a_running_call_shows_its_clock_and_the_arguments_that_have_come() -> None:
    view = View()
    for each in [*asked("lookup", '{"key": "a"}')[:2], begun("lookup", '{"key": "a"}')]:
        view, _ = step(view, each, 10.0)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, record=True)
    console.print(live(view, 11.5))
    assert 'lookup 1.5 s {"key"' in console.export_text()


@pytest.mark.parametrize(
    "happened",
    [
        [StreamToken(HOSTILE)],
        [StreamToken(character) for character in HOSTILE],
        [*asked(HOSTILE, HOSTILE), RUNNING, answered(HOSTILE, HOSTILE)],
        [Note(HOSTILE)],
        [Note(HOSTILE, report=True)],
    ],
)
async def test_hostile_text_is_shown_and_not_obeyed(happened: list[Event | Note]) -> None:
    for written in (terminal(happened, width=200), "".join(plain(happened))):
        shown = text(written)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
        assert "[2J" in shown
        assert "\x1b[2J" not in written
        assert "\x1b]" not in written
    assert "\r" not in "".join(plain(happened))
    assert "[bold]no markup[/bold] [/]" in text(terminal([StreamToken(HOSTILE)], width=200))


def test_a_pipe_gets_each_thing_on_a_line_of_its_own() -> None:
    out, about = plain(TURN)
    assert out == "I will look.\nIt is\nfound.\n"
    assert about.splitlines() == [
        '-> lookup {"key": "a"}',
        '-> divide {"by": 0}',
        "<- divide 0.25 s: error: division by zero",
        "<- lookup 0.25 s: (attempt 2) found it",
        "[2.50 s · first token 0.31 s · 2 calls 1.20 s · 16.0 tokens/s · 12 in, 34 out]",
    ]


def test_one_call_is_not_in_the_plural() -> None:
    one = Response("", "", metrics=StreamMetrics(2500.0, 310.0, 40, 200, 16.0, 80.0, 1, 1200.0))
    assert " · 1 call 1.20 s · " in plain([StreamComplete(one)])[1]


def test_a_pipe_gets_a_token_when_it_comes() -> None:
    out = io.StringIO()
    with Lines(out, out) as screen:
        screen.show(StreamToken("hel"))
        assert out.getvalue() == "hel"


def test_a_note_cuts_no_line_of_a_pipe_in_two() -> None:
    out, about = plain([*tokens("half a "), Note("died", report=True), *tokens("sentence.")])
    assert (out, about) == ("half a sentence.\n", "   died\n")


def test_only_a_terminal_gets_control_codes() -> None:
    out = io.StringIO()
    with open_screen(out, out) as screen:
        for each in [*TURN, complete("")]:
            screen.show(each)
    assert "\x1b" not in out.getvalue()
