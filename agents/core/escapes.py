"""Text on one line: unprintable characters as Erlang's escapes."""

import re
from typing import Final

_SPECIAL: Final = re.compile("[\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SHORT: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\x1b": r"\e"}


def escaped(text: str) -> str:
    """Return the text on one line, with unprintable characters escaped."""
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\x{{{ord(found[0]):X}}}"
