"""Results that are too large for the model: it gets the beginning, the end, and a handle to read the rest. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

HANDLE: Final = re.compile(r"\b[0-9a-f]{64}\b")
AROUND: Final = 100
"""The characters before and after a match that a search shows."""


class LargeResult(Struct, frozen=True):
    """A result that is kept whole beside the conversation. handle: the SHA-256 of its text. chars: its length."""

    handle: str
    size_bytes: int
    chars: int


class LargeResults(Struct, frozen=True):
    """The limits of an agent's results.

    inline_bytes: a longer result is put aside. shown_bytes: about what the model gets of such a result. max_bytes: of
    it that is kept; the rest is cut.
    """

    inline_bytes: int
    shown_bytes: int
    max_bytes: int

    def put_aside(self, text: str) -> bool:
        """Return whether a result with this text is too large for the model."""
        return len(text) * 4 > self.inline_bytes and len(text.encode()) > self.inline_bytes


def shown(text: str, kept: LargeResult, shown_bytes: int) -> str:
    """Return what the model gets in place of the text: three quarters of the bytes from its beginning, the rest."""
    head = _first(text, shown_bytes * 3 // 4)
    tail = text[len(text) - len(_first(text[-shown_bytes:][::-1], shown_bytes // 4)) :]
    left = kept.chars - len(head) - len(tail)
    note = (
        f"[{left} of {kept.chars} characters are left out here, and are kept. read_result reads them: "
        f'handle="{kept.handle}", offset={len(head)}; or search="..." to find a text]'
    )
    return f"{head}\n\n{note}\n\n{tail}"


def piece(text: str, offset: int, limit: int) -> str:
    """Return a piece of a kept text, with its place."""
    end = min(offset + limit, len(text))
    if offset >= len(text):
        return f"[the result has {len(text)} characters: expected an offset below that, got {offset}]"
    rest = f"; offset={end} reads on" if end < len(text) else "; this is its end"
    return f"{text[offset:end]}\n\n[characters {offset} to {end} of {len(text)}{rest}]"


def matches(text: str, search: str, offset: int, limit: int) -> str:
    """Return the places of a text in a kept text, from the offset on, whatever its case."""
    found: list[str] = []
    used = 0
    pattern = re.compile(re.escape(search), re.IGNORECASE)
    for match in pattern.finditer(text, offset):
        around = text[max(0, match.start() - AROUND) : match.end() + AROUND]
        line = f"offset {match.start()}: {' '.join(around.split())}"
        used += len(line)
        if found and used > limit:
            return "\n".join([*found, f"[there are more: offset={match.start()} searches on]"])
        found.append(line)
    return "\n".join(found) or f"[no {search!r} from character {offset} on; the result has {len(text)} characters]"


def handles_in(messages: Iterable[Any]) -> Iterator[str]:
    """Yield each handle that the texts of these messages name."""
    for message in messages:
        content = getattr(message, "content", "")
        texts = (content,) if isinstance(content, str) else (getattr(part, "text", "") for part in content)
        for text in texts:
            yield from HANDLE.findall(text)


def _first(text: str, size: int) -> str:
    return text[:size].encode()[:size].decode(errors="ignore")
