"""The subscribers of parked turns: each gets its later events from the agent that goes on with the turn."""

from typing import Final
from weakref import WeakKeyDictionary

from msgspec import Struct

from actors import Pid
from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from agents.instance.state import AgentState


class Followers(Struct, frozen=True):
    """The subscribers of a parked agent.

    subscribers: those of all its streams. places: by stream, the seq of the last event that each one got.
    """

    subscribers: tuple[Pid, ...]
    places: dict[str, dict[Pid, int]]


_followers: Final[WeakKeyDictionary[ProcessSystem, dict[str, Followers]]] = WeakKeyDictionary()
"""The subscribers of parked turns by the ids of their agents, in each process system."""


def leave_followers(state: AgentState) -> None:
    """Keep the subscribers of an agent whose turn is about to be parked."""
    places: dict[str, dict[Pid, int]] = {}
    if state.running is not None:
        places[state.running.stream.id] = state.running.stream.places
    for chat in state.queue:
        own = () if chat.subscriber is None else (chat.subscriber,)
        places[chat.stream_id] = dict.fromkeys((*own, *chat.followers), 0)
    living = {id_: {pid: seq for pid, seq in each.items() if pid.alive} for id_, each in places.items()}
    subscribers = tuple(pid for pid in state.subscribers if pid.alive)
    for stream_id, each in living.items():
        for pid, seq in each.items():
            follow_parked(state.config.id, stream_id, pid, seq)
    for pid in subscribers:
        follow_parked(state.config.id, None, pid, 0, all_streams=True)


def follow_parked(
    agent_id: str, stream_id: str | None, subscriber: Pid, seq: int, *, all_streams: bool = False
) -> None:
    """Add a subscriber of a parked turn that has the events up to seq. all_streams: and one of all later streams."""
    kept = _here().get(agent_id, Followers((), {}))
    places = {id_: {pid: place for pid, place in each.items() if pid.alive} for id_, each in kept.places.items()}
    if stream_id is not None:
        places.setdefault(stream_id, {})[subscriber] = seq
    added = (subscriber,) if all_streams else ()
    _here()[agent_id] = Followers((*(pid for pid in kept.subscribers if pid.alive), *added), places)


def take_followers(agent_id: str) -> Followers | None:
    """Remove and return the subscribers of an agent that goes on, or return None. The agent then has them."""
    return _here().pop(agent_id, None)


def followed_ids() -> list[str]:
    """Return the ids of the parked agents with living subscribers here, and forget the others."""
    for agent_id, kept in list(_here().items()):
        if not any(pid.alive for pid in (*kept.subscribers, *(pid for each in kept.places.values() for pid in each))):
            del _here()[agent_id]
    return list(_here())


def _here() -> dict[str, Followers]:
    return _followers.setdefault(current_system(), {})
