"""The layout of a timeline, and its SVG."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.errors import NetworkError
from agents.core.events import Event, StreamReset
from agents.timeline import picture_of, svg, timeline_of
from agents.timeline.picture import BAR_PX, LANE_PX, NARROWEST, WIDEST, seconds
from tests.agents.timeline.turns import calls, streams, timed

NAMESPACE = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "style", "rect", "line", "circle", "text"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style><script>alert(1)</script>",
    "]]><svg onload=alert(1)>",
    "&lt;b&gt; &#x3c;",
    "\x00\x1b[2J\x0b\ud800\ufffe",
    "javascript:alert(1)",
]
widths = st.integers(0, 5000)


@given(streams(), widths)
def test_every_shape_lies_within_the_picture(stream: list[Event], width: int) -> None:
    picture = picture_of(timeline_of(stream), width)
    assert NARROWEST <= picture.width <= WIDEST
    for bar in picture.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= picture.width
        assert bar.y >= 0
        assert bar.y + bar.height <= picture.height
    for x in (*(dot.x for dot in picture.dots), *(line.x for line in picture.lines)):
        assert 0 <= x <= picture.width
    assert all(0 <= label.y <= picture.height for label in picture.labels)


@given(streams())
def test_no_two_lanes_share_a_place(stream: list[Event]) -> None:
    picture, lanes = picture_of(timeline_of(stream)), timeline_of(stream).lanes
    rows = [label.y for label in picture.labels if label.kind == "title"]
    assert len(rows) == len(lanes)
    assert all(after - before == LANE_PX for before, after in pairwise(rows))
    assert BAR_PX < LANE_PX


@given(st.lists(st.text(), min_size=1, max_size=4) | st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4))
def test_names_and_reasons_are_escaped_and_change_no_structure(names: list[str]) -> None:
    harmless, hostile = (
        svg(picture_of(timeline_of(timed(*calls(called), (99, StreamReset(NetworkError("e", called[0])))))))
        for called in (["x" for _ in names], names)
    )
    elements = [each.tag.removeprefix(NAMESPACE) for each in ElementTree.fromstring(hostile).iter()]
    assert elements == [each.tag.removeprefix(NAMESPACE) for each in ElementTree.fromstring(harmless).iter()]
    assert set(elements) <= DRAWN
    assert not re.search(r"<[^>]*\son\w+=", hostile)


def test_an_svg_names_its_turn_for_a_reader_who_cannot_see_it() -> None:
    root = ElementTree.fromstring(svg(picture_of(timeline_of(timed(*calls(["search", "read_file"]))))))
    assert root.attrib["role"] == "img"
    title = root.find(f"{NAMESPACE}title")
    assert title is not None
    assert title.text == "Turn s: complete, 6 s, 2 calls."


def test_the_axis_has_round_numbers() -> None:
    picture = picture_of(timeline_of(timed(*calls(["search"]))))
    assert [label.text for label in picture.labels if label.kind == "tick"] == [
        "0 s", "1 s", "2 s", "3 s", "4 s", "5 s"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value_s", "text"), [(0, "0 s"), (0.25, "250 ms"), (1.234, "1.23 s"), (60, "60 s"), (200, "3 min 20 s")]
)
def test_a_duration_has_a_unit_that_fits(value_s: float, text: str) -> None:
    assert seconds(value_s) == text
