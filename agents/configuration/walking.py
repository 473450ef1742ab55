"""The values of settings, by key path."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from agents.configuration.kinds import Form, Kind, fields_of
from agents.configuration.sources.secrets import holds_password
from agents.core.faults import KeyPath
from agents.settings import Settings
from agents.settings.headers import WrittenValue


class Leaf(NamedTuple):
    path: KeyPath
    value: Any
    kind: Kind


def keys(section: BaseModel, path: KeyPath = ()) -> Iterator[Leaf]:
    """Yield every key of every section. A list or a mapping counts as one value."""
    for name, kind in fields_of(type(section)).items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from keys(value, (*path, name))
        else:
            yield Leaf((*path, name), value, kind)


def leaves(section: BaseModel) -> Iterator[Leaf]:
    """Yield the single values, also those in lists and mappings."""
    for leaf in keys(section):
        yield from _opened(leaf)


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return the secrets, which no log may show."""
    return frozenset(_secrets(settings))


def _secrets(settings: Settings) -> Iterator[str]:
    for _, value, kind in leaves(settings):
        if isinstance(value, WrittenValue):
            continue  # text that the file shows, such as the name of a program
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif kind.form is Form.ADDRESS and value is not None and holds_password(value):
            yield value


def _opened(leaf: Leaf) -> Iterator[Leaf]:
    path, value, kind = leaf
    if isinstance(value, BaseModel):
        for inner in leaves(value):
            yield Leaf((*path, *inner.path), inner.value, inner.kind)
    elif kind.form is Form.MAPPING and value:
        for name, item in value.items():
            yield from _opened(Leaf((*path, name), item, kind.inner))
    elif kind.form is Form.SEQUENCE and value:
        for number, item in enumerate(value):
            yield from _opened(Leaf((*path, number), item, kind.inner))
    else:
        yield leaf
