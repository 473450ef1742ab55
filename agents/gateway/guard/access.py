"""The questions of one node's gateway to another one's: about credentials that it issued, and message ids to reserve.

No secret travels: its hash stands for it.
"""

from hashlib import sha256
from typing import Any, Final, TypeAlias

from msgspec import Struct

from agents.cluster.packing import Packing
from agents.gateway.guard.origin import Origin
from agents.gateway.guard.place import Place
from agents.settings import Scope


class UseTicket(Struct, frozen=True, tag=True):
    """Use a ticket or a code. The answer: IssuedCaller, CredentialRefused, or None if it is unknown."""

    noun: str
    key: bytes
    path: str
    place: Place


class EndTicket(Struct, frozen=True, tag=True):
    """End a ticket for a stream, whose client has all of it. The answer: None."""

    key: bytes


class FindSession(Struct, frozen=True, tag=True):
    """Find a page session. The answer: IssuedCaller, or None."""

    key: bytes


class EndSession(Struct, frozen=True, tag=True):
    """End a page session. The answer: None."""

    id: int


class WhichStand(Struct, frozen=True, tag=True):
    """Choose those of these callers that have not been revoked. The answer: Standing."""

    ids: list[int]


class Reserve(Struct, frozen=True, tag=True):
    """Reserve a message id for a user. node: the epoch of the node that asks. The answer: Reserved."""

    id: str
    user: str | None
    node: int


class Unreserve(Struct, frozen=True, tag=True):
    """End a reservation that this node has asked for. The answer: None."""

    id: str
    node: int


class IssuedCaller(Struct, frozen=True, tag=True):
    """The caller that a credential stands for.

    node: the epoch of the node that answers for the caller; None: the node that was asked. page: of a page session.
    """

    node: int | None
    id: int
    name: str
    user: str | None
    scopes: list[Scope]
    page: Origin | None = None


class CredentialRefused(Struct, frozen=True, tag=True):
    """A refusal with its reason. status: of HTTP."""

    status: int
    message: str


class Standing(Struct, frozen=True, tag=True):
    """The callers that stand."""

    ids: list[int]


class Reserved(Struct, frozen=True, tag=True):
    """Whether the id is reserved for the user now."""

    done: bool


Question: TypeAlias = UseTicket | EndTicket | FindSession | EndSession | WhichStand | Reserve | Unreserve
Answer: TypeAlias = IssuedCaller | CredentialRefused | Standing | Reserved | None

QUESTIONS: Final[Packing[Question]] = Packing(Question)
ANSWERS: Final[Packing[Any]] = Packing(Answer)


def key_of(secret: str) -> bytes:
    """Return the hash by which a secret is found, so that the duration of a look-up reveals nothing."""
    return sha256(secret.encode()).digest()
