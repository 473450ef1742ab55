"""The kind of value that a key of the settings accepts, read from its annotation, and its words.

Faults and the shipped file use the same words, so both describe what is checked.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MinLen
from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from agents.settings.headers import MaybeWritten
from agents.settings.secret import Renewed
from agents.settings.values import MOST, Address, Spelled, Unit

REFERENCE = '{env, "NAME"} or {file, "path"}'


class Form(Enum):
    """The notation of a value."""

    SECTION = "section"
    MAPPING = "mapping"
    SEQUENCE = "sequence"
    ANYTHING = "anything"
    FLAG = "flag"
    WHOLE = "whole"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    PATH = "path"
    ADDRESS = "address"
    SECRET = "secret"  # noqa: S105 (a name)


AS_IT_IS = frozenset({Form.TEXT, Form.CHOICE, Form.PATH, Form.ADDRESS})
"""Forms that an environment variable and a flag hold as they are, without Erlang's quotes."""


class Kind(Struct, frozen=True):
    """A kind of value.

    words: for a fault. inner: the kind of a mapping's values or a sequence's items. model: of a section. literal: a
    file may give a secret as it is, if it does not look like one. renewed: a file with it is read again.
    """

    form: Form
    words: str
    optional: bool = False
    inner: Any = None
    model: type[BaseModel] | None = None
    choices: tuple[str, ...] = ()
    literal: bool = False
    renewed: bool = False

    @property
    def fields(self) -> Mapping[str, "Kind"]:
        """The keys of a section."""
        return fields_of(self.model) if self.model is not None else {}


Annotation: TypeAlias = Any


@cache
def fields_of(model: type[BaseModel]) -> Mapping[str, Kind]:
    """Return the keys of a section, in the order of its class."""
    return {name: kind_of_field(field) for name, field in model.model_fields.items()}


def kind_of_field(field: FieldInfo) -> Kind:
    return kind_of(field.annotation, field.metadata)


def kind_of(annotation: Annotation, metadata: Sequence[Any] = ()) -> Kind:
    """Return the kind of an annotation. Raises TypeError for an annotation that settings don't use."""
    origin: Any = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        return kind_of(arguments[0], (*metadata, *_flat(arguments[1:])))
    if origin in (Union, UnionType):
        (given,) = (each for each in arguments if each is not NoneType)
        kind = kind_of(given, metadata)
        return replace(kind, optional=True, words=f"{kind.words}, or undefined")
    if origin in (tuple, list):
        inner = kind_of(arguments[0])
        filled = " that is not empty" if _is_filled(metadata) else ""
        return Kind(Form.SEQUENCE, f"a list{filled}; of each: {inner.words}", inner=inner)
    if origin is dict:
        inner = kind_of(arguments[1])
        return Kind(Form.MAPPING, "a map, or a list of {name, value}", inner=inner)
    if origin is Literal:
        return _choice(arguments)
    return _plain(annotation, metadata)


def _plain(type_: Any, metadata: Sequence[Any]) -> Kind:
    if type_ is Any:
        return Kind(Form.ANYTHING, next((each.words for each in metadata if isinstance(each, Spelled)), "any term"))
    if type_ is bool:
        return Kind(Form.FLAG, "true or false")
    if type_ is int:
        return Kind(Form.WHOLE, f"a whole number{_bounds(metadata)}")
    if type_ is float:
        return Kind(Form.NUMBER, f"a number{_bounds(metadata)}")
    if type_ is Path:
        return Kind(Form.PATH, "a path")
    if type_ is SecretStr:
        return _secret(metadata)
    if issubclass(type_, BaseModel):
        return Kind(Form.SECTION, "a section: [{key, value}, ...] or #{key => value}", model=type_)
    if issubclass(type_, StrEnum):
        return _choice([each.value for each in type_])
    if type_ is str:
        return _text(metadata)
    raise TypeError(f"expected an annotation that settings use, got {type_!r}")


def _secret(metadata: Sequence[Any]) -> Kind:
    literal = any(isinstance(each, MaybeWritten) for each in metadata)
    renewed = any(isinstance(each, Renewed) for each in metadata)
    words = f"text, or for a secret {REFERENCE}" if literal else REFERENCE
    return Kind(Form.SECRET, words, literal=literal, renewed=renewed)


def _text(metadata: Sequence[Any]) -> Kind:
    if any(isinstance(each, Address) for each in metadata):
        pattern = next(str(each.pattern) for each in metadata if getattr(each, "pattern", None))
        scheme = "http:// or https://" if "http" in pattern else "the name of a database and ://"
        return Kind(Form.ADDRESS, f"an address that begins with {scheme}")
    spelled = next((each.words for each in metadata if isinstance(each, Spelled)), None)
    return Kind(Form.TEXT, spelled or ("text that is not empty" if _is_filled(metadata) else "text"))


def _is_filled(metadata: Sequence[Any]) -> bool:
    return any(isinstance(each, MinLen) for each in metadata)


def _choice(names: Sequence[str]) -> Kind:
    *others, last = names
    return Kind(Form.CHOICE, f"{', '.join(others)} or {last}" if others else last, choices=tuple(names))


def _bounds(metadata: Sequence[Any]) -> str:
    words = ""
    for each in metadata:
        match each:
            case Gt(gt=bound):
                words += f" above {bound}"
            case Ge(ge=bound):
                words += f" from {bound}"
            case Le(le=int() | float() as bound) if bound < MOST / 1000:
                words += f" and at most {bound}" if "above" in words else f" to {bound}"
            case Unit(name=name):
                words += f", in {name}"
    return words


def _flat(metadata: Sequence[Any]) -> Sequence[Any]:
    """Return the metadata of an annotation, with Field(gt=0) split into its parts."""
    return [part for each in metadata for part in (each.metadata if isinstance(each, FieldInfo) else (each,))]
