"""An Erlang term and its place in a file. The place does not count when two terms are compared.

A string has its own class, so that a reader of a configuration can tell "abc" from [97, 98, 99].
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Position(NamedTuple):
    """A line and a column, both from 1. The column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Term:
    at: Position = field(default=Position(1, 1), compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Atom(Term):
    name: str


@dataclass(frozen=True, slots=True)
class Integer(Term):
    """An integer, or a character given by its code."""

    value: int


@dataclass(frozen=True, slots=True)
class Float(Term):
    value: float


@dataclass(frozen=True, slots=True)
class String(Term):
    text: str


@dataclass(frozen=True, slots=True)
class Binary(Term):
    data: bytes


@dataclass(frozen=True, slots=True)
class List(Term):
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Tuple(Term):
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Map(Term):
    """A map. pairs: in the order of the text, where a key may occur twice."""

    pairs: tuple[tuple[Term, Term], ...]
