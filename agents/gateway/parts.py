"""The images, sounds and files of a client's message, and the answer with the bytes of one.

    {"message": "What is this?", "parts": [{"type": "image", "data": "iVBORw0KGgo...", "name": "cat.png"}]}

A client sends bytes, never a path or an address. The first bytes decide the format.
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from actors import InvalidArgument, Pid
from agents.agent_config.parts import refusal
from agents.gateway.errors import Refusal
from agents.instance.running import agent_state
from agents.parts.given import BY_KIND, MAX_NAME_CHARS, GivenContent, Media, Text, content_of
from agents.parts.media_type import KINDS, media_type_of

REFUSED: Final = "content_refused"
LARGE: Final = 64 * 1024  # characters of base64: decoding more would delay the tokens of other streams
SHOWN: Final = frozenset(name for name, kind in KINDS.items() if kind == "image")
"""The types that a browser may show in its place. Each other one is a download."""


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GivenText(_Item):
    """A further text of a message."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]


class GivenMedia(_Item):
    """An image, a sound or a file. data: its bytes in base64. name: of the file."""

    type: Literal["image", "audio", "file"]
    data: str
    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)] | None = None


Item: TypeAlias = Annotated[GivenText | GivenMedia, Field(discriminator="type")]
Items: TypeAlias = Annotated[tuple[Item, ...], Field(strict=False)] | None
"""None: a message without parts. A default other than null would be required in generated clients."""


async def given(message: str, items: Sequence[GivenText | GivenMedia] | None) -> str | GivenContent:
    """Return a message: its text, then its parts. Raises Refusal for bytes that are not of their kind."""
    if not items:
        return message
    if sum(len(item.data) for item in items if isinstance(item, GivenMedia)) > LARGE:
        return await asyncio.to_thread(_given, message, items)
    return _given(message, items)


def check_accepted(agent: Pid, message: str | GivenContent) -> None:
    """Raise Refusal if the agent would refuse the message because of its parts."""
    if isinstance(message, str) or agent.process is None or (state := agent_state(agent.process)) is None:
        return
    if (refused := refusal(state.config, message.content)) is not None:
        raise Refusal(422, f"parts: {refused.why}", REFUSED)


def part_response(data: bytes) -> Response:
    """Return the bytes of a part with the type that they show. Nothing but an image is shown as more than text."""
    media_type = media_type_of(data) or "application/octet-stream"
    disposition = "inline" if media_type in SHOWN else "attachment"
    return Response(data, media_type=media_type, headers={"content-disposition": disposition})


def _given(message: str, items: Sequence[GivenText | GivenMedia]) -> GivenContent:
    return content_of([Text(message), *(_part(place, item) for place, item in enumerate(items))])


def _part(place: int, item: GivenText | GivenMedia) -> Text | Media:
    if isinstance(item, GivenText):
        return Text(item.text)
    try:
        return BY_KIND[item.type](b64decode(item.data, validate=True), item.name or "")
    except (binascii.Error, ValueError) as error:
        words = str(error) if isinstance(error, InvalidArgument) else "expected base64"
        raise Refusal(422, f"parts[{place}].data: {words}") from None
