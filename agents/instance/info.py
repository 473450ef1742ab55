"""The description of an agent: data, without the text of turns and without secrets."""

from typing import Literal, TypeAlias

from msgspec import Struct

from agents.core.events import StreamComplete
from agents.instance.state import AgentState
from agents.streams.stream import Stream

Status: TypeAlias = Literal["waiting", "running", "complete", "error"]


class StreamInfo(Struct, frozen=True, omit_defaults=True):
    """A stream. seq: that of its last event, or 0. steered_by: stream ids of the messages that joined its turn."""

    id: str
    status: Status
    seq: int
    steered_by: tuple[str, ...] = ()


class AgentInfo(Struct, frozen=True, omit_defaults=True):
    """An agent.

    messages: number of messages in the conversation, without the running turn. streams: the last ended streams, the
    running stream, and the waiting streams, in their order. owner: the user who owns the agent.
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


def info_of(state: AgentState) -> AgentInfo:
    config = state.config
    return AgentInfo(
        id=config.id,
        name=config.name,
        model=config.routes[0].model,
        api=config.api,
        tools=tuple(config.tools),
        when_busy=config.when_busy,
        messages=len(state.published),
        streams=streams_of(state),
        owner=config.owner,
    )


def streams_of(state: AgentState) -> tuple[StreamInfo, ...]:
    ended = (_of_stream(recent.stream) for recent in state.recent)
    running = () if state.running is None else (_of_stream(state.running.stream),)
    return (*ended, *running, *(StreamInfo(chat.stream_id, "waiting", 0) for chat in state.queue))


def _of_stream(stream: Stream) -> StreamInfo:
    match stream.outcome:
        case None:
            status: Status = "running"
        case StreamComplete():
            status = "complete"
        case _:
            status = "error"
    return StreamInfo(stream.id, status, stream.seq, stream.steered_by)
