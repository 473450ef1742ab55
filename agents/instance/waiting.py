"""The memory of messages that wait for an agent: in its mailbox, in its queue, and for its turn's next model call.

The agent's state is read directly, without a call: an agent that waits for a disk does not answer calls.
"""

from collections.abc import Iterator
from sys import getsizeof
from typing import Final

from actors import Pid
from actors.server.server_process import ServerProcess
from agents.agent_config.request import TurnRequest
from agents.core.parts import Content, size_of, text_of
from agents.instance.state import AgentState, StreamChat

LEAST_BYTES: Final = 1024  # counted for each message: its place in a queue needs memory, too


def cost_bytes(message: Content, request: TurnRequest | None = None) -> int:
    """Return the memory that a waiting message counts for, with its request if it has one."""
    more = 0 if request is None else request.size_bytes
    return max(getsizeof(text_of(message)) + size_of(message) + more, LEAST_BYTES)


def waiting_bytes(agent: Pid) -> int:
    process = agent.process
    if not isinstance(process, ServerProcess) or not isinstance(process.state, AgentState):
        return 0
    waiting = sum(cost_bytes(chat.message, chat.request) for chat in process.state.queue)
    if (running := process.state.running) is not None and running.stream.turn is not None:
        waiting += sum(map(cost_bytes, running.stream.turn.past.steered))
    return waiting + sum(cost_bytes(chat.message, chat.request) for chat in _unread(process))


def _unread(process: ServerProcess) -> Iterator[StreamChat]:
    for message, _ in process.mailbox:
        if isinstance(message, StreamChat):
            yield message
