"""Published ends of streams whose own recorder could not record them.

A stream has one end. So a published end is written even if the store refused the records before it. It is also written
if the journal has ended: the next journal of this program writes the end first, and the turn is not resumed.
"""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from agents.core.events import StreamError
from agents.sessions.records import StreamEnded


class LastWords(Struct, frozen=True):
    event: StreamError
    ended: StreamEnded

    def bare(self) -> Self:
        """Return the end without text of a model or a user, since the store may refuse such text."""
        event = replace(self.event, content="", metrics=None)
        return replace(self, event=event, ended=replace(self.ended, messages=(), usage=None, cost=None))


_LEFT: dict[str, list[LastWords]] = {}
"""The ends that ended journals left, by store."""


def leave(store: str, words: LastWords) -> None:
    _LEFT.setdefault(store, []).append(words)


def left_for(store: str) -> list[LastWords]:
    """Return and remove the ends that were left for this store."""
    return _LEFT.pop(store, [])
