"""Erlang terms as text, as far as data goes: what file:consult reads, without pids, funs and bit sizes."""

from agents.configuration.erlang.parser import MAX_DEPTH, ParseFailed, parse
from agents.configuration.erlang.printer import to_text
from agents.configuration.erlang.term import (
    Atom,
    Binary,
    Float,
    Integer,
    List,
    Map,
    Place,
    String,
    Term,
    Tuple,
)

__all__ = [
    "MAX_DEPTH",
    "Atom",
    "Binary",
    "Float",
    "Integer",
    "List",
    "Map",
    "ParseFailed",
    "Place",
    "String",
    "Term",
    "Tuple",
    "parse",
    "to_text",
]
