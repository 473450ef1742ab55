"""The step of a turn at an event of its sub-agents."""

from msgspec.structs import replace

from agents.core.conversation import ToolCall
from agents.core.events import TERMINAL, Event, StreamSubAgent
from agents.core.turn import Step, Turn, with_event


def sub_agent_published(turn: Turn, call: ToolCall, event: Event, now_s: float) -> Step:
    """Publish an event of the sub-agent that answers the call, or of one below it."""
    if isinstance(event, StreamSubAgent):
        below = StreamSubAgent((call.id, *event.path), event.event)
    else:
        below = StreamSubAgent((call.id,), event)
    return with_event(_counted(turn, below), below, now_s)


def _counted(turn: Turn, below: StreamSubAgent) -> Turn:
    """Return the turn with the consumption of a sub-agent's turn, if the event ends one."""
    response = below.event.response if isinstance(below.event, TERMINAL) else None
    if response is None:
        return turn
    spent = turn.past.spent.with_below(response.usage, response.cost)
    return replace(turn, past=replace(turn.past, spent=spent))
