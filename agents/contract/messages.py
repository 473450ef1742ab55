"""The events of the interface that names messages: JSON after `data: `. Source: "Server-Side SSE Streaming"."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from agents.contract.events import CutData
from agents.contract.tagged import tagged, union
from agents.contract.wire import DATA


class SessionStartMessage(Struct, frozen=True, tag_field="type", tag="session_start"):
    """The first event."""

    session_id: str
    assistant_message_id: str


class ChunkMetadata(Struct, frozen=True):
    """The place of a piece. index: the number of pieces before it in this answer."""

    index: int


class StreamChunkMessage(Struct, frozen=True, tag_field="type", tag="stream_chunk"):
    """A piece of the answer. at: Unix seconds."""

    content: str
    metadata: ChunkMetadata
    at: float | UnsetType = UNSET


class InterruptedMessage(Struct, frozen=True, tag_field="type", tag="interrupted"):
    """The last event of a message that was interrupted. at: Unix seconds."""

    content: str
    at: float | UnsetType = UNSET


class CutMessage(CutData, frozen=True, tag_field="type", tag="cut"):
    """The connection ends here. The message continues without the client."""


OTHERS: Final = {name: data for name, data in DATA.items() if name not in ("token", "failed")}
"""The other events: their names, and the shapes of their `data`."""

MessageEvents: Final = union(
    SessionStartMessage,
    StreamChunkMessage,
    InterruptedMessage,
    CutMessage,
    *(tagged(name, "Message", "type", ("data", data)) for name, data in OTHERS.items()),
)
