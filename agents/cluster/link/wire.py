"""The messages of a link. One frame is a msgpack array of messages. A larger message is sent in parts.

The node that asks chooses the id of a call or of a follow. The id is valid until the answer, or the end. The ids of
SessionCall, OpenFollow, CloseFollow and Credit are the sender's. All others are the receiver's.

A message is an array, its tag first. A later version may add fields at the end, which this version skips. A message
that this version can't read is dropped and counted.
"""

from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from agents.cluster.errors import Garbage, TooLarge

MAX_FRAME: Final = 2**20
HEAD: Final = 5  # the bytes of an array's length in msgpack
MAX_MESSAGE: Final = MAX_FRAME - HEAD
MAX_WHOLE: Final = 16 * 2**20
PART_BYTES: Final = MAX_MESSAGE - 64  # of a message that is sent in parts
_ARRAY32: Final = b"\xdd"


class Hello(Struct, frozen=True, array_like=True, tag="hello"):
    """The greeting of each end. nonce: random. mac: the dialer's proof; empty in the Hello of the listener."""

    cluster: str
    name: str
    epoch: int
    incarnation: str
    version: str
    nonce: bytes
    mac: bytes = b""


class Proof(Struct, frozen=True, array_like=True, tag="proof"):
    """The listener's proof, after the dialer's Hello."""

    mac: bytes


class SessionCall(Struct, frozen=True, array_like=True, tag="call"):
    """A request to a session. The answer is CallAnswered, CallRefused or NotHere. request: in the users' form."""

    id: int
    session: str
    request: bytes


class CallAnswered(Struct, frozen=True, array_like=True, tag="answered"):
    """The answer of a call. value: in the users' form."""

    id: int
    value: bytes


class CallRefused(Struct, frozen=True, array_like=True, tag="refused"):
    """The refusal of a call. kind: for programs. text: one line."""

    id: int
    kind: str
    text: str


class OpenFollow(Struct, frozen=True, array_like=True, tag="open"):
    """A request for events of a session. Events follow, then FollowEnded or NotHere. request: in the users' form."""

    id: int
    session: str
    request: bytes


class CloseFollow(Struct, frozen=True, array_like=True, tag="close"):
    """The end of a follow, by its follower."""

    id: int


class Events(Struct, frozen=True, array_like=True, tag="events"):
    """Events of follows, in the users' form."""

    batches: list[tuple[int, list[bytes]]]


class Credit(Struct, frozen=True, array_like=True, tag="credit"):
    """The numbers of events that followers have taken since their last credit."""

    counts: list[tuple[int, int]]


class FollowEnded(Struct, frozen=True, array_like=True, tag="ended"):
    """The end of a follow, by the owner of the session. reason: "normal" after the last event, or an exit reason."""

    id: int
    reason: str


class NotHere(Struct, frozen=True, array_like=True, tag="not_here"):
    """The answer to a call or a follow of a session that this node does not own. epoch: the owner, if it is known."""

    id: int
    epoch: int | None = None


class MessagePart(Struct, frozen=True, array_like=True, tag="part"):
    """A part of a message that no frame can hold. The parts of a message follow each other."""

    data: bytes
    last: bool


LinkMessage: TypeAlias = (
    Hello
    | Proof
    | SessionCall
    | CallAnswered
    | CallRefused
    | OpenFollow
    | CloseFollow
    | Events
    | Credit
    | FollowEnded
    | NotHere
    | MessagePart
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_FRAME: Final = msgspec.msgpack.Decoder(list[LinkMessage])
_PARTS: Final = msgspec.msgpack.Decoder(list[Raw])
_MESSAGE: Final[msgspec.msgpack.Decoder[LinkMessage]] = msgspec.msgpack.Decoder(LinkMessage)
_UNREADABLE: Final[tuple[type[Exception], ...]] = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encoded(message: LinkMessage) -> bytes:
    """Return a message's bytes. Raises TooLarge."""
    made = _ENCODER.encode(message)
    if len(made) > MAX_WHOLE:
        kind: Any = type(message).__struct_config__.tag
        raise TooLarge(f"expected a message of at most {MAX_WHOLE} bytes between nodes, got {kind!r} with {len(made)}")
    return made


def parts_of(made: bytes) -> list[bytes]:
    """Return the messages that carry an encoded message, each of which fits into a frame: itself, or its parts."""
    if len(made) <= MAX_MESSAGE:
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
    except _UNREADABLE:
        return _one_by_one(received)


def _one_by_one(received: bytes) -> tuple[list[LinkMessage], int]:
    try:
        parts = _PARTS.decode(received)
    except _UNREADABLE as error:
        raise Garbage(f"expected an array of messages, got {len(received)} other bytes ({error})") from None
    messages = list[LinkMessage]()
    for part in parts:
        try:
            messages.append(_MESSAGE.decode(part))
        except _UNREADABLE:
            continue
    return messages, len(parts) - len(messages)
