"""The turns that run now, and the calls that wait for a decision.

The agents' states are read directly, without calls: an agent that is blocked or suspended is shown, too.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias

from msgspec import Struct

from actors.kernel.process import Process
from actors.observer import processes
from actors.server.server_process import ServerProcess
from agents.agent_registry import is_agent
from agents.core.conversation import ToolCall
from agents.core.turn_state import TurnState
from agents.instance.state import AgentState
from agents.streams.stream import Stream

Visible: TypeAlias = Callable[[Process], bool]


class TurnInProgress(Struct, frozen=True):
    """A turn that runs.

    began_at: Unix seconds. waiting: number of calls that wait for a decision. tokens: those that have arrived.
    """

    stream_id: str
    agent_id: str
    state: TurnState
    began_at: float
    seq: int
    waiting: int
    tokens: int = 0


class WaitingCall(Struct, frozen=True):
    """A call that waits for a decision. expires_in_s: the time until it is denied."""

    stream_id: str
    agent_id: str
    tool_call: ToolCall
    expires_in_s: float


def agent_state(process: Process | None) -> AgentState | None:
    """Return the state of an agent that has started; None for any other process."""
    state = process.state if isinstance(process, ServerProcess) and is_agent(process.pid) else None
    return state if isinstance(state, AgentState) else None


def running_turns(count: int, visible: Visible) -> Generator[None, None, tuple[list[TurnInProgress], int]]:
    """Return the oldest turns that run, and the number of those that are left out. For `in_slices`."""
    found: list[TurnInProgress] = []
    for agent_id, stream in (yield from _running(visible)):
        yield
        found.append(_in_progress(agent_id, stream))
    found.sort(key=lambda turn: turn.began_at)
    return found[:count], max(0, len(found) - count)


def _in_progress(agent_id: str, stream: Stream) -> TurnInProgress:
    turn = stream.turn
    began_at = turn.past.tally.started_unix_s if turn is not None else 0.0
    tokens = turn.past.tally.tokens + turn.acc.tokens if turn is not None else 0
    waiting = len(stream.calls.waiting) if stream.calls is not None else 0
    return TurnInProgress(stream.id, agent_id, stream.state, began_at, stream.seq, waiting, tokens)


def waiting_calls(count: int, visible: Visible) -> Generator[None, None, list[WaitingCall]]:
    """Return the calls that wait for a decision, at most count of them, the most urgent first. For `in_slices`."""
    found: list[WaitingCall] = []
    for agent_id, stream in (yield from _running(visible)):
        yield
        for call, expires_in_s in stream.calls.waiting if stream.calls is not None else ():
            found.append(WaitingCall(stream.id, agent_id, call, expires_in_s))
    found.sort(key=lambda waiting: waiting.expires_in_s)
    return found[:count]


def _running(visible: Visible) -> Generator[None, None, list[tuple[str, Stream]]]:
    """Return the running streams of the visible agents, each with its agent's id."""
    found: list[tuple[str, Stream]] = []
    for pid in processes():
        yield
        state = agent_state(pid.process)
        if state is not None and state.running is not None and pid.process is not None and visible(pid.process):
            found.append((state.config.id, state.running.stream))
    return found
