"""From a tool's result to JSON data, in one walk. The outcome is the same in every isolation.

    None, bool, int, float, str   unchanged; NaN and the infinities are the texts "NaN", "Infinity", "-Infinity"
    dict, dataclass, Struct, model, other mappings      objects; a key that is not text becomes its JSON
    list, tuple, range, deque, view, other collections  arrays; a set is sorted, since it has no order
    date, time, timedelta, UUID, Decimal, Path, ...     their text; bytes are base64
    enum                                                its value
    Image, Audio, File                                  the text of its place, as "[image 1: cat.png]"

Some values have no form in JSON: an iterator, a coroutine, an open file, a function. Such a value raises InvalidData
if it is the whole result. As a member it becomes a text that says so, and the other members stay.
"""

import base64
import dataclasses
import datetime
import decimal
import enum
import math
import types
import uuid
from collections import UserString
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from agents.core.depth import MAX_DEPTH, too_deep
from agents.tools.errors import InvalidData
from agents.tools.media_places import place_of
from agents.tools.own_text import NoForm, name_of, own_text
from agents.tools.text import sendable

MAX_DIGITS: Final = 4300
"""Digits of a whole number. Python neither reads nor writes longer ones. Source: sys.set_int_max_str_digits."""

TOO_DEEP: Final = f"expected data nested at most {MAX_DEPTH} deep, got deeper, or data that contains itself"

_TOO_LARGE: Final = 10**MAX_DIGITS
_TEXTS: Final = (datetime.date, datetime.time, datetime.timedelta, uuid.UUID, decimal.Decimal)


def plain(value: Any) -> Any:
    """Return the value as JSON data. Raises InvalidData for a value that has no form in JSON, or nests too deep."""
    return beginning(value, math.inf)[0]


def beginning(value: Any, limit_bytes: float, media: list[Any] | None = None) -> tuple[Any, bool]:
    """Return the value as JSON data, and whether the data is complete.

    The walk ends when the JSON is certain to be longer than the limit. A value may be endless, or hold the same large
    part a million times. Up to the limit, the JSON of the result equals that of the value.
    media: gets the images, sounds and files.
    """
    walk = _Walk(limit_bytes, [] if media is None else media)
    try:
        built = walk.built(value, 1)
    except NoForm as no_form:
        raise InvalidData(f"expected JSON data, got {no_form}") from None
    return built, walk.whole


class _Walk:
    """One walk over a value.

    left_bytes: at least the bytes that remain of the limit. Each value is counted with the shortest JSON it can have.
    whole: nothing was left out. media: the images, sounds and files so far.
    """

    def __init__(self, limit_bytes: float, media: list[Any]) -> None:
        self.media = media
        self.left_bytes = limit_bytes
        self.whole = True

    def built(self, value: Any, depth: int) -> Any:
        """Return the value as JSON data. Raises NoForm, or InvalidData for data that nests too deep."""
        kind = type(value)
        self.left_bytes -= 1
        if kind is str:
            self.left_bytes -= len(value)
            return sendable(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return value if math.isfinite(value) else _not_finite(value)
        if kind is int:
            return _whole(value)
        if kind is dict:
            return self._object(value.items(), depth)
        if kind is list or kind is tuple:
            return self._array(value, depth)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        """Return the data of a value whose type JSON does not have.

        The value's own code may do anything. An exception affects only this value.
        """
        try:
            return self._of_type(value, depth)
        except (NoForm, InvalidData):
            raise
        except Exception as error:  # noqa: BLE001 - the crash boundary: the value's own code
            if too_deep(value, _parts):
                raise InvalidData(TOO_DEEP) from None
            words = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
            raise NoForm(f"a {name_of(value)} that can't be converted ({sendable(words)})") from None

    def _of_type(self, value: Any, depth: int) -> Any:
        match value:
            case enum.Enum():
                return self._enum(value, depth)
            case str():
                return self.built(str.__str__(value), depth)
            case int():
                return _whole(int.__int__(value))
            case float():
                return self.built(float.__float__(value), depth)
            case UserString() | complex():
                return self.built(str(value), depth)
            case _ if (place := place_of(value, self.media)) is not None:
                return self.built(place, depth)
            case bytes() | bytearray() | memoryview():
                return self.built(base64.b64encode(value).decode(), depth)
            case _ if isinstance(value, _TEXTS):
                return self.built(_text(value), depth)
            case _ if not isinstance(value, type) and (fields := _fields(value)) is not None:
                return self._object(fields, depth) if isinstance(fields, Iterator) else self.built(fields, depth)
            case Mapping():
                return self._object(value.items(), depth)
            case AbstractSet():
                return self._sorted(value, depth)
            case Collection() if not isinstance(value, (type, Iterator)):
                return self._array(value, depth)
            case _:
                return self.built(own_text(value), depth)

    def _enum(self, value: enum.Enum, depth: int) -> Any:
        try:
            return self.built(value.value, depth)
        except NoForm:
            return self.built(value.name, depth)

    def _member(self, value: Any, depth: int) -> Any:
        try:
            return self.built(value, depth)
        except NoForm as no_form:
            return self.built(f"[no JSON: {no_form}]", depth)

    def _array(self, values: Iterable[Any], depth: int) -> list[Any]:
        _check(depth)
        members: list[Any] = []
        for each in values:
            if self.left_bytes < 0:
                self.whole = False
                break
            members.append(self._member(each, depth + 1))
        return members

    def _sorted(self, values: AbstractSet[Any], depth: int) -> list[Any]:
        """Return a set's members in order: numbers and texts by value, others by their JSON.

        A set's own order differs between processes.
        """
        _check(depth)
        members = [self._member(each, depth + 1) for each in values]
        kinds = {type(each) for each in members}
        return sorted(members, key=None if kinds <= {int, float} or kinds == {str} else msgspec.json.encode)

    def _object(self, items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        _check(depth)
        members: dict[str, Any] = {}
        for key, each in items:
            if self.left_bytes < 0:
                self.whole = False
                break
            members[self._key(key, members, depth)] = self._member(each, depth + 1)
        return members

    def _key(self, key: Any, known: Mapping[str, Any], depth: int) -> str:
        """Return the key as a text that no other key of the object has. 1 and "1" are two keys in Python."""
        made = self._member(key, depth + 1)
        name = first = made if isinstance(made, str) else msgspec.json.encode(made).decode()
        number = 2
        while name in known:
            name, number = f"{first} ({number})", number + 1
        return name


def _check(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidData(TOO_DEEP)


def _not_finite(value: float) -> str:
    """Return the text that JavaScript and pydantic use.

    JSON has no such numbers, and null would mean a missing value.
    """
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _whole(value: int) -> int:
    if -_TOO_LARGE < value < _TOO_LARGE:
        return value
    raise NoForm(f"a whole number of more than {MAX_DIGITS} digits: return it as a text, such as its hex()")


def _text(value: Any) -> str:
    """Return the text of a value, ISO 8601 for dates and times. msgspec may not know a subclass."""
    try:
        return str(msgspec.to_builtins(value))
    except TypeError:
        return str(value)


def _fields(value: Any) -> Any:
    """Return the parts of a record: an iterator of names and values, or the data that a pydantic model returns."""
    kind = type(value)
    if isinstance(value, msgspec.Struct):
        return _struct_fields(value)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    elif callable(getattr(kind, "model_dump", None)):
        return value.model_dump()  # not mode="json": that fails for bytes that are not UTF-8
    else:
        return None
    return iter([(name, getattr(value, name)) for name in names if hasattr(value, name)])


def _struct_fields(value: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    config = value.__struct_config__
    if config.tag is not None:
        yield config.tag_field or "type", config.tag
    for name, field in zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True):
        if (held := getattr(value, field, msgspec.UNSET)) is not msgspec.UNSET:
            yield name, held


def _parts(value: Any) -> Iterable[Any]:
    """Return the parts of a value that are readable without its own code. They show how deep it nests."""
    if isinstance(value, (dict, list, tuple)):
        return value.values() if isinstance(value, dict) else value
    held = getattr(value, "__dict__", None)
    return held.values() if isinstance(held, dict) and not isinstance(value, (type, types.ModuleType)) else ()
