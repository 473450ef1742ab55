"""The hand-off of a conversation: after a call of `transfer_to_NAME`, the agent of this name speaks.

The conversation tells who speaks: its messages have the calls, with their results.
"""

from collections.abc import Collection, Mapping
from typing import Final

from msgspec.structs import replace

from agents.core.conversation import AssistantMessage, Conversation, ToolMessage
from agents.core.events import Event, StreamHandoff
from agents.core.retry import Tries
from agents.core.turn import Turn, with_event

PREFIX: Final = "transfer_to_"


def transferred(name: str) -> str:
    """Return the result of a hand-off to the agent with this name."""
    return f"the conversation goes on with {name}"


def speaker_of(messages: Conversation, first: str, handoffs: Mapping[str, Collection[str]]) -> str:
    """Return the agent that speaks after these messages. The first hand-off of an answer counts.

    first: the one that speaks before them. handoffs: the agents to which each agent may hand over.
    """
    speaker = asked = first
    for message in messages:
        if isinstance(message, AssistantMessage):
            asked = speaker
        elif isinstance(message, ToolMessage) and asked == speaker and message.name.startswith(PREFIX):
            name = message.name.removeprefix(PREFIX)
            if name in handoffs.get(speaker, ()) and message.content == transferred(name):
                speaker = name
    return speaker


def handed_off(turn: Turn, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Return the turn of the agent that speaks after the calls that have ended."""
    past = turn.past
    errors = {each.index: each.result.error for each in past.round.results}
    for call in past.round.calls if past.policy.handoffs else ():
        if call.name in past.policy.handoffs and errors[call.index] is None:
            policy = past.policy.handoffs[call.name]
            turn = replace(turn, past=replace(past, policy=policy, tries=Tries()))
            return with_event(turn, StreamHandoff(policy.speaker), now_s)
    return turn, ()
