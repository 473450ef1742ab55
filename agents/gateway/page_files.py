"""The files of the gateway's own pages, served without a token: they hold no secrets.

/            pages/index.html        /static/NAME        any other file of pages/
/watch       pages/watch.html

A page names its files relatively (`static/chat.js`), so it also works where the gateway is mounted in another app.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from agents.gateway.errors import Refusal
from agents.gateway.guard.body import header_values, refuse

FOLDER: Final = Path(__file__).parent / "pages"
STATIC: Final = "/static/"
MEDIA_TYPES: Final = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".ts": b"text/plain; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
}
ALLOW: Final = (b"allow", b"GET, HEAD")


class PageFile(Struct, frozen=True):
    """A file of a page. etag: None for HTML, which no browser may store."""

    content: bytes
    media_type: bytes
    etag: bytes | None

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        caching = [(b"cache-control", b"no-cache"), (b"etag", self.etag)] if self.etag else []
        return [(b"content-type", self.media_type), (b"content-length", str(len(self.content)).encode()), *caching]

    def is_in(self, etags: str) -> bool:
        """Return whether the list of a header If-None-Match names this version of the file."""
        return self.etag is not None and self.etag.decode() in etags.replace(" ", "").split(",")


def is_page(path: str) -> bool:
    """Return whether a path within the gateway belongs to its pages."""
    return path in ("/", "/watch") or path.startswith(STATIC)


async def send_page(path: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for a path of the pages."""
    if scope["method"] not in ("GET", "HEAD"):
        await refuse(scope, receive, send, Refusal(405, "expected GET or HEAD, got another method"), [ALLOW])
    elif (file := page_files().get(path)) is None:
        await refuse(scope, receive, send, Refusal(404, "expected a file of the gateway's pages, got another path"))
    elif file.is_in(",".join(header_values(scope, b"if-none-match"))):
        await _send(send, 304, [each for each in file.headers if each[0] != b"content-length"])
    else:
        await _send(send, 200, file.headers, file.content if scope["method"] == "GET" else b"")


@cache
def page_files() -> dict[str, PageFile]:
    """Return the files by their paths within the gateway. They are read once, and only these paths exist."""
    return dict(_files())


def _files() -> Iterator[tuple[str, PageFile]]:
    for file in sorted(FOLDER.iterdir()):
        if (media_type := MEDIA_TYPES.get(file.suffix)) is not None:
            content, html = file.read_bytes(), file.suffix == ".html"
            etag = None if html else f'"{sha256(content).hexdigest()[:32]}"'.encode()
            yield _path_of(file, html=html), PageFile(content, media_type, etag)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _path_of(file: Path, *, html: bool) -> str:
    if not html:
        return f"{STATIC}{file.name}"
    return "/" if file.stem == "index" else f"/{file.stem}"
