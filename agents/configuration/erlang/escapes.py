r"""The escapes of strings, quoted atoms and characters: "\n", "\x{20AC}", "\^C". Source: erl_scan (OTP 25)."""

import re
from typing import Final

NAMED: Final = {
    "b": "\b",
    "d": "\x7f",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "s": " ",
    "t": "\t",
    "v": "\v",
}

_ESCAPE = re.compile(
    r"\\(?:x\{(?P<long>[0-9A-Fa-f]*)\}|x(?P<hex>[0-9A-Fa-f]{2})|(?P<octal>[0-7]{1,3})"
    r"|\^(?P<control>[\s\S])|(?P<one>[\s\S]))"
)


class InvalidEscape(ValueError):
    pass


def unescaped(text: str) -> str:
    """Return the text without its escapes. Raises InvalidEscape."""
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "long" | "hex":
            return _of_code(int(found["long"] or found["hex"] or "-1", 16), found[0])
        case "octal":
            return chr(int(found["octal"], 8))
        case "control" if "@" <= found["control"] <= "_" or "a" <= found["control"] <= "z":
            return chr(ord(found["control"]) & 31)
        case "one" if found["one"] != "x":
            return NAMED.get(found["one"], found["one"])
        case _:
            raise InvalidEscape(found[0] if found[0].isprintable() else ascii(found[0])[1:-1])


def _of_code(code: int, escape: str) -> str:
    """Return the character of a code. A surrogate, or a code beyond Unicode, is invalid."""
    if 0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF:
        return chr(code)
    raise InvalidEscape(escape)
