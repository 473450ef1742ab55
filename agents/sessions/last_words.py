"""Ends that subscribers were told, and that the stream's own recorder could not take down any more.

A stream has one end. So an end that was told is written even if the store refused what came before it, and even if the
journal has ended: then the next journal of this program writes it before anything else, and the turn is not resumed.
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
        """Without anything that a model or a user said, which may be what the store refuses."""
        event = replace(self.event, content="", metrics=None)
        return replace(self, event=event, ended=replace(self.ended, messages=(), usage=None, cost=None))


_LEFT: dict[str, list[LastWords]] = {}
"""By store: of journals that have ended."""


def leave(store: str, words: LastWords) -> None:
    _LEFT.setdefault(store, []).append(words)


def left_for(store: str) -> list[LastWords]:
    """Each is given once."""
    return _LEFT.pop(store, [])
