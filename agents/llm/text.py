"""Text to and from providers: join halves of a character, and replace characters that providers refuse."""

import re
from collections.abc import Hashable
from typing import Any, TypeAlias

from agents.core.deltas import ReasoningDelta, RefusalDelta, TextDelta
from agents.core.text import each_text
from agents.core.text import joined_surrogates as joined_surrogates

TextKind: TypeAlias = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta]
"""The channel of a text."""

REPLACEMENT = "\ufffd"

_HIGH = re.compile("[\ud800-\udbff]\\Z")


def safe(value: Any) -> Any:
    """Return the JSON data with NUL and lone surrogates replaced by U+FFFD, also in keys: any provider accepts it.

    Data that nests too deep is returned unchanged, and the turn refuses it.
    """
    return each_text(_safe_text, value)


def one_line(text: str, limit: int) -> str:
    """Return the text with each run of white space as one space, cut to limit characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_safe(text: str) -> bool:
    """Return whether a text has neither NUL nor lone surrogates. Both checks are as fast as a copy."""
    try:
        return "\0" not in text and (text.isascii() or bool(text.encode()))
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _safe_text(text: str) -> str:
    return text if _is_safe(text) else joined_surrogates(text).replace("\0", REPLACEMENT)


class Halves:
    """High surrogates at the ends of pieces, each held until its channel's next piece brings the other half."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Any, str] = {}

    def join(self, channel: Hashable, piece: str) -> str:
        """Return the channel's held half and the piece, without a half at its end, which is held. May be empty."""
        text = self._held.pop(channel, "") + piece
        if _HIGH.search(text):
            self._held[channel] = text[-1]
            text = text[:-1]
        return joined_surrogates(text)

    def rest(self) -> list[Any]:
        """Return the channels with a held half, and hold nothing. The texts of those channels end in U+FFFD."""
        channels = list(self._held)
        self._held = {}
        return channels
