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
_ZLIB_METHOD: Final = 8  # the low half of the first byte of the zlib format. Source: RFC 1950, 2.2


class BadEncoding(Exception):
    """The body is not in the encoding that its header names, or the encoding is not one that was asked for."""


class Decoder(Protocol):
    """broken: the fault that the bytes after those of the last feed have, if any."""

    broken: BadEncoding | None

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
        for decoder in decoding:
            if decoder.broken is not None:
                raise decoder.broken


class _Members:
    """Compressed streams that follow one another. broken: what came after some plain bytes is no such stream."""

    name: str
    padding = b""

    def __init__(self) -> None:
        self.broken: BadEncoding | None = None
        self._member: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        plain: list[bytes] = []
        while data:
            if self._member is None:
                data = data.lstrip(self.padding) if self.padding else data
                if not data:
                    break
                self._member = zlib.decompressobj(self._wbits(data[0]))
            try:
                plain.append(_decompressed(self._member, data, self.name))
            except BadEncoding as bad:
                if not plain:
                    raise
                self.broken = bad
                break
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
        return b"".join(plain)

    def _wbits(self, first: int) -> int:
        """The format of a member that begins with this byte, as zlib names it."""
        raise NotImplementedError


class Gzip(_Members):
    """Members of gzip. Zeros after a member are padding."""

    name = "gzip"
    padding = b"\0"

    def _wbits(self, first: int) -> int:
        return _GZIP_WBITS


class Deflate(_Members):
    """The zlib format, or the bare stream that some servers send under this name. Its first byte decides."""

    name = "deflate"

    def _wbits(self, first: int) -> int:
        is_zlib = first & 0x0F == _ZLIB_METHOD and first >> 4 <= 7
        return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _decompressed(stream: "zlib._Decompress", data: bytes, name: str) -> bytes:
    try:
        return stream.decompress(data)
    except zlib.error as error:
        raise BadEncoding(f"expected a body in {name}, as its content-encoding says: {error}") from None
