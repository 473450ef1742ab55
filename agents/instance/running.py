"""The turns that run now, and the calls that wait for a decision.

The agents' states are read directly, without calls: an agent that is blocked or suspended is shown, too.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias

from msgspec import Struct

from actors.clock import unix_s
from actors.kernel.process import Process
from actors.observer import processes
from actors.server.server_process import ServerProcess
from agents.agent_config import AgentConfig
from agents.agent_registry import is_agent
from agents.core.conversation import ToolCall
from agents.core.question import Question
from agents.core.turn_state import TurnState
from agents.core.waiting import OnTimeout, Waiting, WaitKind, WaitSum
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
    """A call that waits for a person. expires_in_s: the time until `on_timeout` decides.

    agent_id: of the agent that makes the call, which is the id of its session. deadline: in Unix seconds. parked: no
    process of its turn runs. question: null if the call waits for an approval. The other fields are as in Waiting.
    """

    stream_id: str
    agent_id: str
    tool_call: ToolCall
    expires_in_s: float
    deadline: float = 0.0
    on_timeout: OnTimeout = "deny"
    kind: WaitKind = "approval"
    owner: str | None = None
    parked: bool = False
    asked_at: float = 0.0
    question: Question | None = None
    why: str = ""


def agent_state(process: Process | None) -> AgentState | None:
    """Return the state of an agent that has started; None for any other process."""
    state = process.state if isinstance(process, ServerProcess) and is_agent(process.pid) else None
    return state if isinstance(state, AgentState) else None


def running_turns(count: int, visible: Visible) -> Generator[None, None, tuple[list[TurnInProgress], int]]:
    """Return the oldest turns that run, and the number of those that are left out. For `in_slices`."""
    found: list[TurnInProgress] = []
    for config, stream in (yield from _running(visible)):
        yield
        found.append(_in_progress(config.id, stream))
    found.sort(key=lambda turn: turn.began_at)
    return found[:count], max(0, len(found) - count)


def _in_progress(agent_id: str, stream: Stream) -> TurnInProgress:
    turn = stream.turn
    began_at = turn.past.tally.started_unix_s if turn is not None else 0.0
    tokens = turn.past.tally.tokens + turn.acc.tokens if turn is not None else 0
    waiting = len(stream.calls.waiting) if stream.calls is not None else 0
    return TurnInProgress(stream.id, agent_id, stream.state, began_at, stream.seq, waiting, tokens)


def waiting_calls(
    count: int, visible: Visible, after: tuple[float, str, int] | None = None
) -> Generator[None, None, list[WaitingCall]]:
    """Return the calls that wait for a decision, at most count of them, the most urgent first. For `in_slices`.

    after: the place of the last one of the previous page.
    """
    found: list[WaitingCall] = []
    for config, stream in (yield from _running(visible)):
        yield
        found.extend(waiting_call(each, stream.id, config.id, config.owner) for each in _waiting_in(stream))
    found.sort(key=place_of)
    return [each for each in found if after is None or place_of(each) > after][:count]


def waiting_sums() -> Generator[None, None, list[WaitSum]]:
    """Return what waits in the turns that run on this node, as sums by account and kind. For `in_slices`."""
    asked: dict[tuple[str, WaitKind], list[float]] = {}
    for config, stream in (yield from _running(lambda _: True)):
        yield
        for each in _waiting_in(stream):
            asked.setdefault((config.charging.account, each.kind), []).append(each.asked_at)
    return [WaitSum(agent, kind, len(times), min(times)) for (agent, kind), times in asked.items()]


def queued_messages() -> Generator[None, None, int]:
    """Return the number of messages that wait for their turns on this node. For `in_slices`."""
    count = 0
    for pid in processes():
        yield
        if (state := agent_state(pid.process)) is not None:
            count += len(state.queue)
    return count


def waiting_call(
    waiting: Waiting, stream_id: str, agent_id: str, owner: str | None, *, parked: bool = False
) -> WaitingCall:
    """Return the call as lists show it."""
    left_s = max(0.0, waiting.deadline - unix_s())
    rest = waiting.deadline, waiting.on_timeout, waiting.kind, owner, parked, waiting.asked_at
    return WaitingCall(stream_id, agent_id, waiting.call, left_s, *rest, waiting.question, waiting.why)


def place_of(waiting: WaitingCall) -> tuple[float, str, int]:
    """Return the place in a list: the most urgent first."""
    return waiting.deadline, waiting.stream_id, waiting.tool_call.index


def _running(visible: Visible) -> Generator[None, None, list[tuple[AgentConfig, Stream]]]:
    """Return the running streams of the visible agents, each with its agent's configuration."""
    found: list[tuple[AgentConfig, Stream]] = []
    for pid in processes():
        yield
        state = agent_state(pid.process)
        if state is not None and state.running is not None and pid.process is not None and visible(pid.process):
            found.append((state.config, state.running.stream))
    return found


def _waiting_in(stream: Stream) -> tuple[Waiting, ...]:
    return () if stream.calls is None else stream.calls.waiting
