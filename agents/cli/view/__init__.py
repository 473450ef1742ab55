"""The view of a turn: events in, text out.

view.py       what a terminal shows, as a value: finished blocks, and the part that still changes
layout.py     blocks as rich renderables
screen.py     the two shells: a live terminal, plain lines
reports.py    log events of the supervisors, as lines of the view
printable.py  text that no terminal obeys
"""

from agents.cli.view.screen import Screen, open_screen

__all__ = ["Screen", "open_screen"]
