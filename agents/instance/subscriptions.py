"""The subscribers of an agent's streams, as steps of its state."""

from collections.abc import Iterator

from msgspec.structs import replace

from actors import Pid
from agents.core.events import Event
from agents.instance.state import AgentState
from agents.streams.stream import Stream


def subscribed(state: AgentState, subscriber: Pid) -> AgentState:
    """Add a subscriber of all later events. For a running stream, begin with its next event."""
    if state.running is not None:
        state.running.stream.subscribe(subscriber)
    return replace(state, subscribers=_with(state.subscribers, subscriber))


def unsubscribed(state: AgentState, subscriber: Pid) -> AgentState:
    """Remove a subscriber, also from streams that it follows. The sender of a waiting message still gets its stream."""
    if state.running is not None:
        state.running.stream.unsubscribe(subscriber)
    for recent in state.recent:
        recent.stream.unsubscribe(subscriber)
    queue = tuple(replace(chat, followers=_others(chat.followers, subscriber)) for chat in state.queue)
    return replace(state, subscribers=_others(state.subscribers, subscriber), queue=queue)


def followed(state: AgentState, stream_id: str, subscriber: Pid, after: int) -> tuple[bool, AgentState]:
    """Add a follower of one stream's events with a seq above after. Return whether the agent has the stream.

    A waiting stream has no event yet: its followers get the events from the first one on.
    """
    for stream in _begun(state, stream_id):
        stream.follow(subscriber, after)
        return True, state
    for at, waiting in enumerate(state.queue):
        if waiting.stream_id == stream_id:
            joining = replace(waiting, followers=_with(waiting.followers, subscriber))
            return True, replace(state, queue=(*state.queue[:at], joining, *state.queue[at + 1 :]))
    return False, state


def events_of(state: AgentState, stream_id: str) -> tuple[Event, ...] | None:
    """Return the events of a stream so far; None if the agent does not have the stream. A waiting stream has none."""
    for stream in _begun(state, stream_id):
        return stream.events
    return () if known(state, stream_id) else None


def is_followed(state: AgentState, stream_id: str | None) -> bool:
    """Return whether a running process gets the events of this stream. stream_id: None for the running one."""
    if any(pid.alive for pid in state.subscribers):
        return True
    if stream_id is None:
        return state.running is not None and state.running.stream.followed
    waiting = [chat for chat in state.queue if chat.stream_id == stream_id]
    pids = [pid for chat in waiting for pid in (chat.subscriber, *chat.followers)]
    return any(pid is not None and pid.alive for pid in pids) or any(
        stream.followed for stream in _begun(state, stream_id)
    )


def known(state: AgentState, stream_id: str) -> bool:
    """Return whether the agent has this stream, or answers its message in the running one."""
    return any(_begun(state, stream_id)) or any(stream_id == chat.stream_id for chat in state.queue)


def _begun(state: AgentState, stream_id: str) -> Iterator[Stream]:
    if state.running is not None and state.running.stream.answers(stream_id):
        yield state.running.stream
    yield from (recent.stream for recent in state.recent if recent.stream.answers(stream_id))


def _with(pids: tuple[Pid, ...], pid: Pid) -> tuple[Pid, ...]:
    """Add the Pid once, and drop ended processes: a client that reconnects is a new process."""
    return (*(each for each in _others(pids, pid) if each.alive), pid)


def _others(pids: tuple[Pid, ...], pid: Pid) -> tuple[Pid, ...]:
    return tuple(each for each in pids if each != pid)
