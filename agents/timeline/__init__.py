"""A turn over time: the events of a stream as lanes and spans, and as a picture.

lanes.py    the timeline as a value
lane.py     one lane while it grows
fold.py     events in, timeline out
picture.py  the layout: rectangles, lines and texts with their places
svg.py      a picture as SVG
"""

from agents.timeline.fold import TimelineFold, timeline_of
from agents.timeline.lanes import Lane, LaneMark, Span, Timeline
from agents.timeline.picture import Picture, picture_of
from agents.timeline.svg import svg

__all__ = ["Lane", "LaneMark", "Picture", "Span", "Timeline", "TimelineFold", "picture_of", "svg", "timeline_of"]
