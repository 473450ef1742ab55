"""The log events of processes that failed. Erlang: proc_lib's crash reports, gen_server's error reports.

A report names messages and reasons by their types, since either may hold secrets. Only a server's own format_status
can show more.
"""

from typing import TYPE_CHECKING, Any

from actors.kernel.signals import Crash, Reason, Shutdown
from actors.log import log

if TYPE_CHECKING:
    from actors.kernel.process import Process


def process_crashed(process: "Process", reason: Any) -> None:
    """Log the failure of a process that no exit signal ended. Source: proc_lib:crash_report/4 (OTP)."""
    log.error(
        "process_crashed",
        pid=str(process.pid),
        registered_name=process.name,
        label=process.label,
        parent=str(process.parent),
        mailbox_length=len(process.mailbox),
        links=[str(other.pid) for other in process.links or ()],
        trap_exit=process.trap_exit,
        **process.last_words(reason),
    )


def reason_fields(reason: Any) -> dict[str, str]:
    """Return an exit reason as log fields: a plain word, a crash's type and place, or the type of any other reason."""
    match reason:
        case Crash():
            return {"reason": "crash", **_crash_fields(reason)}
        case Reason():
            return {"reason": reason.value}
        case Shutdown():
            return {"reason": "shutdown", "detail": type(reason.detail).__name__}
        case _:
            return {"reason": type(reason).__name__}


def _crash_fields(reason: Crash) -> dict[str, str]:
    """Return the exception's type and the place of its raise, without its text."""
    trace = reason.exception.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown"
    return {"exception": type(reason.exception).__name__, "where": where}
