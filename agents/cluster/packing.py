"""Values of one type as JSON for another node, in the form in which the store keeps events.

Text may have halves of surrogate pairs, which msgspec does not read. The standard library's JSON reads them.
"""

import json
from typing import Any, Final, Generic, TypeVar

import msgspec

from agents.cluster.errors import Garbage
from agents.sessions.payload import encoded

T = TypeVar("T")

_INVALID: Final[tuple[type[Exception], ...]] = (
    ValueError,
    RecursionError,
)  # msgspec's and json's errors are ValueErrors


class Packing(Generic[T]):
    """The form of a type's values."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)

    def packed(self, value: T) -> bytes:
        """Return the value's bytes. Raises what msgspec raises for a value that is not data."""
        return encoded(value)

    def unpacked(self, received: bytes) -> T:
        """Return the value. Raises Garbage if this version knows no such value."""
        try:
            return self._decoder.decode(received)
        except msgspec.ValidationError as error:
            raise Garbage(_line(error)) from None
        except _INVALID:
            return self._with_halves(received)

    def _with_halves(self, received: bytes) -> T:
        try:
            value: T = msgspec.convert(json.loads(received), self._type)
        except _INVALID as error:
            raise Garbage(_line(error)) from None
        return value


def _line(error: Exception) -> str:
    """Return one line without text of the value."""
    return f"expected a value of a known form, got something else ({type(error).__name__})"
