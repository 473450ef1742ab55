"""Text that no terminal obeys: what a model, a tool or a server said is shown, never carried out."""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# C0 but tab and line feed, DEL, C1, lone surrogates, and the bidirectional controls that reorder what is read.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with every control character in it replaced: by its picture, or by U+FFFD where it has none.

    Line feeds and tabs stay; a carriage return before a line feed goes. Each character stands for itself, so that a
    sequence which was cut into several texts is harmless, too.
    """
    return _UNSAFE.sub(_picture, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The printable text with all white space, line feeds too, as single spaces."""
    return " ".join(printable(text).split())


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT
