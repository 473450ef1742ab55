"""The last crashes of children, kept for people who watch the system. Erlang: rb, over sasl's reports.

for crash in await crashes():
    print(crash.at, crash.child.supervisor, crash.child.exception)
"""

from collections import deque
from contextlib import suppress
from typing import Any, Final, TypeAlias

from msgspec import Struct

from actors import Caller, CallFailed, GenServer, NoReply, Reply, call, pg, whereis
from actors.clock import unix_s
from supervisors.reports import TERMINATIONS, ChildTerminated

CRASH_LOG: Final = "crash_log"
KEPT: Final = 100


class LoggedCrash(Struct, frozen=True):
    """A crash. number: 1, 2, 3 ... since the log began. at: Unix seconds."""

    number: int
    at: float
    child: ChildTerminated


Crashes: TypeAlias = "deque[LoggedCrash]"


class GetCrashes(Struct, frozen=True):
    """A request for the crashes. The reply is a tuple of LoggedCrash, the oldest first."""


async def crashes() -> tuple[LoggedCrash, ...]:
    """Return the last KEPT crashes of the current system, the oldest first. Without a log, there are none."""
    if whereis(CRASH_LOG) is not None:
        with suppress(CallFailed):  # the log is being restarted
            kept: tuple[LoggedCrash, ...] = await call(CRASH_LOG, GetCrashes())
            return kept
    return ()


class CrashLog(GenServer[Crashes]):
    """The log. State: the crashes, which change in place."""

    def init(self) -> Crashes:
        pg.join(TERMINATIONS, self.pid)
        return deque(maxlen=KEPT)

    def handle_call(self, request: GetCrashes, caller: Caller, kept: Crashes) -> Reply[Crashes]:
        return Reply(tuple(kept), kept)

    def handle_info(self, message: Any, kept: Crashes) -> NoReply[Crashes]:
        if isinstance(message, ChildTerminated):
            number = kept[-1].number + 1 if kept else 1
            kept.append(LoggedCrash(number, unix_s(), message))
        return NoReply(kept)
