"""The texts of a Responses answer: texts from its deltas, and the rest from its snapshots.

Only deltas add text while the answer runs. The snapshots are the final output, else the done items, else the done
events of single parts. At the end, the text is compared with the snapshots. A snapshot may complete the given text. A
snapshot that contradicts the given text is ignored.

After a lost event, later text is held until the end. Then a snapshot gives the whole text in order.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, TypeAlias

from agents.core.deltas import Delta, TextDelta
from agents.llm.responses.event import PART_DONE, done_text_of, texts_of
from agents.llm.text import TextKind, joined_surrogates

Key: TypeAlias = tuple[TextKind, Hashable, Hashable, Hashable]
"""A part's kind, output_index, content_index and summary_index."""

Part: TypeAlias = tuple[Key, list[str]]


class Texts:
    """The texts of one answer. held: an event was lost, so later texts are held back."""

    __slots__ = ("_by_event", "_by_part", "_complete", "_given", "_held", "held", "repaired")

    def __init__(self) -> None:
        self.held = False
        self.repaired = True
        self._complete = False  # the missing texts were given
        self._given: list[Part] = []  # in order of arrival; a part may occur several times
        self._held: list[Part] = []
        self._by_event: dict[Hashable, tuple[TextKind, str]] = {}  # from output_text.done and similar events
        self._by_part: dict[Hashable, tuple[TextKind, str]] = {}  # from content_part.done

    def __bool__(self) -> bool:
        """Return whether any text is known."""
        return bool(self._given or self._held or self._by_event or self._by_part)

    def piece(self, key: Key) -> list[str]:
        """Return the list for the part's next pieces. The caller gives them as deltas unless texts are held."""
        pieces: list[str] = []
        (self._held if self.held else self._given).append((key, pieces))
        return pieces

    def note_done(self, event: Any) -> None:
        """Note the whole text of a part, if the event has it."""
        found = done_text_of(event) if isinstance(event, dict) else None
        if found is not None:
            place = [event.get(name) for name in ("output_index", "content_index", "summary_index", "item_id")]
            (self._by_part if event.get("type") in PART_DONE else self._by_event)[repr((found[0], place))] = (
                found[0],
                joined_surrogates(found[1]),
            )

    def missing(self, items: Sequence[dict[str, Any]], output_text: Any) -> Iterator[Delta]:
        """Yield the held texts and the texts that only snapshots have, once. No text may be added afterwards.

        items: the final output, or the done items. Afterwards `repaired` is true if the items confirm all given text.
        """
        if self._complete:
            return
        self._complete = True
        self.repaired = bool(items)
        snapshots = self._snapshots(items, output_text)
        kinds = [kind for kind, _ in snapshots] + [key[0] for key, _ in self._given + self._held]
        for kind in dict.fromkeys(kinds):
            texts = [text for found, text in snapshots if found is kind]
            yield from (kind(text) for text in self._missing_of(kind, texts) if text)
        self._held = []

    def _snapshots(self, items: Sequence[dict[str, Any]], output_text: Any) -> list[tuple[TextKind, str]]:
        """Return the texts of the best snapshot for each kind of text."""
        found = [each for item in items for each in texts_of(item)]
        for worse in (self._by_event.values(), self._by_part.values()):
            known = {kind for kind, _ in found}
            found += [each for each in worse if each[0] not in known]
        if isinstance(output_text, str) and not any(kind is TextDelta for kind, _ in found):
            found.append((TextDelta, output_text))
        return found

    def _missing_of(self, kind: TextKind, texts: Sequence[str]) -> Sequence[str]:
        given = [part for part in self._given if part[0][0] is kind]
        held = [part for part in self._held if part[0][0] is kind]
        if (rest := _rest(given + held, texts)) is not None:
            return [*("".join(pieces) for _, pieces in held), *rest]
        if held and (rest := _rest(given, texts)) is not None:
            return rest
        self.repaired = False
        return ["".join(pieces) for _, pieces in held]


def _rest(parts: Sequence[Part], texts: Sequence[str]) -> Sequence[str] | None:
    """Return the texts without the given parts, or None if parts and texts contradict each other.

    First the parts in order of arrival are tried as the beginning of the texts, since some servers count deltas in an
    index (vLLM). Else each part, or each output item, must be the beginning of its own text: parts may interleave.
    """
    arrived = "".join("".join(pieces) for _, pieces in parts)
    if "".join(texts).startswith(arrived):
        return list(_beyond(len(arrived), texts))
    for group in (_joined(parts, 4), _joined(parts, 2)):
        if (rest := _rest_of_each(group, texts)) is not None:
            return rest
    return None


def _beyond(length: int, texts: Sequence[str]) -> Iterator[str]:
    """Yield the texts without their first `length` characters in total."""
    for text in texts:
        yield text[length:]
        length = max(0, length - len(text))


def _joined(parts: Sequence[Part], fields: int) -> list[str]:
    """Return the joined texts of parts with the same first fields of the key."""
    joined: dict[tuple[Any, ...], str] = {}
    for key, pieces in parts:
        joined[key[:fields]] = joined.get(key[:fields], "") + "".join(pieces)
    return list(joined.values())


def _rest_of_each(parts: Sequence[str], texts: Sequence[str]) -> Sequence[str] | None:
    """Return the texts without their parts, or None. An equal text for a part is preferred to a longer one."""
    rests = dict(enumerate(texts))
    longest_first = sorted(parts, key=len, reverse=True)
    unmatched = [part for part in longest_first if not _match(part, rests, texts, exact=True)]
    unmatched = [part for part in unmatched if not _match(part, rests, texts, exact=False)]
    if unmatched:  # perhaps another kind of reasoning than the snapshots have
        all_begun = all(rest is not text for rest, text in zip(rests.values(), texts, strict=True))
        if not all_begun or any(part in text for part in unmatched for text in texts):
            return None
    return list(rests.values())


def _match(part: str, rests: dict[int, str], texts: Sequence[str], *, exact: bool) -> bool:
    for place, rest in rests.items():
        if rest is texts[place] and (rest == part if exact else rest.startswith(part)):
            rests[place] = rest[len(part) :]
            return True
    return False
