"""The view of a turn: events in, text out.

view.py       the terminal's picture as a value: finished blocks, and the unfinished part
layout.py     blocks as rich renderables
screen.py     the two displays: a live terminal, plain lines
reports.py    log events of the supervisors, as lines of the view
printable.py  text without control characters

The package imports none of them: most commands need printable.py only, and screen.py loads rich's Markdown (20 ms).
"""
