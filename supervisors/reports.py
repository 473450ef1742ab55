"""Reports of supervisors: log events, and messages to processes that count crashes.

Erlang: supervisor reports and progress reports. No report holds a child's args or an exception's text: either may hold
secrets.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from actors import Pid, pg
from actors.clock import unix_s
from actors.kernel.crash_reports import reason_fields
from actors.kernel.process import Process
from actors.log import get_logger
from supervisors.child_spec import ChildSpec
from supervisors.children import Place

log = get_logger("understudy.supervisors")
_enabled = logging.getLogger("understudy.supervisors").isEnabledFor  # before the fields are made, at every start


TERMINATIONS: Final = "supervisors.terminations"
"""The process group whose members get ChildTerminated."""


class ChildTerminated(Struct, frozen=True):
    """A child of this supervisor ended by itself and should not have.

    child: its id. name: that of a dynamic child, if its supervisor knows one. reason: the word for the exit reason.
    exception, where: of a crash, the exception's type and the place of its raise.
    """

    supervisor: str
    child: str
    pid: str
    reason: str
    name: str = ""
    exception: str | None = None
    where: str | None = None


class LastCrash(Struct, frozen=True):
    """The last end of a child, without the text of an exception. at: Unix seconds. The rest: as in ChildTerminated."""

    at: float
    reason: str
    exception: str | None = None
    where: str | None = None


def crash_of(reason: Any) -> LastCrash:
    words = reason_fields(reason)
    return LastCrash(unix_s(), words["reason"], words.get("exception"), words.get("where"))


def child_terminated(supervisor: Process, spec: ChildSpec, pid: Place, reason: Any, name: str = "") -> None:
    """Report that a child ended by itself, for a reason that its restart type counts as a failure.

    Members of the process group TERMINATIONS get ChildTerminated. name: as in ChildTerminated.
    """
    words = reason_fields(reason)
    pg.broadcast(
        TERMINATIONS,
        ChildTerminated(
            _name(supervisor),
            str(spec.id),
            str(pid),
            words["reason"],
            name,
            words.get("exception"),
            words.get("where"),
        ),
    )
    log.error("child_terminated", **_fields(supervisor, spec, pid), **words)


def child_not_started(supervisor: Process, spec: ChildSpec, reason: Any) -> None:
    """Log a start that failed. OTP: start_error."""
    log.error("start_error", **_fields(supervisor, spec, None), **reason_fields(reason))


def children_not_stopped(supervisor: Process, spec: ChildSpec, reasons: Iterable[Any]) -> None:
    """Log children that ended with another reason than their shutdown, one event per reason. OTP: shutdown_error."""
    kinds = Counter(tuple(reason_fields(reason).items()) for reason in reasons)
    for fields, children in kinds.items():
        log.error("shutdown_error", **_fields(supervisor, spec, None), children=children, **dict(fields))


def gave_up(supervisor: Process, spec: ChildSpec, pid: Place) -> None:
    """Log that the supervisor ends after too many restarts. OTP: shutdown."""
    log.error("supervisor_gave_up", **_fields(supervisor, spec, pid), reason="reached_max_restart_intensity")


def child_given_up(supervisor: Process, spec: ChildSpec, pid: Place, name: str) -> None:
    """Log that a child is not restarted, under a limit for each child."""
    fields = _fields(supervisor, spec, pid) | ({"name": name} if name else {})
    log.error("child_given_up", **fields, reason="reached_max_restart_intensity")


def child_started(supervisor: Process, spec: ChildSpec, pid: Pid | None) -> None:
    """Log a child that started with its supervisor or was restarted. OTP: a progress report at level info."""
    if _enabled(logging.INFO):
        log.info("child_started", **_fields(supervisor, spec, pid))


def child_added(supervisor: Process, spec: ChildSpec, pid: Pid | None) -> None:
    """Log a child that start_child or restart_child started. OTP: a progress report at level debug."""
    if _enabled(logging.DEBUG):
        log.debug("child_started", **_fields(supervisor, spec, pid))


def message_dropped(supervisor: Process, message: object) -> None:
    """Log a message that a supervisor does not understand."""
    log.error("message_dropped", supervisor=_name(supervisor), message=type(message).__name__)


def _fields(supervisor: Process, spec: ChildSpec, pid: Place) -> dict[str, str]:
    return {
        "supervisor": _name(supervisor),
        "child": str(spec.id),
        "pid": str(pid),
        "restart_type": str(spec.restart),
        "child_type": str(spec.type),
    }


def _name(supervisor: Process) -> str:
    return supervisor.name or f"{supervisor.label}{supervisor.pid}"
