"""How much waits for an agent to take it: messages in its mailbox and its queue, and those that are to join its turn.

Read in place, without asking the agent: one that waits for a disk takes messages, and answers nothing.
"""

from collections.abc import Iterator
from sys import getsizeof
from typing import Final

from actors import Pid
from actors.server.server_process import ServerProcess
from agents.instance.state import AgentState, StreamChat

LEAST_BYTES: Final = 1024  # of a message: its place in a queue costs, too


def cost_bytes(message: str) -> int:
    """Of memory."""
    return max(getsizeof(message), LEAST_BYTES)


def waiting_bytes(agent: Pid) -> int:
    process = agent.process
    if not isinstance(process, ServerProcess) or not isinstance(process.state, AgentState):
        return 0
    waiting = sum(cost_bytes(chat.message) for chat in process.state.queue)
    if (running := process.state.running) is not None and running.stream.turn is not None:
        waiting += sum(map(cost_bytes, running.stream.turn.past.steered))
    return waiting + sum(map(cost_bytes, _unread(process)))


def _unread(process: ServerProcess) -> Iterator[str]:
    for message, _ in process.mailbox:
        if isinstance(message, StreamChat):
            yield message.message
