"""Published ends of streams whose own recorder could not record them.

A stream has one end. So a published end is written even if the store refused the records before it. It is also written
if the journal has ended: the program's next journal writes the end first, and the turn is not resumed.
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
        return replace(
            self, event=event, ended=replace(self.ended, messages=(), times=(), usage=None, cost=None, compaction=None)
        )


_LEFT: dict[str, dict[str, LastWords]] = {}
"""The ends that are published and not on disk, by store and stream."""


def leave(store: str, words: LastWords) -> None:
    """Leave the end for the store's journals until it is settled. A journal may be killed before it has written it."""
    _LEFT.setdefault(store, {})[words.ended.id] = words


def left_for(store: str) -> list[LastWords]:
    """Return the ends that are left for this store."""
    return list(_LEFT.get(store, {}).values())


def settled(store: str, words: LastWords) -> None:
    """Forget the end: it is on disk, or the store will never have it."""
    if (left := _LEFT.get(store)) is not None:
        left.pop(words.ended.id, None)
        if not left:
            del _LEFT[store]
