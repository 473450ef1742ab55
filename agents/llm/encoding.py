"""Content encodings of a body, undone as its bytes arrive. Source: RFC 9110, 8.4.1; RFC 1952, 2.2.

Requests ask for gzip or deflate. A proxy that answers in another encoding is refused by that encoding's name.
"""

import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

ASKED: Final = "gzip, deflate"

_PLAIN: Final = frozenset(("", "identity", "none", "utf-8", "utf8", "chunked", "binary"))
_GZIP: Final = frozenset(("gzip", "x-gzip"))
_DEFLATE: Final = frozenset(("deflate", "x-deflate"))
_GZIP_WBITS: Final = zlib.MAX_WBITS | 16
_GZIP_MAGIC: Final = 0x1F  # the first byte of a member. Source: RFC 1952, 2.3.1
_ZLIB_METHOD: Final = 8  # the low half of the first byte of the zlib format. Source: RFC 1950, 2.2


class BadEncoding(Exception):
    """The body is not in the encoding that its header names, or the encoding is not one that was asked for."""


class Decoder(Protocol):
    def feed(self, data: bytes) -> bytes:
        """Raises BadEncoding."""


def names(header: str) -> list[str]:
    """The encodings in a Content-Encoding header that change the bytes, in the order in which they were applied."""
    return [name for part in header.split(",") if (name := part.strip().strip('"').lower()) not in _PLAIN]


def decoders(encodings: Sequence[str]) -> list[Decoder]:
    """Decoders for these encodings, the last one first. Raises BadEncoding for one that was not asked for."""
    found: list[Decoder] = []
    for name in reversed(encodings):
        if name in _GZIP:
            found.append(Gzip())
        elif name in _DEFLATE:
            found.append(Deflate())
        else:
            raise BadEncoding(f"expected {ASKED.replace(', ', ' or ')} as content-encoding, got {name[:40]!r}")
    return found


def plain(body: AsyncIterator[bytes], header: str, *, is_error: bool) -> AsyncIterator[bytes]:
    """The body without the encodings in its header; the body itself if it has none. Raises BadEncoding.

    is_error: of an answer whose status says more than its encoding. Its body is then what is wrong with the encoding.
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


async def decoded(chunks: AsyncIterator[bytes], decoding: Sequence[Decoder]) -> AsyncIterator[bytes]:
    """The chunks of a body without its encodings, none of them empty. Raises BadEncoding."""
    async for chunk in chunks:
        for decoder in decoding:
            chunk = decoder.feed(chunk)
        if chunk:
            yield chunk


class _Members:
    """Compressed streams that follow one another. What follows a whole one and is none itself ends the body, as in
    gzip(1)."""

    name: str

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._first = True
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        plain: list[bytes] = []
        while data and not self._ended:
            if self._member is None:
                if not self._first and not self._begins(data[0]):
                    data = data.lstrip(b"\0")
                    self._ended = bool(data) and not self._begins(data[0])
                    continue
                self._member = zlib.decompressobj(self._wbits(data[0]))
            plain.append(_decompressed(self._member, data, self.name))
            data = self._member.unused_data
            if self._member.eof:
                self._member, self._first = None, False
        return b"".join(plain)

    def _begins(self, first: int) -> bool:
        """A member may begin with this byte."""
        raise NotImplementedError

    def _wbits(self, first: int) -> int:
        raise NotImplementedError


class Gzip(_Members):
    """Members of gzip. Zeros after a member are padding."""

    name = "gzip"

    def _begins(self, first: int) -> bool:
        return first == _GZIP_MAGIC

    def _wbits(self, first: int) -> int:
        return _GZIP_WBITS


class Deflate(_Members):
    """The zlib format, or the bare stream that some servers send under this name. Its first byte decides."""

    name = "deflate"

    def _begins(self, first: int) -> bool:
        return first & 0x0F == _ZLIB_METHOD and first >> 4 <= 7

    def _wbits(self, first: int) -> int:
        return zlib.MAX_WBITS if self._begins(first) else -zlib.MAX_WBITS


def _decompressed(stream: "zlib._Decompress", data: bytes, name: str) -> bytes:
    try:
        return stream.decompress(data)
    except zlib.error as error:
        raise BadEncoding(f"expected a body in {name}, as its content-encoding says: {error}") from None
