"""The messages of a link. One frame is a msgpack array of messages. A larger message is sent in parts.

The node that asks chooses the id of a call or of a follow. The id is valid until the answer, or the end. The ids of
SessionCall, OpenFollow, CloseFollow and Credit are the sender's. All others are the receiver's.

A message is an array, its tag first. A later version may add fields at the end, which this version skips. A message
that this version can't read is dropped and counted.
"""

from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from agents.cluster.errors import Garbage, TooLarge

MAX_FRAME: Final = 2**20
HEAD: Final = 5  # the bytes of an array's length in msgpack
MAX_WHOLE: Final = 16 * 2**20
PART_BYTES: Final = MAX_FRAME - 64  # of a message that is sent in parts
_ARRAY32: Final = b"\xdd"


class Message(Struct, frozen=True, array_like=True):
    """The form of every message."""


class ToSession(Message, frozen=True):
    """A request to a session. request: in the users' form."""

    id: int
    session: str
    request: bytes


class Hello(Message, frozen=True, tag="hello"):
    """The greeting of each end. nonce: random. mac: the dialer's proof; empty in the Hello of the listener."""

    cluster: str
    name: str
    epoch: int
    incarnation: str
    version: str
    nonce: bytes
    mac: bytes = b""


class Proof(Message, frozen=True, tag="proof"):
    """The listener's proof, after the dialer's Hello."""

    mac: bytes


class SessionCall(ToSession, frozen=True, tag="call"):
    """A request with one answer: CallAnswered, CallRefused or NotHere."""


class OpenFollow(ToSession, frozen=True, tag="open"):
    """A request for events. The answer is Events, and then FollowEnded or NotHere."""


class CallAnswered(Message, frozen=True, tag="answered"):
    """The answer of a call. value: in the users' form."""

    id: int
    value: bytes


class CallRefused(Message, frozen=True, tag="refused"):
    """The refusal of a call. kind: for programs. text: one line."""

    id: int
    kind: str
    text: str


class NotHere(Message, frozen=True, tag="not_here"):
    """The answer to a call or a follow of a session that this node does not own. epoch: the owner, if it is known."""

    id: int
    epoch: int | None = None


class CloseFollow(Message, frozen=True, tag="close"):
    """The end of a follow, by its follower."""

    id: int


class FollowEnded(Message, frozen=True, tag="ended"):
    """The end of a follow, by the owner of the session. reason: "normal" after the last event, or an exit reason."""

    id: int
    reason: str


class Events(Message, frozen=True, tag="events"):
    """Events of follows, in the users' form."""

    batches: list[tuple[int, list[bytes]]]


class Credit(Message, frozen=True, tag="credit"):
    """The numbers of events that followers have taken since their last credit."""

    counts: list[tuple[int, int]]


class MessagePart(Message, frozen=True, tag="part"):
    """A part of a message that no frame can hold. The parts of a message follow each other."""

    data: bytes
    last: bool


ToCaller: TypeAlias = CallAnswered | CallRefused | NotHere
LinkMessage: TypeAlias = (
    Hello | Proof | SessionCall | OpenFollow | ToCaller | CloseFollow | FollowEnded | Events | Credit | MessagePart
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_FRAME: Final = msgspec.msgpack.Decoder(list[LinkMessage])
_MESSAGES: Final = msgspec.msgpack.Decoder(list[Raw])
_MESSAGE: Final[msgspec.msgpack.Decoder[LinkMessage]] = msgspec.msgpack.Decoder(LinkMessage)
UNREADABLE: Final[tuple[type[Exception], ...]] = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of bytes that are not of the expected form."""


def encoded(message: LinkMessage) -> bytes:
    """Return a message's bytes. Raises TooLarge."""
    made = _ENCODER.encode(message)
    if len(made) > MAX_WHOLE:
        kind: Any = type(message).__struct_config__.tag
        raise TooLarge(f"expected a message of at most {MAX_WHOLE} bytes between nodes, got {kind!r} with {len(made)}")
    return made


def parts_of(made: bytes) -> list[bytes]:
    """Return the messages that carry an encoded message, each of which fits into a frame: itself, or its parts."""
    if HEAD + len(made) <= MAX_FRAME:
        return [made]
    places = range(0, len(made), PART_BYTES)
    return [_ENCODER.encode(MessagePart(made[at : at + PART_BYTES], at + PART_BYTES >= len(made))) for at in places]


def frame(messages: list[bytes]) -> bytes:
    """Return the frame of encoded messages."""
    return b"".join((_ARRAY32, len(messages).to_bytes(HEAD - 1, "big"), *messages))


def decoded(received: bytes) -> tuple[list[LinkMessage], int]:
    """Return the messages of a frame, and the number of those that this version can't read. Raises Garbage."""
    try:
        return _FRAME.decode(received), 0
    except UNREADABLE:
        return _one_by_one(received)


def _one_by_one(received: bytes) -> tuple[list[LinkMessage], int]:
    try:
        raws = _MESSAGES.decode(received)
    except UNREADABLE as error:
        raise Garbage(f"expected an array of messages, got {len(received)} other bytes ({error})") from None
    messages = list[LinkMessage]()
    for raw in raws:
        with suppress(*UNREADABLE):
            messages.append(_MESSAGE.decode(raw))
    return messages, len(raws) - len(messages)
