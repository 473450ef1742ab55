"""A term as text. The parser here and Erlang read the text as the same term."""

import re

from agents.configuration.erlang.reserved import RESERVED
from agents.configuration.erlang.term import Atom, Binary, Float, Integer, List, Map, String, Term, Tuple
from agents.core.escapes import escaped

_BARE = re.compile(r"[a-z][0-9A-Za-z_@]*")


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


def _quoted(text: str, quote: str) -> str:
    text = text.replace("\\", r"\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped(text)}{quote}"


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
