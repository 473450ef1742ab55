"""The protocols of front ends, as encoders of a stream's events.

parts.py         the common part: texts and thoughts that begin and end, and the ids by which a client resumes
ag_ui.py         AG-UI
ui_messages.py   the UI message stream of the AI SDK
resumed.py       the rest of a stream after a place
bodies.py        the requests
"""
