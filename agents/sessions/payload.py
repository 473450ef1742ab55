"""Values as the store holds them: JSON, checked against the type when it is written and when it is read.

A value that could not be read again is refused when it is written. Text of any kind is read back unchanged. msgspec
neither writes nor reads a lone surrogate, which UTF-8 lacks. The standard library's JSON does both.
"""

import json
import re
from typing import Any, Final, Generic, TypeVar

import msgspec

from agents.sessions.errors import NotData, StoreDamaged

T = TypeVar("T")

DEPTH: Final = 200
"""The depth to which a value may nest. A reader needs one level of its stack for each."""

_ENCODER: Final = msgspec.json.Encoder()
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(each for each in range(256) if each not in b"{}[]")
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def encoded(data: Any) -> bytes:
    """Return the data as JSON that is valid UTF-8. Raises what msgspec and json raise."""
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return _dumped(data).encode("ascii")


class Decoder(Generic[T]):
    """A reader of what `written` wrote for a value of this type. Raises StoreDamaged."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)

    def __call__(self, payload: bytes) -> T:
        if not isinstance(payload, bytes):
            raise StoreDamaged(f"the store is damaged: expected bytes, got {type(payload).__name__}")
        try:
            return self._read(payload)
        except _UNREADABLE as error:
            raise StoreDamaged(f"the store is damaged: {' '.join(str(error).split())}") from None

    def written(self, value: T) -> bytes:
        """Return the bytes that are read back as this value. Raises NotData if there are none."""
        try:
            payload = encoded(value)
            deep = _deeper(payload, DEPTH)
            same = not deep and self._is_read_as(payload, value)
            if not deep and not same:
                payload = _dumped(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
                same = self._is_read_as(payload, value)
        except RecursionError:
            deep = same = True
        except Exception as error:  # noqa: BLE001 (the value's own methods may raise anything)
            raise NotData(f"expected data that JSON can hold, got a value of another kind ({_words(error)})") from None
        if deep:
            raise NotData(f"expected data that nests at most {DEPTH} deep, got deeper")
        if not same:
            raise NotData("expected data that JSON can hold, got a value that changes on the way")
        return payload

    def written_text(self, value: T) -> bytes:
        """Encode a value whose parts are text and numbers of the right types. Only its text may need `written`.

        This is for the token path: checking the bytes by reading them would cost more than writing them.
        """
        try:
            return _ENCODER.encode(value)
        except UnicodeEncodeError:
            return self.written(value)

    def _is_read_as(self, payload: bytes, value: T) -> bool:
        read = self._read(payload)
        return bool(read == value) or _plain(read) == _plain(value)

    def _read(self, payload: bytes) -> T:
        try:
            return self._decoder.decode(payload)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            value: T = msgspec.convert(json.loads(payload.decode("utf-8", "surrogatepass")), self._type)
            return value


def keepable(id_: Any) -> bool:
    """Return True for a valid id: not empty, at most 200 characters, printable, without NUL."""
    return isinstance(id_, str) and 0 < len(id_) <= 200 and "\0" not in id_ and id_.isprintable()


def _dumped(data: Any, *, ensure_ascii: bool = True) -> str:
    return json.dumps(msgspec.to_builtins(data), separators=(",", ":"), allow_nan=False, ensure_ascii=ensure_ascii)


def _plain(value: Any) -> Any:
    """Return the value as JSON has it: a tuple is a list, a date its text. Bytes stay bytes, since JSON has none."""
    return _listed(msgspec.to_builtins(value, str_keys=True, builtin_types=(bytes, bytearray, memoryview)))


def _listed(value: Any) -> Any:
    match value:
        case dict():
            return {key: _listed(each) for key, each in value.items()}
        case list() | tuple():
            return [_listed(each) for each in value]
    return value


def _deeper(payload: bytes, limit: int) -> bool:
    """Return True if the JSON nests deeper than the limit.

    Each round removes the innermost brackets, so the number of rounds equals the depth.
    """
    if payload.count(b"[") + payload.count(b"{") <= limit:
        return False
    left = _STRINGS.sub(b"", payload).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(limit):
        left = left.replace(b"[]", b"")
        if not left:
            return False
    return True


def _words(error: Exception) -> str:
    """Return the error's text without text of the value."""
    known = isinstance(error, msgspec.MsgspecError | TypeError | RecursionError | OverflowError)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}" if known else type(error).__name__
