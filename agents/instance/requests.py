"""What an agent understands besides StreamChat. Sent by agents/agent.py alone."""

from typing import TypeAlias

from msgspec import Struct

from actors import Pid


class Subscribe(Struct, frozen=True):
    """From now on the subscriber gets the events of all streams, of a running one from its next event."""

    subscriber: Pid


class Unsubscribe(Struct, frozen=True):
    subscriber: Pid


class Follow(Struct, frozen=True):
    """Answered with whether there is such a stream: one that waits, runs or has ended not long ago."""

    stream_id: str
    subscriber: Pid
    after: int


class Cancel(Struct, frozen=True):
    """Answered, when the turn's connection is closed and its workers are gone, with whether there was such a turn.

    stream_id: of the turn, which may still wait; None: the one that runs.
    """

    stream_id: str | None = None


class Steer(Struct, frozen=True):
    """The message joins the running turn's next model call. Answered with whether a turn ran, or with Full.

    stream_id: of that turn, here and below: if another runs, none does. None: whichever runs.
    """

    message: str
    stream_id: str | None = None


class Full(Struct, frozen=True):
    """So many messages wait for the next model call of the turn, and no more may."""

    limit: int


class Approve(Struct, frozen=True):
    """Answered with an approval.Answer. arguments: exactly those that were asked for; None: whatever they are."""

    call_id: str
    arguments: str | None = None
    stream_id: str | None = None


class Deny(Struct, frozen=True):
    """Answered with an approval.Answer. reason: for the model."""

    call_id: str
    reason: str = ""
    stream_id: str | None = None


class GetInfo(Struct, frozen=True):
    """Answered with an AgentInfo."""


class GetConversation(Struct, frozen=True):
    """Answered with the conversation; of a running turn, without what it has said so far."""


class Retire(Struct, frozen=True):
    """End, if no turn runs or waits. Answered with whether that is so."""


Request: TypeAlias = Cancel | Steer | Approve | Deny | Follow | GetInfo | GetConversation | Retire
