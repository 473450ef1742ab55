"""A call's arguments. Some servers repeat arguments from their beginning: all of them, or all so far."""

import json
from typing import Any, Final


class Arguments:
    """The arguments of one call, piece by piece.

    A piece that begins with all earlier text repeats that text, and only the rest of the piece is new. The reason: no
    JSON object has its own beginning twice in a row. The exception is an object with a key like "{", so whole() checks
    both readings. If a whole object has all fields of the earlier object and more, it replaces the earlier object.
    """

    __slots__ = ("_grown", "_repeats", "_size", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._size = 0
        self._grown = ""  # the last whole object that replaced an earlier one
        self._repeats: list[tuple[int, str]] = []  # each repetition: the index of the next piece, and the text

    def goes_on(self, text: str) -> bool:
        """Append the text if it can only be a continuation, and return whether it was. Nearly every piece is."""
        if text[0] in _OPENING and (len(text) >= self._size or self._may_be_repeated_by(text)):
            return False
        self._append(text)
        return True

    def add(self, text: str) -> None:
        """Add a piece that continues or repeats the earlier text."""
        if not text or self.goes_on(text):
            return
        earlier = self._grown or "".join(self.pieces)
        if _has_grown(earlier, text):
            self._grown = text
            return
        if earlier.strip() and self._repeats_text(earlier, text):
            self._repeats.append((len(self.pieces), earlier if text.startswith(earlier) else text))
            text = text[len(earlier) :] if text.startswith(earlier) else ""
        if text:
            self._append(text)

    def repeats(self, text: str) -> bool:
        """Return whether the text repeats the earlier text from its beginning."""
        earlier = "".join(self.pieces)
        return bool(earlier.strip()) and self._repeats_text(earlier, text)

    def is_unfinished(self) -> bool:
        return bool(self.pieces) and _json("".join(self.pieces)) is None

    def whole(self) -> str:
        """Return the arguments: all pieces as they came if they are JSON, else without the repetitions."""
        earlier = self._grown or "".join(self.pieces)
        if self._repeats and _json(raw := self._raw()) is not None:
            return raw
        return earlier

    def _append(self, text: str) -> None:
        self.pieces.append(text)
        self._size += len(text)
        if self._grown:
            self._grown += text

    def _may_be_repeated_by(self, text: str) -> bool:
        """Return whether both may be whole documents that differ only in white space."""
        return text.rstrip().endswith(_CLOSING) and self.pieces[-1].rstrip().endswith(_CLOSING)

    def _repeats_text(self, earlier: str, text: str) -> bool:
        if text.startswith(earlier):
            return True
        value = _json(earlier) if text.rstrip().endswith(_CLOSING) else None
        return value is not None and value == _json(text)

    def _raw(self) -> str:
        """Return all pieces as they came, with the repetitions."""
        raw: list[str] = []
        begin = 0
        for place, text in self._repeats:
            raw += [*self.pieces[begin:place], text]
            begin = place
        return "".join([*raw, *self.pieces[begin:]])


def _has_grown(earlier: str, text: str) -> bool:
    """Return whether the text is an object with all fields of the earlier object and more."""
    if not (earlier.rstrip().endswith("}") and text.rstrip().endswith("}")):
        return False
    old, new = _json(earlier), _json(text)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return False
    return bool(old) and len(old) < len(new) and old.items() <= new.items()


def _json(text: str) -> Any:
    """Return the text as a JSON object or list, else None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


_OPENING: Final = "{[ \t\r\n"
_CLOSING: Final = ("}", "]")
