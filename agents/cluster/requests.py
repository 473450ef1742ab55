"""The requests of one node to an agent of another one, as bytes: those of agents/instance/requests.py, and follows.

A Pid means nothing on another node. So a request with a subscriber becomes a follow of the link, which a relay serves.
A request is its name, a line feed, and JSON. So is an answer, with the name of its class, or no name.
"""

from typing import Any, Final, TypeAlias, get_args

from msgspec import Struct

from agents.agent_config.request import TurnRequest
from agents.cluster.errors import Garbage
from agents.cluster.packing import Packing
from agents.core.conversation import Conversation
from agents.core.errors import ContentRefused
from agents.core.events import Event
from agents.core.parts import Content
from agents.instance.elsewhere import Control, ResumeFar, StopFar, SuspendFar
from agents.instance.info import AgentHistory, AgentInfo
from agents.instance.requests import (
    AnswerQuestion,
    Approve,
    Cancel,
    Deny,
    Full,
    GetConversation,
    GetEvents,
    GetHistory,
    GetInfo,
    GetPart,
    Retire,
    Settle,
    Steer,
)
from agents.instance.state import StreamChat
from agents.parts.given import NO_BLOBS, Blobs
from agents.sessions.payload import encoded
from agents.tools.approval import Answer


class AskStream(Struct, frozen=True, tag_field="type", tag="ask"):
    """A message, and a follow of its stream.

    answer_type: the JSON schema of the message's own answer type. request, blobs, trace: as in StreamChat.
    """

    stream: str
    message: Content
    answer_type: dict[str, Any] | None = None
    request: TurnRequest | None = None
    blobs: Blobs = NO_BLOBS
    trace: dict[str, str] = {}


def asked_by(chat: StreamChat) -> AskStream:
    """Return a message of this node in the form for another one."""
    schema = None if chat.answer is None else chat.answer.schema
    return AskStream(chat.stream_id, chat.message, schema, chat.request, chat.blobs, dict(chat.trace))


class FollowStream(Struct, frozen=True, tag_field="type", tag="follow"):
    """A follow of one stream's events with a seq above after."""

    stream: str
    after: int


class SubscribeTo(Struct, frozen=True, tag_field="type", tag="subscribe"):
    """A follow of the later events of all streams.

    stream: if it is given, the follow begins with this stream's events with a seq above after.
    """

    stream: str | None = None
    after: int = 0


Opening: TypeAlias = AskStream | FollowStream | SubscribeTo

OPENINGS: Final[Packing[Opening]] = Packing(Opening)

RemoteRequest: TypeAlias = (
    Cancel
    | Steer
    | Approve
    | Deny
    | Settle
    | AnswerQuestion
    | Retire
    | GetInfo
    | GetConversation
    | GetHistory
    | GetEvents
    | GetPart
    | Control
)

REQUESTS: Final[dict[str, tuple[type[RemoteRequest], tuple[Any, ...]]]] = {
    "cancel": (Cancel, (bool,)),
    "steer": (Steer, (bool, Full, ContentRefused)),
    "approve": (Approve, get_args(Answer)),
    "deny": (Deny, get_args(Answer)),
    "settle": (Settle, (bool,)),
    "answer": (AnswerQuestion, get_args(Answer)),
    "retire": (Retire, (bool,)),
    "info": (GetInfo, (AgentInfo,)),
    "conversation": (GetConversation, (Conversation,)),
    "history": (GetHistory, (AgentHistory,)),
    "events": (GetEvents, (tuple[Event, ...] | None,)),
    "part": (GetPart, (bytes | None,)),
    "stop": (StopFar, (bool,)),
    "suspend": (SuspendFar, (bool,)),
    "resume": (ResumeFar, (bool,)),
}
"""The requests by their names on a link: the type of each, and the types of its answers."""

_NAMES: Final = {request: name for name, (request, _) in REQUESTS.items()}
_VALUES: Final = {type_: Packing[Any](type_) for request, answers in REQUESTS.values() for type_ in (request, *answers)}


def packed_request(request: RemoteRequest) -> bytes:
    return _named(_NAMES[type(request)], request)


def wakes(received: bytes) -> bool:
    """Return whether the request is for an agent that may sleep until then."""
    row = REQUESTS.get(received.partition(b"\n")[0].decode("ascii", "replace"))
    return row is None or row[0] not in get_args(Control)


def unpacked_request(received: bytes) -> RemoteRequest:
    """Return the request. Raises Garbage for one that this version does not know."""
    name, _, value = received.partition(b"\n")
    row = REQUESTS.get(name.decode("ascii", "replace"))
    if row is None:
        raise Garbage(f"expected one of {', '.join(REQUESTS)}, got {name[:40]!r}")
    request: RemoteRequest = _VALUES[row[0]].unpacked(value)
    return request


def packed_answer(answer: Any) -> bytes:
    """Return the bytes of an answer, with the name of its class if it is a struct."""
    return _named(type(answer).__name__ if isinstance(answer, Struct) else "", answer)


def unpacked_answer(request: RemoteRequest, received: bytes) -> Any:
    """Return the answer to the request. Raises Garbage for one that this version does not know."""
    name, _, value = received.partition(b"\n")
    for type_ in REQUESTS[_NAMES[type(request)]][1]:
        is_struct = isinstance(type_, type) and issubclass(type_, Struct)
        if name.decode("ascii", "replace") == (type_.__name__ if is_struct else ""):
            return _VALUES[type_].unpacked(value)
    raise Garbage(f"expected an answer to {_NAMES[type(request)]!r}, got {name[:40]!r}")


def _named(name: str, value: Any) -> bytes:
    return name.encode() + b"\n" + encoded(value)
