"""What the store holds as JSON: data only, checked against its type when it is read.

Text of any kind comes back as it was. A lone surrogate is no character of UTF-8, so msgspec neither writes nor reads
one; the standard library's JSON does, as an escape.
"""

import json
from typing import Any, Final, Generic, TypeVar

import msgspec

from agents.sessions.errors import StoreDamaged

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()


def encoded(data: Any) -> bytes:
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(data), separators=(",", ":")).encode("ascii")


class Decoder(Generic[T]):
    """Reads what `encoded` wrote of a value of this type. Raises StoreDamaged."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)

    def __call__(self, payload: bytes) -> T:
        try:
            return self._decoder.decode(payload)
        except (msgspec.ValidationError, UnicodeDecodeError) as error:  # the latter: bytes that are no UTF-8
            raise self._damaged(error) from None
        except msgspec.DecodeError:
            return self._with_surrogates(payload)

    def _with_surrogates(self, payload: bytes) -> T:
        try:
            value: T = msgspec.convert(json.loads(payload), self._type)
        except (ValueError, msgspec.ValidationError) as error:
            raise self._damaged(error) from None
        return value

    def _damaged(self, error: Exception) -> StoreDamaged:
        return StoreDamaged(f"the store is damaged: {' '.join(str(error).split())}")


def keepable(id_: str) -> bool:
    """May this be an id in a store? Not one that is empty, long, or no text to a database."""
    return 0 < len(id_) <= 200 and "\0" not in id_ and id_.isprintable()
