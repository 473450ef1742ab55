"""The head of the requests to one address. Later requests have the head of the first one."""

from collections.abc import Iterator, Mapping
from typing import Final, Self

import httpx2
from msgspec import Struct

OF_A_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})
"""The headers that describe a body. Each request has its own."""


class RequestHead(Struct, frozen=True):
    """The head of the requests to one address."""

    url: httpx2.URL
    headers: list[tuple[bytes, bytes]]

    @classmethod
    def of(cls, request: httpx2.Request) -> Self:
        return cls(request.url, [(name, value) for name, value in request.headers.raw if name.lower() not in OF_A_BODY])

    def request(
        self, body: bytes, cookies: httpx2.Cookies, connect_s: float, more: Mapping[str, str]
    ) -> httpx2.Request:
        """Return a request with this body. Only the connection has a deadline. more: headers of this request."""
        timeout = {"connect": connect_s, "pool": connect_s, "read": None, "write": None}
        return httpx2.Request(
            "POST",
            self.url,
            headers=[*self.headers, *_raw(more)] if more else self.headers,
            cookies=cookies,
            content=body,
            extensions={"timeout": timeout},
        )


def _raw(headers: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    return ((name.encode(), value.encode()) for name, value in headers.items())
