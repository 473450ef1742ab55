"""The settings in force, one row per value with its source, without secrets."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agents.configuration.erlang import Atom, Float, Integer, List, Map, String, Term, to_text
from agents.configuration.kinds import Form, Kind
from agents.configuration.loading import Loaded
from agents.configuration.sources.reading import Mark
from agents.configuration.sources.secrets import holds_password
from agents.configuration.walking import leaves
from agents.core.faults import dotted
from agents.node.redaction import MASK

DEFAULT = "default"


class Row(NamedTuple):
    """A value and its source. value: as an Erlang term."""

    key: str
    value: str
    where: str


def rows(loaded: Loaded) -> Iterator[Row]:
    for path, value, kind in leaves(loaded.settings):
        mark = loaded.marks.get(path)  # a default inside a section that was given has no mark
        hidden = value is not None and _is_secret(value, kind, mark)
        shown = MASK if hidden else to_text(_term(value, kind))
        yield Row(dotted(path), shown, DEFAULT if mark is None else str(mark.where))


def _is_secret(value: Any, kind: Kind, mark: Mark | None) -> bool:
    if kind.form is Form.SECRET or (mark is not None and mark.reference):
        return True
    return kind.form is Form.ADDRESS and holds_password(value)


def _term(value: Any, kind: Kind) -> Term:
    match value:
        case None:
            return Atom("undefined")
        case bool():
            return Atom("true" if value else "false")
        case int():
            return Integer(value)
        case float():
            return Float(value)
        case Mapping():
            return Map(tuple((String(str(key)), _term(item, kind)) for key, item in value.items()))
        case list() | tuple():
            return List(tuple(_term(item, kind) for item in value))
        case _ if kind.form is Form.CHOICE:
            return Atom(str(value))
        case _:
            return String(str(value))
