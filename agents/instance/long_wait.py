"""The waits of an agent's turn for people, and the reminder that the turn has waited for `park_after`."""

from functools import partial
from typing import Final

from msgspec import Struct

from actors import Pid, send
from agents.agent_config import AgentConfig
from agents.agent_config.speaking import after
from agents.instance.standing import lookup
from agents.instance.state import AgentState, StreamChat
from agents.tools.turn_waits import TurnWaits

WOKEN_S: Final = 1.0
"""The time before a woken turn is parked again, at the least: the decision for which it was woken must reach it."""


class LongWait(Struct, frozen=True):
    """Reminder to an agent: its turn, or one of a sub-agent below, has waited for people for `park_after`."""


def waits_of(agent: Pid, chat: StreamChat, config: AgentConfig, state: AgentState) -> TurnWaits:
    """Return the waits of the message's turn. A message with a request or an answer type of its own is never parked.

    config: the agent's for the turn.
    """
    if chat.recorder is None:
        return TurnWaits()
    cut = chat.cut
    known, tools = ((), None) if cut is None else (cut.waits, after(config, cut.saved.messages).tools)
    park_s = state.keeping.park_s if chat.joins else None
    if park_s is not None and cut is not None and cut.parked:
        park_s = max(park_s, WOKEN_S)
    return TurnWaits(known, tools, chat.recorder.decided, park_s, partial(_remind, agent), lookup(state.config))


def _remind(agent: Pid) -> None:
    if agent.alive:
        send(agent, LongWait())
