"""A compaction: what the model gets in place of a long conversation. The conversation itself stays whole.

Positions count the messages after the system prompt, because the prompt belongs to the agent's configuration and may
change between two programs.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import Conversation, Message, SystemMessage, ToolMessage, UserMessage
from agents.core.parts import media_of, text_of

NOTE: Final = "[The earlier messages of this conversation are left out here.]"
SUMMARY: Final = "[Summary of the earlier messages of this conversation, which are left out here:]\n\n"
SLOWEST, FASTEST = 0.5, 4.0
"""The bounds of a compaction's rate: a provider may report a wrong count."""
SHORT: Final = 200
"""Characters of a result that is not worth a replacement, unless it has images."""


class Compaction(Struct, frozen=True, omit_defaults=True):
    """The part of a conversation that its model gets no more.

    omitted: the ranges of left out messages, in order; each has its first position and the one after its last.
    cleared: long tool results before this position are replaced by a short text. summary: the text in place of the left
    out messages. rate: the tokens that the provider last counted, per estimated token.
    """

    omitted: tuple[tuple[int, int], ...] = ()
    cleared: int = 0
    summary: str = ""
    rate: float = 1.0

    def sent(self, conversation: Conversation) -> Conversation:
        """Return the conversation for the model."""
        if not self.omitted and not self.cleared:
            return conversation
        own = prompt_of(conversation)
        front: Conversation = (UserMessage(self.note),) if self.omitted else ()
        return (*own, *front, *self._kept(conversation[len(own) :]))

    @property
    def note(self) -> str:
        """The message in place of the left out messages."""
        return SUMMARY + self.summary if self.summary else NOTE

    def fits(self, count: int) -> bool:
        """Return whether a conversation can have this compaction. count: the number of messages after its prompt."""
        edges = [edge for each in self.omitted for edge in each]
        ordered = all(begin < end for begin, end in pairwise(edges))
        within = not edges or (edges[0] >= 0 and edges[-1] <= count)
        return ordered and within and 0 <= self.cleared <= count and SLOWEST <= self.rate <= FASTEST

    def _kept(self, messages: Conversation) -> Iterator[Message]:
        begin = 0
        for end, following in (*self.omitted, (len(messages), len(messages))):
            for place in range(begin, end):
                message = messages[place]
                yield cleared(message) if place < self.cleared and isinstance(message, ToolMessage) else message
            begin = following


NOTHING_LEFT_OUT: Final = Compaction()


def prompt_of(conversation: Conversation) -> Conversation:
    """Return the system prompt, as a conversation of one message or none."""
    return conversation[:1] if conversation and isinstance(conversation[0], SystemMessage) else ()


def cleared(message: ToolMessage) -> ToolMessage:
    """Return the message with a short text in place of a long result."""
    if type(message.content) is str and len(message.content) <= SHORT:
        return message
    text = text_of(message.content)
    if len(text) <= SHORT and not media_of(message.content):
        return message
    short = f"[This result of {len(text)} characters is left out, because the conversation became too long.]"
    return replace(message, content=short)
