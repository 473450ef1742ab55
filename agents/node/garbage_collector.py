"""The process that keeps the garbage collector's pauses short: it looks after new objects every few seconds.

State: the CPU time of this OS process at the last look.
"""

import time
from typing import Any, Final

from actors import TIMEOUT, After, GenServer, NoReply, Ready
from agents.node.garbage import policy

LOOK_S: Final = 5.0
"""The pause between two looks, and the time after which the start of the application counts as settled."""

IDLE_SHARE: Final = 0.1
"""The share of a core below which this OS process counts as idle."""


class GarbageCollector(GenServer[float]):
    """A holder of the policy in agents/node/garbage.py, from the application's start to its end."""

    trap_exit = True

    def init(self) -> Ready[float]:
        policy.hold(self.pid)
        return Ready(time.process_time(), After(LOOK_S))

    def handle_info(self, message: Any, cpu_s: float) -> NoReply[float]:
        if message is not TIMEOUT:
            return NoReply(cpu_s, After(LOOK_S))
        now_s = time.process_time()
        policy.look(self.pid, idle=now_s - cpu_s < IDLE_SHARE * LOOK_S)
        return NoReply(now_s, After(LOOK_S))

    def terminate(self, reason: Any, cpu_s: float) -> None:
        policy.release(self.pid)
