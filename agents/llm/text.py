"""Text at the border: halves of a character joined, and what no encoder or provider takes made harmless."""

import re
from collections.abc import Hashable
from typing import Any, TypeAlias

from agents.core.deltas import ReasoningDelta, RefusalDelta, TextDelta
from agents.core.text import each_text
from agents.core.text import joined_surrogates as joined_surrogates

TextKind: TypeAlias = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta]
"""Which channel a text belongs to."""

REPLACEMENT = "\ufffd"

_HIGH = re.compile("[\ud800-\udbff]\\Z")


def safe(value: Any) -> Any:
    """JSON data whose strings any provider takes: NUL and lone surrogates become U+FFFD, also in keys.

    Data that nests too deep stays as it is: the turn refuses it.
    """
    return each_text(_safe_text, value)


def one_line(text: str, limit: int) -> str:
    """text with each run of white space as one space, cut to limit characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_safe(text: str) -> bool:
    """A conversation may be long: both looks are as fast as a copy."""
    try:
        return "\0" not in text and (text.isascii() or bool(text.encode()))
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _safe_text(text: str) -> str:
    return text if _is_safe(text) else joined_surrogates(text).replace("\0", REPLACEMENT)


class Halves:
    """High surrogates that ended a piece of text, each kept until its channel's next piece brings the other half."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Any, str] = {}

    def join(self, channel: Hashable, piece: str) -> str:
        """The piece, led by what was kept of this channel and without what must be kept now; may be empty."""
        text = self._held.pop(channel, "") + piece
        if _HIGH.search(text):
            self._held[channel] = text[-1]
            text = text[:-1]
        return joined_surrogates(text)

    def rest(self) -> list[Any]:
        """The channels whose last half never came; they end in U+FFFD. Nothing is kept after it."""
        channels = list(self._held)
        self._held = {}
        return channels
