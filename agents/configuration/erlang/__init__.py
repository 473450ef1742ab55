"""Erlang terms as text: the terms of file:consult, without pids, funs and bit sizes."""

from agents.configuration.erlang.faults import ParseFailed
from agents.configuration.erlang.parser import MAX_DEPTH, parse
from agents.configuration.erlang.printer import to_text
from agents.configuration.erlang.term import (
    Atom,
    Binary,
    Float,
    Integer,
    List,
    Map,
    Position,
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
    "Position",
    "String",
    "Term",
    "Tuple",
    "parse",
    "to_text",
]
