"""The answers of agents, streams and the daemon, and the one shape of every error."""

from msgspec import Struct

from agents.contract.sessions import Status
from agents.core.errors import Fault
from agents.core.response import Response
from agents.core.turn_state import TurnState


class Health(Struct, frozen=True):
    """The health of the daemon. status: `ok`, or `ready`."""

    status: str


class ListedAgent(Struct, frozen=True, omit_defaults=True):
    """An agent in a list. owner: a user."""

    id: str
    name: str
    live: bool
    owner: str | None = None


class AgentPage(Struct, frozen=True):
    """A page of agents."""

    agents: list[ListedAgent]


class AgentStopped(Struct, frozen=True):
    """The agent has ended."""

    stopped: bool


class ChatAnswer(Struct, frozen=True):
    """A whole answer."""

    stream_id: str
    response: Response


class StreamSummary(Struct, frozen=True):
    """A stream.

    agent_id: null if no running agent has the stream. state: of its turn, from its events. seq: that of its last event.
    """

    stream_id: str
    agent_id: str | None
    status: Status
    state: TurnState
    seq: int


class StreamCancelled(Struct, frozen=True):
    """The outcome of a cancellation. cancelled: false if the stream had already ended."""

    cancelled: bool


class StreamSteered(Struct, frozen=True):
    """The running turn has the message."""

    steered: bool


class SessionDeleted(Struct, frozen=True):
    """The session was deleted."""

    deleted: bool


class BegunConversation(Struct, frozen=True):
    """A conversation with an agent. session_id: of its session."""

    session_id: str


class MessageReserved(Struct, frozen=True):
    """The message id is reserved for its caller. expires_in_s: the time until the reservation ends."""

    assistant_message_id: str
    expires_in_s: float


class MessageInterrupted(Struct, frozen=True):
    """The outcome of an interruption. interrupted: false if the message was already whole."""

    interrupted: bool


class DaemonStopping(Struct, frozen=True):
    """The daemon is stopping."""

    stopping: bool


class AcceptedParts(Struct, frozen=True):
    """The limits of the parts of one message. types: the accepted media types."""

    max_bytes: int
    max_message_bytes: int
    max_count: int
    types: list[str]


class Me(Struct, frozen=True):
    """A caller. user: null for the install's token. csrf: the anti-forgery header of a page session, else null."""

    user: str | None
    scopes: list[str]
    csrf: str | None
    parts: AcceptedParts


class NewTicket(Struct, frozen=True):
    """A ticket for an address. expires_in: seconds."""

    ticket: str
    expires_in: int


class NewCode(Struct, frozen=True):
    """A one-time code for the login on the gateway's page. expires_in: seconds."""

    code: str
    expires_in: int


class ErrorDetail(Struct, frozen=True, omit_defaults=True):
    """An error. type: a word for programs. message: a line for people. faults: one line each, if there are several.

    param, code: on paths below /v1/, the faulty field of the request and a more exact word, or null.
    """

    type: str
    message: str
    faults: tuple[str, ...] = ()
    param: str | None = None
    code: str | None = None


class ErrorAnswer(Struct, frozen=True):
    """The body of every refusal."""

    error: ErrorDetail


class TurnFault(Struct, frozen=True):
    """The error of a failed turn. type: `turn_failed`. reason: the fault."""

    type: str
    message: str
    reason: Fault


class TurnFailed(Struct, frozen=True):
    """The turn failed. content: the text that had arrived."""

    error: TurnFault
    stream_id: str
    content: str
