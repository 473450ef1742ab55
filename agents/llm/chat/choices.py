"""Select the choices of a stream that are read, if more than one index comes.

Requests ask for one choice. If several indexes come, either the server sends more choices, or the index counts chunks
(Foundry Local). Chunks of the first index are read at once. Chunks of a second index are held until the stream shows
the meaning of the index:

    choices   an index repeats, one chunk has two indexes, an index follows another index's finish reason, an index is
              not larger than the last index, or two indexes each begin a call in the same place. Only the first index
              with content is read.
    counter   MANY indexes came, each larger than the last one. All are read.

At the end of the stream, the index is a counter if at most one index has a finish reason.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from agents.llm.chat.chunk import Choice
from agents.llm.leaf import key_of

MANY: Final = 16
UNDECIDED: Final = object()


class Choices:
    """The selection of choices. only: the index of the choice that is read, or UNDECIDED."""

    __slots__ = ("_begun", "_counts", "_finished", "_held", "_spoke", "only")

    def __init__(self) -> None:
        self.only: object = UNDECIDED
        self._counts = False
        self._spoke: list[Hashable] = []  # indexes with content, in order of appearance
        self._finished: set[Hashable] = set()
        self._begun: dict[Hashable, str] = {}  # the key of a call to its id
        self._held: list[tuple[Hashable, Choice]] = []

    @property
    def holds(self) -> bool:
        return bool(self._held)

    @property
    def any_finished(self) -> bool:
        return bool(self._finished)

    def read(self, choices: Sequence[Choice]) -> Sequence[Choice]:
        """Return the choices to read now: held choices first, then those of this chunk."""
        if self._counts:
            return choices
        keyed = [(_key(choice, place), choice) for place, choice in enumerate(choices)]
        if len(keyed) > 1 and self.only is UNDECIDED and len({key for key, _ in keyed}) > 1:
            return [*self._choose(min((key for key, _ in keyed), key=_order)), *self._chosen(keyed)]
        return [each for key, choice in keyed for each in self._read(key, choice)]

    def rest(self) -> Sequence[Choice]:
        """Return the held choices to read at the end of the stream."""
        if not self._held:
            return ()
        return self._choose(self._spoke[0]) if len(self._finished) > 1 else self._count()

    def _read(self, key: Hashable, choice: Choice) -> Sequence[Choice]:
        if self.only is not UNDECIDED:
            return (choice,) if key == self.only else ()
        if choice.error:
            return (choice,)
        speaks = _speaks(choice)
        if speaks and self._spoke and self._shows_choices(key, choice):
            first = self._spoke[0]
            return [*self._choose(first), *self._chosen([(key, choice)])]
        self._note(key, choice, speaks=speaks)
        if not self._held and (not self._spoke or key == self._spoke[0]):
            return (choice,)
        self._held.append((key, choice))
        return self._count() if len(self._spoke) >= MANY else ()

    def _shows_choices(self, key: Hashable, choice: Choice) -> bool:
        last = self._spoke[-1]
        rises = isinstance(key, int) and isinstance(last, int) and key > last
        return not rises or bool(self._finished - {key}) or any(self._other_began(*call) for call in _calls_in(choice))

    def _other_began(self, place: Hashable, id_: str) -> bool:
        """Return whether another index began another call in this place. The asked index is new."""
        return self._begun.get(place, id_) != id_

    def _note(self, key: Hashable, choice: Choice, *, speaks: bool) -> None:
        if speaks:
            self._spoke.append(key)
        if choice.finish_reason:
            self._finished.add(key)
        for place, id_ in _calls_in(choice):
            self._begun.setdefault(place, id_)

    def _choose(self, index: Hashable) -> Sequence[Choice]:
        self.only = self._spoke[0] if self._spoke else index
        held, self._held = self._held, []
        return self._chosen(held)

    def _chosen(self, keyed: Sequence[tuple[Hashable, Choice]]) -> Sequence[Choice]:
        return [choice for key, choice in keyed if key == self.only]

    def _count(self) -> Sequence[Choice]:
        self._counts = True
        held, self._held = self._held, []
        return [choice for _, choice in held]


def first_of(choices: Sequence[Choice]) -> list[Choice]:
    """Return a document's choice with the smallest index. The first one wins a tie."""
    return sorted(choices, key=lambda choice: _order(_or_place(choice.index, 0)))[:1]


def _key(choice: Choice, place: int) -> Hashable:
    """Return the choice's index, or its place in the chunk if it has no index."""
    return _or_place(choice.index, place)


def _or_place(index: Any, place: int) -> Hashable:
    key = key_of(index)
    return place if key is None else key


def _order(key: Hashable) -> tuple[bool, Any]:
    return (not isinstance(key, int), key if isinstance(key, int) else str(key))


def _speaks(choice: Choice) -> bool:
    """Return whether a choice has more than a role or a finish reason."""
    parts = [part for part in (choice.delta, choice.message) if part is not None]
    return bool(choice.text) or any(getattr(part, name) for part in parts for name in part.__struct_fields__)


def _calls_in(choice: Choice) -> list[tuple[Hashable, str]]:
    """Return the keys and ids of the calls that begin in this choice, with a name and an id."""
    calls = choice.delta.tool_calls if choice.delta is not None else None
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return [
        (_or_place(call.get("index"), 0), call["id"])
        for call in found
        if isinstance(call.get("id"), str) and call["id"] and isinstance(call.get("function"), dict)
        if call["function"].get("name")
    ]
