"""A meter: counts turns and requests at their ends, and crashed children. It gets one message for each of them.

The daemon's meter has the numbers of /metrics. With telemetry, the application has one that exports them.
"""

from typing import Any

from actors import GenServer, NoReply, Pid, pg
from agents.streams.report import TurnEnded
from agents.telemetry.measurements import Measurements
from agents.traces.requests import METERS, RequestAnswered
from agents.webhooks.announcer import WebhookTried
from supervisors.reports import TERMINATIONS, ChildTerminated


class Meter(GenServer[Measurements]):
    """State: the figures, which change in place. The starter of the meter may hold them beyond its end."""

    def init(self, figures: Measurements) -> Measurements:
        become_meter(self.pid)
        return figures

    def handle_info(self, message: Any, figures: Measurements) -> NoReply[Measurements]:
        count(message, figures)
        return NoReply(figures)


def become_meter(pid: Pid) -> None:
    """Have a process get the messages of a meter."""
    for group in (METERS, TERMINATIONS):
        pg.join(group, pid)


def count(message: Any, figures: Measurements) -> None:
    """Add a message of a meter to the figures."""
    match message:
        case TurnEnded():
            figures.add_turn(message)
        case RequestAnswered():
            figures.add_request(message)
        case ChildTerminated():
            figures.add_crash(message)
        case WebhookTried():
            figures.add_webhook(message)
