"""Reports of supervisors and processes: log events of "understudy.*" as lines of the view."""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Self

LOGGER = "understudy"

STARTED = "child_started"
RESTARTED = "child_restarted"

SHOWN_ELSEWHERE = frozenset({"stream_completed", "stream_failed"})
"""Ends of streams. The view shows them itself; a report would appear before or after that at random."""

FIELDS = ("child", "label", "pid", "reason", "exception", "restart_type", "supervisor")
"""The fields in a line, in this order. An event with none of these fields shows all of its fields."""


class Reports(logging.Handler):
    """A log handler that takes over the log within its block.

    It shows reports while `shown` is active, and drops them otherwise. Reports are warnings, errors and restarts. A
    supervisor logs the first start and a restart as the same event: a child's second start is a restart.
    """

    def __init__(self) -> None:
        super().__init__()
        self._show: Callable[[str], None] = _drop
        self._children: set[tuple[str, str]] = set()
        self._logger = logging.getLogger(LOGGER)

    def __enter__(self) -> Self:
        self._before = self._logger.level, self._logger.propagate
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)

    @contextmanager
    def shown(self, show: Callable[[str], None]) -> Iterator[None]:
        """Call show with one line per report within the block."""
        self._show = show
        try:
            yield
        finally:
            self._show = _drop

    def emit(self, record: logging.LogRecord) -> None:
        """Report the record. An error of the display, such as a closed pipe, must not reach the process that logs."""
        try:
            self._report(record)
        except Exception:  # noqa: BLE001 (a logging handler may not raise)
            self.handleError(record)

    def _report(self, record: logging.LogRecord) -> None:
        fields = fields_of(record.getMessage())
        if fields["event"] == STARTED:
            child = (fields.get("supervisor", ""), fields.get("child", ""))
            if child not in self._children:
                self._children.add(child)
                return
            fields = {**fields, "event": RESTARTED}
        elif fields["event"] in SHOWN_ELSEWHERE:
            return
        self._show(line(fields))


def _drop(_: str) -> None:
    pass


def fields_of(message: str) -> dict[str, str]:
    """Return the fields of a message such as event='child_started' pid='Pid(7)'.

    A message of another form is an event without fields.
    """
    try:
        pairs = [word.partition("=") for word in shlex.split(message)]
    except ValueError:
        return {"event": message}
    fields = {name: value for name, equals, value in pairs if equals}
    return fields if "event" in fields else {"event": message}


def line(fields: Mapping[str, str]) -> str:
    shown = [name for name in FIELDS if name in fields] or [name for name in fields if name != "event"]
    return " ".join([fields["event"], *(f"{name}={_short(fields[name])}" for name in shown)])


def _short(value: str) -> str:
    return PurePath(value).name if value.startswith("/") else value
