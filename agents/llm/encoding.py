"""Decoders for the content encodings of a body, fed as its bytes arrive. Source: RFC 9110, 8.4.1; RFC 1952, 2.2.

Requests ask for gzip or deflate. An answer in another encoding is refused with an error that names the encoding.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

ASKED: Final = "gzip, deflate"

_PLAIN: Final = frozenset(("", "identity", "none", "utf-8", "utf8", "chunked", "binary"))
_GZIP: Final = frozenset(("gzip", "x-gzip"))
_DEFLATE: Final = frozenset(("deflate", "x-deflate"))
_ZLIB_METHOD: Final = 8  # the low half of the first byte of the zlib format. Source: RFC 1950, 2.2


class BadEncoding(Exception):
    """A body that is not in the encoding its header names, or an encoding that no request asks for."""


class Decompressor:
    """A decoder of compressed streams one after another. broken: the fault in the bytes after a decoded stream, if any.

    wbits: returns zlib's wbits for a stream that begins with this byte. padding: bytes that may follow a stream.
    """

    def __init__(self, name: str, wbits: Callable[[int], int], padding: bytes = b"") -> None:
        self.broken: BadEncoding | None = None
        self._name, self._wbits, self._padding = name, wbits, padding
        self._member: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the decoded bytes. Raises BadEncoding."""
        plain: list[bytes] = []
        while data:
            if self._member is None:
                data = data.lstrip(self._padding) if self._padding else data
                if not data:
                    break
                self._member = zlib.decompressobj(self._wbits(data[0]))
            try:
                plain.append(_decompressed(self._member, data, self._name))
            except BadEncoding as bad:
                if not plain:
                    raise
                self.broken = bad
                break
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
        return b"".join(plain)


def names(header: str) -> list[str]:
    """Return the encodings of a Content-Encoding header that change the bytes, in the order of their application."""
    return [name for part in header.split(",") if (name := part.strip().strip('"').lower()) not in _PLAIN]


def decoders(encodings: Sequence[str]) -> list[Decompressor]:
    """Return decoders for these encodings, the last encoding first. Raises BadEncoding for an unsupported encoding."""
    found: list[Decompressor] = []
    for name in reversed(encodings):
        if name in _GZIP:
            found.append(Decompressor("gzip", _gzip_wbits, padding=b"\0"))
        elif name in _DEFLATE:
            found.append(Decompressor("deflate", _deflate_wbits))
        else:
            raise BadEncoding(f"expected {ASKED.replace(', ', ' or ')} as content-encoding, got {name[:40]!r}")
    return found


def plain(body: AsyncIterator[bytes], header: str, *, is_error: bool) -> AsyncIterator[bytes]:
    """Return the decoded body, or the body itself if its header names no encoding. Raises BadEncoding.

    is_error: the answer has an error status, which matters more than its encoding. If the encoding is unsupported, the
    returned body is the text of that error.
    """
    encodings = names(header)
    if not encodings:
        return body
    try:
        return decoded(body, decoders(encodings))
    except BadEncoding as bad:
        if is_error:
            return _single(str(bad).encode())
        raise


async def _single(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


async def decoded(chunks: AsyncIterator[bytes], decoding: Sequence[Decompressor]) -> AsyncIterator[bytes]:
    """Yield the decoded chunks of a body, without empty ones. Raises BadEncoding."""
    async for chunk in chunks:
        for decoder in decoding:
            chunk = decoder.feed(chunk)
        if chunk:
            yield chunk
        for decoder in decoding:
            if decoder.broken is not None:
                raise decoder.broken


def _gzip_wbits(_first: int) -> int:
    return zlib.MAX_WBITS | 16


def _deflate_wbits(first: int) -> int:
    """Some servers send a raw deflate stream under the name of the zlib format. The first byte decides."""
    is_zlib = first & 0x0F == _ZLIB_METHOD and first >> 4 <= 7
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _decompressed(stream: "zlib._Decompress", data: bytes, name: str) -> bytes:
    try:
        return stream.decompress(data)
    except zlib.error as error:
        raise BadEncoding(f"expected a body in {name} (its content-encoding), got other bytes: {error}") from None
