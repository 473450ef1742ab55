"""Erlang terms as the plain data from which Settings are validated. A value of the wrong kind is a fault."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from agents.configuration.erlang import Atom, Binary, Float, Integer, List, Map, Position, String, Term, Tuple, to_text
from agents.configuration.faults import unknown_key
from agents.configuration.kinds import Form, Kind
from agents.configuration.sources.secrets import holds_password, is_reference, resolved
from agents.core.faults import Fault, KeyPath, Where
from agents.node.redaction import SECRET_NAME, Redactor
from agents.settings.headers import WrittenValue
from agents.settings.secret_file import NoSecret

SHOWN_CHARS: Final = 60
NOT_SHOWN: Final = "a literal (not shown)"
_REDACT: Final = Redactor()


class Mark(Struct, frozen=True):
    """The source of a value.

    text: the value as it was written, shortened. reference: the text if it only refers to the value.
    """

    where: Where
    text: str
    reference: bool = False


class SourceReader:
    """The values of one source. found: by key path. marks: of the values and their parts.

    where: the place of a term in the source. folder: the base of relative paths.
    """

    def __init__(self, where: Callable[[Position], Where], folder: Path, environ: Mapping[str, str]) -> None:
        self._where, self._folder, self._environ = where, folder, environ
        self.found: dict[KeyPath, Any] = {}
        self.marks: dict[KeyPath, Mark] = {}
        self.faults: list[Fault] = []

    def read(self, term: Term, kind: Kind, path: KeyPath) -> None:
        value = self._value(term, kind, path)
        if value is not NOTHING:
            self.found[path] = value

    def take_secret(self, text: str, path: KeyPath) -> None:
        """Read a value that may be secret and is given as it is."""
        self.marks[path] = Mark(self._where(Position(1, 1)), NOT_SHOWN, reference=True)
        self.found[path] = text

    def fault(self, at: Position, path: KeyPath, expected: str, got: str) -> None:
        self.faults.append(Fault(path, expected, got, where=self._where(at)))

    def _value(self, term: Term, kind: Kind, path: KeyPath) -> Any:
        self.marks[path] = Mark(self._where(term.at), shown(term, kind), reference=is_reference(term))
        if kind.optional and isinstance(term, Atom) and term.name == "undefined":
            return None
        match kind.form:
            case Form.SECTION | Form.MAPPING:
                return self._pairs(term, kind, path)
            case Form.SEQUENCE:
                return self._sequence(term, kind, path)
            case Form.SECRET | Form.ADDRESS:
                return self._secret(term, kind, path)
            case Form.PATH:
                text = (None if isinstance(term, Atom) else _text(term)) or ""
                fits = text and "\0" not in text
                return self._folder / Path(text).expanduser() if fits else self._misfit(term, kind, path)
            case _:
                value = _scalar(term, kind)
                return self._misfit(term, kind, path) if value is NOTHING else value

    def _misfit(self, term: Term, kind: Kind, path: KeyPath) -> Any:
        self.fault(term.at, path, kind.words, shown(term, kind))
        return NOTHING

    def _sequence(self, term: Term, kind: Kind, path: KeyPath) -> Any:
        """Return the values, or add a fault. A faulty section is empty here, so that the others are still checked."""
        if not isinstance(term, List):
            return self._misfit(term, kind, path)
        values = [self._value(item, kind.inner, (*path, number)) for number, item in enumerate(term.items)]
        if kind.inner.form is Form.SECTION:
            values = [{} if value is NOTHING else value for value in values]
        return NOTHING if any(value is NOTHING for value in values) else values

    def _pairs(self, term: Term, kind: Kind, path: KeyPath) -> Any:
        """Return the pairs of a proplist or a map, or add a fault."""
        pairs = pairs_of(term)
        if pairs is None:
            return self._misfit(term, kind, path)
        values: dict[str, Any] = {}
        first: dict[str, Position] = {}
        for key, value in pairs:
            name = _text(key)
            inner = kind.inner if kind.form is Form.MAPPING else kind.fields.get(name or "")
            if name is None or inner is None:
                got = shown(key) if name is None else unknown_key(name, kind.fields)
                self.fault(key.at, (*path, name or "?"), "a known key", got)
            elif name in first:
                self.fault(key.at, (*path, name), f"every key once (it is at {self._where(first[name])})", "it again")
            else:
                first[name] = key.at
                values[name] = self._value(value, inner, (*path, name))
        return {name: value for name, value in values.items() if value is not NOTHING}

    def _secret(self, term: Term, kind: Kind, path: KeyPath) -> Any:
        if is_reference(term):
            try:
                return resolved(term, self._environ, self._folder, renewed=kind.renewed)
            except NoSecret as missing:
                self.fault(term.at, path, missing.expected, missing.got)
                return NOTHING
        text = _text(term)
        if kind.form is Form.SECRET:
            return (
                WrittenValue(text)
                if text and kind.literal and _is_harmless(path, text)
                else self._misfit(term, kind, path)
            )
        if text is None:
            return self._misfit(term, kind, path)
        if holds_password(text):
            self.fault(term.at, path, '{env, "NAME"} or {file, "path"} for what holds a password', "it as it is")
            return NOTHING
        return text


def _is_harmless(path: KeyPath, text: str) -> bool:
    """Return whether neither the name of a header or parameter nor its value looks like a secret."""
    return SECRET_NAME.search(str(path[-1])) is None and _REDACT(text) == text


class _Nothing:
    """A placeholder for a faulty value."""


NOTHING: Final = _Nothing()


def shown(term: Term, kind: Kind | None = None) -> str:
    """Return the term in short. The content of a compound term is left out: it may be a misplaced secret."""
    if is_reference(term):
        return to_text(term)[:SHOWN_CHARS]
    if kind is not None and kind.form is Form.SECRET:
        return NOT_SHOWN
    if isinstance(term, List | Tuple | Map) and (term.pairs if isinstance(term, Map) else term.items):
        return f"a {type(term).__name__.lower()}"
    text = to_text(term)
    return _REDACT(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}...")


def plain(term: Term) -> Any:
    """Return any term as JSON data.

    Lists of pairs become objects, and atoms text, except true, false, null and undefined.
    """
    match term:
        case Atom(name="true" | "false"):
            return term.name == "true"
        case Atom(name="null" | "undefined"):
            return None
        case Integer(value=value) | Float(value=value):
            return value
        case List(items=items) if not items or pairs_of(term) is None:
            return [plain(item) for item in items]
        case Map() | List():
            return {_text(key) or to_text(key): plain(value) for key, value in pairs_of(term) or ()}
        case Tuple(items=items):
            return [plain(item) for item in items]
        case _:
            return _text(term)


def pairs_of(term: Term) -> list[tuple[Term, Term]] | None:
    """Return the pairs of a map or a proplist; None for any other term."""
    if isinstance(term, Map):
        return list(term.pairs)
    if not isinstance(term, List):
        return None
    pairs = list(_proplist(term))
    return pairs if len(pairs) == len(term.items) else None


def _proplist(term: List) -> Iterator[tuple[Term, Term]]:
    """Return the pairs of a proplist. A bare atom is {atom, true}. Source: proplists (OTP)."""
    for item in term.items:
        match item:
            case Tuple(items=(key, value)):
                yield key, value
            case Atom(at=at):
                yield item, Atom("true", at=at)


def _text(term: Term) -> str | None:
    match term:
        case Atom(name=text) | String(text=text):
            return text
        case Binary(data=data):
            try:
                return data.decode()
            except UnicodeDecodeError:
                return None
        case List(items=()):  # [] is "" in Erlang
            return ""
        case _:
            return None


def _scalar(term: Term, kind: Kind) -> Any:
    match kind.form, term:
        case Form.ANYTHING, _:
            return plain(term)
        case Form.FLAG, Atom(name="true" | "false" as name):
            return name == "true"
        case Form.WHOLE, Integer(value=value):
            return value
        case Form.NUMBER, Integer(value=value) | Float(value=value):
            return float(value)
        case Form.TEXT, _ if (text := _text(term)) is not None:
            return text
        case Form.CHOICE, _ if (text := _text(term)) in kind.choices:
            return text
        case _:
            return NOTHING
