"""The description of an agent: data, without the text of turns and without secrets."""

from msgspec import Struct

from agents.core.conversation import Conversation, SystemMessage
from agents.core.message_times import times_of
from agents.core.running_turn import RunningTurn, running_turn
from agents.core.turn_state import TurnState, TurnStatus, status_of
from agents.instance.state import AgentState
from agents.streams.stream import Stream


class StreamInfo(Struct, frozen=True, omit_defaults=True):
    """A stream.

    state: of its turn, from its events. seq: that of its last event, or 0. steered_by: stream ids of the messages that
    joined its turn. began_at: Unix seconds. tokens, cost: of the turn and its sub-agents so far, as far as they are
    known. waiting: the number of its calls that wait for a decision.
    """

    id: str
    status: TurnStatus
    state: TurnState
    seq: int
    steered_by: tuple[str, ...] = ()
    began_at: float | None = None
    tokens: int | None = None
    cost: float | None = None
    waiting: int = 0


class AgentInfo(Struct, frozen=True, omit_defaults=True):
    """An agent.

    messages: number of messages in the conversation, without the system prompt and the running turn. streams: the last
    ended streams, the running stream, and the waiting streams, in their order. owner: the user who owns the agent.
    """

    id: str
    name: str
    model: str
    api: str
    tools: tuple[str, ...]
    when_busy: str
    messages: int
    streams: tuple[StreamInfo, ...]
    owner: str | None = None


class AgentHistory(Struct, frozen=True):
    """An agent and its conversation at one moment.

    times: the Unix time of each message, or None where it is unknown. running: the turn that runs.
    """

    info: AgentInfo
    conversation: Conversation
    times: tuple[float | None, ...]
    running: RunningTurn | None


def history_of(state: AgentState) -> AgentHistory:
    running, messages, times = state.running, state.published, state.times
    if running is None:
        return AgentHistory(info_of(state), messages, times, None)
    events = running.stream.joined_events
    if running.over:
        times += times_of(messages[len(state.conversation) :], events)
        return AgentHistory(info_of(state), messages, times, None)
    return AgentHistory(info_of(state), messages, times, running_turn(running.stream.id, running.chat.message, events))


def info_of(state: AgentState) -> AgentInfo:
    config = state.config
    return AgentInfo(
        id=config.id,
        name=config.name,
        model=config.routes[0].model,
        api=config.api,
        tools=tuple(config.tools),
        when_busy=config.when_busy,
        messages=_count(state.published),
        streams=streams_of(state),
        owner=config.owner,
    )


def _count(conversation: Conversation) -> int:
    """Return the number of messages without the system prompt, as a kept session counts them."""
    return len(conversation) - (len(conversation) > 0 and isinstance(conversation[0], SystemMessage))


def streams_of(state: AgentState) -> tuple[StreamInfo, ...]:
    ended = (_of_stream(recent.stream) for recent in state.recent)
    running = () if state.running is None else (_of_stream(state.running.stream),)
    return (*ended, *running, *(StreamInfo(chat.stream_id, "waiting", "idle", 0) for chat in state.queue))


def _of_stream(stream: Stream) -> StreamInfo:
    past = stream.turn.past if stream.turn is not None else None
    return StreamInfo(
        stream.id,
        status_of(stream.outcome),
        stream.state,
        stream.seq,
        stream.steered_by,
        began_at=past.tally.started_unix_s if past is not None else None,
        tokens=past.spent.all_tokens if past is not None else None,
        cost=past.spent.all_cost if past is not None else None,
        waiting=len(stream.calls.waiting) if stream.calls is not None and stream.outcome is None else 0,
    )
