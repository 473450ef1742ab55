"""The record of a request: its id, its line in the log, and its place in the metrics.

The id is the client's X-Request-Id if that is valid, else a new one. Each answer has it, and each line of the log.

    request_refused     status 400 and above; WARNING for 401, 403, 421, 429 and 5xx, else INFO
    turn_requested      a POST whose answer names a stream, INFO: this line connects the request's id and the stream's
    request             any other one, DEBUG

A request that lacks a scope is the event request_forbidden of scopes.py instead.
"""

import logging
import re
import time
from contextlib import suppress
from typing import Final
from uuid import uuid4

from starlette.types import Message, Scope

from actors import NoSystem, pg
from actors.log import get_logger
from agents.gateway.guard.body import header_values
from agents.gateway.guard.caller import Caller
from agents.traces.requests import METERS, RequestAnswered

HEADER: Final = b"x-request-id"
STREAM_ID: Final = b"x-stream-id"
VALID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")
RECORD: Final = "understudy.request"
"""The key of the record in the ASGI scope."""

LINES_A_SECOND: Final = 20
"""The most lines about refused requests: anyone can send those."""

WARNED: Final = frozenset({401, 403, 421, 429})
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SOCKET: Final = "WS"
UNROUTED: Final = "other"
CLOSED: Final = {1008: 401}
"""The status that stands for the close code of a WebSocket."""

LEFT: Final = 499
"""The status of a request whose client left before the answer."""

LOGGER: Final = "understudy.gateway"
log = get_logger(LOGGER)


class RefusalLines:
    """The limit of lines about refused requests. unlogged: requests without a line since the last one."""

    def __init__(self) -> None:
        self._second, self._lines, self._unlogged = 0, 0, 0

    def may_log(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        self._unlogged += self._lines > LINES_A_SECOND
        return self._lines <= LINES_A_SECOND

    def taken_unlogged(self) -> int:
        unlogged, self._unlogged = self._unlogged, 0
        return unlogged


class RequestRecord:
    """A request. route: its path with names in place of ids. caller: None until it is admitted.

    status: None until the head of the answer. A WebSocket that is open has 101.
    """

    __slots__ = (
        "_began_s",
        "_head_s",
        "_lines",
        "address",
        "caller",
        "id",
        "method",
        "path",
        "route",
        "status",
        "stream_id",
    )

    def __init__(self, scope: Scope, path: str, lines: RefusalLines) -> None:
        given = header_values(scope, HEADER)
        self._lines = lines
        self.id = given[0] if len(given) == 1 and VALID.fullmatch(given[0]) else uuid4().hex
        self.method = scope["method"] if scope["type"] == "http" else SOCKET
        self.path, self.route, self.address = path, UNROUTED, str((scope.get("client") or ("",))[0])
        self.caller: Caller | None = None
        self.status: int | None = None
        self.stream_id: str | None = None
        self._began_s = self._head_s = time.monotonic()

    def note_head(self, message: Message) -> None:
        """Note the head of the answer, and add the id to it."""
        self.status, self._head_s = message.get("status", 101), time.monotonic()
        headers = [*message.get("headers", ())]
        self.stream_id = next((value.decode() for name, value in headers if name.lower() == STREAM_ID), None)
        message["headers"] = [*headers, (HEADER, self.id.encode())]

    def note_close(self, code: int) -> None:
        """Note the close code of a WebSocket."""
        self.status = CLOSED.get(code, self.status)

    def end(self) -> None:
        """Log and count the request."""
        status = self.status or LEFT
        self._log(status)
        method = self.method if self.method in METHODS or self.method == SOCKET else UNROUTED
        with suppress(NoSystem):
            if pg.members(METERS):
                pg.broadcast(METERS, RequestAnswered(method, self.route, status, self._head_s - self._began_s))

    def _log(self, status: int) -> None:
        level, event = logging.DEBUG, "request"
        if status >= 400 and status != LEFT:
            if status == 403 and self.caller is not None:
                return
            event = "request_refused"
            level = logging.WARNING if status in WARNED or status >= 500 else logging.INFO
        elif self.stream_id is not None and self.method == "POST":
            level, event = logging.INFO, "turn_requested"
        if not logging.getLogger(LOGGER).isEnabledFor(level):  # saves 10 us
            return
        if event != "request_refused" or self._lines.may_log():
            log.log(level, event, **self._fields(status))

    def _fields(self, status: int) -> dict[str, str | int | float | None]:
        fields: dict[str, str | int | float | None] = {
            "request_id": self.id,
            "method": self.method,
            "path": self.path[:200],
            "status": status,
            "elapsed_ms": round((time.monotonic() - self._began_s) * 1000, 1),
            "address": self.address,
        }
        if self.caller is not None:
            fields |= {"caller": self.caller.name, "user": self.caller.user}
        if self.stream_id is not None:
            fields["stream_id"] = self.stream_id
        if status >= 400 and (unlogged := self._lines.taken_unlogged()):
            fields["unlogged"] = unlogged
        return fields


def note_route(scope: Scope, route: str) -> None:
    """Note the route of a request. route: a path with names in place of ids."""
    record: RequestRecord | None = scope.get(RECORD)
    if record is not None:
        record.route = route
