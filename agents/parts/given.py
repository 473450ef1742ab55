"""The parts that a program gives: a text, an image, a sound or a file, with its bytes.

    await agent.chat(pid, [Text("What is in this picture?"), Image.from_file("cat.png")])

The first bytes decide the format, whatever the name says. `content_of` replaces the bytes by their hash, which is what
a conversation has.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Final, Self, TypeAlias

from msgspec import Struct

from agents.core.parts import AudioPart, Content, FilePart, ImagePart, MediaPart, Part, TextPart
from agents.core.text import HALF, TEXT, is_text
from agents.parts.media_type import KINDS, WORDS, media_type_of

MAX_NAME_CHARS: Final = 255

PARTS: Final[Mapping[str, type[MediaPart]]] = {"image": ImagePart, "audio": AudioPart, "file": FilePart}


class Text(Struct, frozen=True):
    """A text within a message of parts."""

    text: str

    def __post_init__(self) -> None:
        if not _is_str(self.text) or not self.text:
            raise _invalid("a str that is not empty as the text", self.text)
        if not is_text(self.text):
            raise _invalid(f"{TEXT} as the text", words=HALF)


class Media(Struct, frozen=True):
    """The common part of Image, Audio and File.

    data: the bytes. name: that of the file, for people and for the model, or "". Raises InvalidArgument for bytes of
    another format.
    """

    kind: ClassVar[str]
    data: bytes
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):
            raise _invalid(f"bytes as the data of {type(self).__name__}", self.data, _from_file(self))
        if not _is_str(self.name) or len(self.name) > MAX_NAME_CHARS or not is_text(self.name):
            raise _invalid(f"a name of at most {MAX_NAME_CHARS} characters", self.name)
        self.media_type  # noqa: B018 (it raises)

    @property
    def media_type(self) -> str:
        """The media type that the first bytes show."""
        found = media_type_of(self.data)
        if found is None or KINDS[found] != self.kind:
            raise _invalid(f"{WORDS[self.kind]} as {type(self).__name__}", words=found or "bytes of another format")
        return found

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a file. Raises InvalidArgument for a file that can't be read, or of another format."""
        return cls(_read(path, cls.__name__), Path(path).name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {len(self.data)} bytes)"


class Image(Media, frozen=True):
    """An image: PNG, JPEG, GIF or WebP."""

    kind = "image"


class Audio(Media, frozen=True):
    """A sound: WAV or MP3."""

    kind = "audio"


class File(Media, frozen=True):
    """A document as PDF, or UTF-8 text of any name. A text is never shown as markup, also if it is SVG or HTML."""

    kind = "file"


BY_KIND: Final[Mapping[str, type[Image | Audio | File]]] = {each.kind: each for each in (Image, Audio, File)}

Blobs: TypeAlias = Mapping[str, bytes]
"""Bytes by their hash."""

NO_BLOBS: Final[Blobs] = {}


class GivenContent(Struct, frozen=True):
    """The content of a message, and the bytes of its parts."""

    content: Content
    blobs: Blobs = NO_BLOBS


def media_from_file(path: str | Path) -> Image | Audio | File:
    """Read a file of any of the formats. Raises InvalidArgument."""
    data, name = _read(path, "a part"), Path(path).name
    found = media_type_of(data)
    if found is None:
        raise _invalid(f"{', '.join(WORDS.values())} in {name!r}", words="bytes of another format")
    return BY_KIND[KINDS[found]](data, name)


def content_of(parts: Iterable[Text | Media]) -> GivenContent:
    """Return the parts with hashes in place of their bytes, and the bytes."""
    content: list[Part] = []
    blobs: dict[str, bytes] = {}
    for part in parts:
        if isinstance(part, Text):
            content.append(TextPart(part.text))
        else:
            key = sha256(part.data).hexdigest()
            blobs[key] = part.data
            content.append(PARTS[part.kind](key, part.media_type, len(part.data), part.name))
    return GivenContent(tuple(content), blobs)


def _read(path: str | Path, what: str) -> bytes:
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise ValueError("a folder or a device")  # noqa: TRY301 (the same words as for a path that can't be read)
        return Path(path).read_bytes()
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _invalid(f"a file as {what}", words=f"{str(path)[:200]!r}: {why}") from None


def _invalid(expected: str, got: object = None, hint: str = "", *, words: str = "") -> Exception:
    """Return InvalidArgument. words: in place of a name of what was given.

    Loaded here, since a tool's worker process makes parts and does not need the process system.
    """
    from actors import InvalidArgument
    from actors.kernel.errors import named

    return InvalidArgument(expected, words or named(got), *([hint] if hint else []))


def _is_str(value: object) -> bool:
    return isinstance(value, str)


def _from_file(part: Media) -> str:
    return f"{type(part).__name__}.from_file(path) reads a file"
