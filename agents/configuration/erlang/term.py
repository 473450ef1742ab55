"""An Erlang term, with the place in its file where it stands. Two terms are equal wherever they stand.

A string is a kind of its own here: whoever reads a configuration wants to know that "abc" was not [97, 98, 99].
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Both from 1; the column in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Term:
    at: Place = field(default=Place(1, 1), compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Atom(Term):
    name: str


@dataclass(frozen=True, slots=True)
class Integer(Term):
    """An integer, or a character, which is one."""

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
    """pairs: in the order of the text; a key may stand there twice."""

    pairs: tuple[tuple[Term, Term], ...]
