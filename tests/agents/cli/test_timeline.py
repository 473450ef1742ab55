"""The timeline of a turn in a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from agents.cli.view.timeline import LEGEND, timeline_text
from agents.core.errors import NetworkError
from agents.core.events import Event, StreamReset
from agents.timeline import timeline_of
from tests.agents.timeline.turns import calls, streams, timed


@given(streams(), st.integers(20, 200))
def test_a_line_is_never_wider_than_the_terminal(stream: list[Event], width: int) -> None:
    shown = timeline_text(timeline_of(stream), width)
    assert all(line.cell_len <= width for line in shown.split("\n"))


def test_each_lane_has_a_line_with_its_bar_and_its_duration() -> None:
    shown = timeline_text(timeline_of(timed(*calls(["search", "read_file"]))), 80).plain.splitlines()
    assert shown[0] == "Turn s: complete, 6 s, 2 calls."
    assert [line.split()[0] for line in shown[1:5]] == ["turn", "model", "search", "read_file"]
    assert "━" in shown[3]
    assert shown[3].endswith(" 500 ms")
    assert shown[-1] == LEGEND[:80] or shown[-1].endswith("…")


def test_a_reset_is_shown_with_its_reason() -> None:
    shown = timeline_text(timeline_of(timed((0, StreamReset(NetworkError("econnreset"))))), 80).plain
    assert "0 s turn: reset: network error: econnreset" in shown


def test_control_characters_of_names_reach_no_terminal() -> None:
    shown = timeline_text(timeline_of(timed(*calls(["\x1b[2J\x07\u202eevil"]))), 80).plain
    assert not any(ord(char) < 32 and char != "\n" for char in shown)
    assert "\u202e" not in shown
