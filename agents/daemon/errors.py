"""Errors that keep the daemon from starting, or that end it. Each has a text of one line.

CannotStart         the daemon can't start; nothing of it runs
├── InUse           another daemon or program uses the folder, the port or the store
└── Outage          the database or an MCP server is down: a later start may succeed

ApplicationEnded    the application of a running daemon ended: its supervisors stopped restarting it
"""


class CannotStart(Exception):
    pass


class InUse(CannotStart):
    pass


class Outage(CannotStart):
    pass


class ApplicationEnded(Exception):
    pass
