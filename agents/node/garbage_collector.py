"""The process that keeps the garbage collector's pauses short: it looks after new objects every few seconds."""

import time
from typing import Any, Final

from msgspec import Struct

from actors import TIMEOUT, After, GenServer, NoReply, Ready
from agents.node.garbage import policy

LOOK_S: Final = 5.0
"""The pause between two looks, and the time after which the start of the application counts as settled."""

LONGEST_PAUSE_S: Final = 80.0
"""While the OS process is idle, each pause is twice as long as the one before, up to this one."""

IDLE_SHARE: Final = 0.1
"""The share of a core below which this OS process counts as idle."""


class Looks(Struct, frozen=True):
    """The state. cpu_s: the CPU time of this OS process at the last look. pause_s: until the next look."""

    cpu_s: float
    pause_s: float = LOOK_S


class GarbageCollector(GenServer[Looks]):
    """A holder of the policy in agents/node/garbage.py, from the application's start to its end."""

    trap_exit = True

    def init(self) -> Ready[Looks]:
        policy.hold(self.pid)
        return Ready(Looks(time.process_time()), After(LOOK_S))

    def handle_info(self, message: Any, looks: Looks) -> NoReply[Looks]:
        if message is not TIMEOUT:
            return NoReply(looks, After(looks.pause_s))
        now_s = time.process_time()
        idle = now_s - looks.cpu_s < IDLE_SHARE * looks.pause_s
        policy.look(self.pid, idle=idle)
        pause_s = min(2 * looks.pause_s, LONGEST_PAUSE_S) if idle else LOOK_S
        return NoReply(Looks(now_s, pause_s), After(pause_s))

    def terminate(self, reason: Any, looks: Looks) -> None:
        policy.release(self.pid)
