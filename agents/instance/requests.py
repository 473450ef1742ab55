"""The requests to an agent besides StreamChat. Only agents/agent.py sends these messages."""

from typing import TypeAlias

from msgspec import Struct

from actors import Pid, Request
from agents.core.conversation import Conversation
from agents.core.errors import ContentRefused
from agents.core.events import Event
from agents.core.outcome import Outcome
from agents.core.parts import Content
from agents.core.question import AnswerValue
from agents.core.standing import Always
from agents.instance.info import AgentHistory, AgentInfo
from agents.parts.given import NO_BLOBS, Blobs
from agents.tools.approval import Answer


class Subscribe(Struct, frozen=True):
    """Send the subscriber the later events of all streams. For a running stream, begin with its next event."""

    subscriber: Pid


class Unsubscribe(Struct, frozen=True):
    """Send the subscriber nothing more."""

    subscriber: Pid


class Follow(Struct, Request[bool], frozen=True):
    """Send the subscriber one stream's events. The answer: whether that stream waits, runs or ended recently."""

    stream_id: str
    subscriber: Pid
    after: int


class Cancel(Struct, Request[bool], frozen=True):
    """Cancel a turn. The answer: whether there was such a turn, once its connection is closed and its workers ended.

    stream_id: that of a running or waiting turn; None: the running turn. unfollowed: only cancel a turn that nobody
    follows.
    """

    stream_id: str | None = None
    unfollowed: bool = False


class Full(Struct, frozen=True):
    """The refusal of a Steer: `limit` messages already wait for the turn's next model call."""

    limit: int


class Steer(Struct, Request[bool | Full | ContentRefused], frozen=True):
    """Add the message to the running turn's next model call. The answer: whether the turn runs, or a refusal.

    stream_id: that of the turn; None: any running turn. The requests below have it, too. blobs: as in StreamChat.
    """

    message: Content
    stream_id: str | None = None
    blobs: Blobs = NO_BLOBS


class Approve(Struct, Request[Answer], frozen=True):
    """Approve a call. The answer: an approval.Answer.

    arguments: those of the request for approval; None: any. edited: those to run the call with; None: its own. by: the
    user who decides; None: a program. always: approve later calls of the tool, too; same_arguments: only those with the
    arguments that this call runs with.
    """

    call_id: str
    arguments: str | None = None
    edited: str | None = None
    stream_id: str | None = None
    by: str | None = None
    always: Always | None = None
    same_arguments: bool = False


class Deny(Struct, Request[Answer], frozen=True):
    """Deny a call. The answer: an approval.Answer. reason: for the model. by: as in Approve."""

    call_id: str
    reason: str = ""
    stream_id: str | None = None
    by: str | None = None


class Settle(Struct, Request[bool], frozen=True):
    """Settle a call whose outcome is not known, by its idempotency key. The answer: whether it waited for that."""

    key: str
    outcome: Outcome


class AnswerQuestion(Struct, Request[Answer], frozen=True):
    """Answer the question of a call. The answer to this request: an approval.Answer. by: as in Approve.

    question: the text that the person was shown; None: whatever the call asks.
    """

    call_id: str
    answer: AnswerValue
    stream_id: str | None = None
    by: str | None = None
    question: str | None = None


class GetInfo(Struct, Request[AgentInfo], frozen=True):
    """Get an AgentInfo."""


class GetEvents(Struct, Request[tuple[Event, ...] | None], frozen=True):
    """Get all events of a stream so far, each as it was published; None if the agent does not have the stream."""

    stream_id: str


class GetConversation(Struct, Request[Conversation], frozen=True):
    """Get the conversation, without the running turn."""


class GetHistory(Struct, Request[AgentHistory], frozen=True):
    """Get an AgentHistory."""


class GetPart(Struct, Request[bytes | None], frozen=True):
    """Get the bytes of a part of the conversation. The answer: None for an unknown hash."""

    sha256: str


class Retire(Struct, Request[bool], frozen=True):
    """End the agent if no turn runs or waits. The answer: whether it ends."""


class HandOver(Struct, Request[bool], frozen=True):
    """End the agent, and leave its turns without an end to the next node. The answer: whether it ends.

    at_once: also while calls run, whose results are unknown to the next node.
    """

    at_once: bool


AgentRequest: TypeAlias = (
    Cancel
    | Steer
    | Approve
    | Deny
    | Settle
    | AnswerQuestion
    | Follow
    | GetEvents
    | GetInfo
    | GetConversation
    | GetHistory
    | GetPart
    | Retire
)
