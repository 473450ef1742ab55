"""Text without control characters: a terminal must not obey the output of a model, a tool or a server."""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# C0 except tab and line feed, DEL, C1, lone surrogates, and bidirectional controls, which reorder the text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return the text with each control character replaced: by its picture, or by U+FFFD if it has no picture.

    Line feeds and tabs stay; a carriage return before a line feed is removed. Each character is replaced independently
    of its neighbours, so a control sequence that is split over several texts is harmless, too.
    """
    return _UNSAFE.sub(_picture, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return the printable text with each run of white space, line feeds included, as one space."""
    return " ".join(printable(text).split())


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT
