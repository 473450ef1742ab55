"""A term as text. The parser here and Erlang read the text as the same term."""

import re

from agents.configuration.erlang.reserved import RESERVED
from agents.configuration.erlang.term import Atom, Binary, Float, Integer, List, Map, String, Term, Tuple

_BARE = re.compile(r"[a-z][0-9A-Za-z_@]*")
_SPECIAL = re.compile("[\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\x1b": r"\e"}


def to_text(term: Term) -> str:
    """Return the term on one line, without the final dot. Unprintable characters are escaped."""
    match term:
        case Atom(name=name):
            return name if _BARE.fullmatch(name) and name not in RESERVED else _quoted(name, "'")
        case Integer(value=whole):
            return str(whole)
        case Float(value=value):
            return _float(value)
        case String(text=text):
            return _quoted(text, '"')
        case Binary(data=data):
            return _binary(data)
        case List(items=items):
            return f"[{', '.join(map(to_text, items))}]"
        case Tuple(items=items):
            return f"{{{', '.join(map(to_text, items))}}}"
        case Map(pairs=pairs):
            inner = ", ".join(f"{to_text(key)} => {to_text(value)}" for key, value in pairs)
            return f"#{{{inner}}}"
        case _:
            raise TypeError(f"expected a term, got {type(term).__name__}")


def escaped(text: str) -> str:
    """Return the text on one line, with unprintable characters as Erlang's escapes."""
    return _SPECIAL.sub(_escape, text)


def _quoted(text: str, quote: str) -> str:
    text = text.replace("\\", r"\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped(text)}{quote}"


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\x{{{ord(found[0]):X}}}"


def _float(value: float) -> str:
    """Return a float that Erlang reads: 1.0e+16 instead of 1e+16."""
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return text if "." in mantissa else f"{mantissa}.0{exponent}{power}"


def _binary(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"<<{','.join(map(str, data))}>>"
    suffix = "" if text.isascii() else "/utf8"
    return f"<<{_quoted(text, chr(34))}{suffix}>>" if text else "<<>>"
