"""The limits of images, sounds and files in messages and in results of tools."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from agents.settings.values import Bytes, CountOrZero


class PartKind(StrEnum):
    """The kinds of parts besides text."""

    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"


class MediaType(StrEnum):
    """The media types of parts. The first bytes of a part decide its type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    GIF = "image/gif"
    WEBP = "image/webp"
    WAV = "audio/wav"
    MP3 = "audio/mpeg"
    PDF = "application/pdf"
    TEXT = "text/plain"


class PartSettings(BaseModel):
    """The limits of the parts of one message, and of one tool's result.

    max_bytes: of one part. max_message_bytes: of all parts, besides texts. max_count: number of parts besides texts.
    types: the accepted media types.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: Bytes = 5 * 1024 * 1024
    max_message_bytes: Bytes = 10 * 1024 * 1024
    max_count: CountOrZero = 20
    types: tuple[MediaType, ...] = tuple(MediaType)
