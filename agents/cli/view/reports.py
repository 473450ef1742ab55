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

TOLD = frozenset({"stream_completed", "stream_failed"})
"""The end of a stream, which the view tells by itself: as a report it would come before or after, by chance."""

FIELDS = ("child", "label", "pid", "reason", "exception", "restart_type", "supervisor")
"""What a line shows of an event, in this order; an event with none of them shows all that it has."""


class Reports(logging.Handler):
    """Within the block, the log goes here alone; what it reports is shown to who asks for it, and dropped else.

    Shown are warnings, errors and restarts. A child that starts for the second time is a restart: a supervisor logs
    both as progress.
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
        """Within the block, show is given a line a report."""
        self._show = show
        try:
            yield
        finally:
            self._show = _drop

    def emit(self, record: logging.LogRecord) -> None:
        """What showing raises (nobody reads the pipe any more) is not for the process that reports."""
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
        elif fields["event"] in TOLD:
            return
        self._show(line(fields))


def _drop(_: str) -> None:
    pass


def fields_of(message: str) -> dict[str, str]:
    """event='child_started' pid='Pid(7)' -> its fields. A message of another form is an event without fields."""
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
