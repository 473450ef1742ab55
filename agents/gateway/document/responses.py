"""The answers of a route, stated at the route. The document turns them into schemas at its first request.

@routes.get("/agents/{agent_id}")
@answers(json(AgentInfo), refuses=(404, 422))
async def show(...): ...
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

F = TypeVar("F", bound=Callable[..., Any])

EVENTS: Final = "text/event-stream"
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"
ANY: Final = "*/*"
MESSAGE_REFUSALS: Final = (404, 409, 422)
"""The statuses with which a message to an agent can be refused."""

STREAM_ID: Final = ("X-Stream-Id", "string", "The stream's id, for /streams/{stream_id}/events.")

_KEY: Final = "understudy_answers"


class Answer(Struct, frozen=True):
    """One answer of a route.

    media_type: None for an answer without a body. shape: the type of the body. item: the type of each event or line, or
    a tuple of types. headers: the name, type and description of each header.
    """

    status: int
    description: str
    media_type: str | None = None
    shape: Any = None
    item: Any = None
    headers: tuple[tuple[str, str, str], ...] = ()


class Answers(Struct, frozen=True):
    """All answers of a route. refuses: the statuses of the route's own refusals."""

    answers: tuple[Answer, ...]
    refuses: tuple[int, ...]


def answers(*given: Answer, refuses: tuple[int, ...] = ()) -> Callable[[F], F]:
    """State the answers of an endpoint."""

    def state(endpoint: F) -> F:
        vars(endpoint)[_KEY] = Answers(given, refuses)
        return endpoint

    return state


def answers_of(endpoint: Callable[..., Any]) -> Answers:
    """Return the answers of an endpoint. Raises KeyError if the endpoint states none."""
    found: Answers = vars(endpoint)[_KEY]
    return found


def json(shape: Any, status: int = 200) -> Answer:
    """Return an answer with a JSON body of this type."""
    return Answer(status, "Done." if status < 400 else "It failed.", JSON, shape)


def events(item: Any) -> Answer:
    """Return an answer with server-sent events of this type, or of a tuple of types."""
    return Answer(200, "Server-sent events, each sent when it occurs.", EVENTS, str, item, (STREAM_ID,))


def with_stream_id(answer: Answer) -> Answer:
    """Return the same answer with the header that has the stream's id."""
    return replace(answer, headers=(*answer.headers, STREAM_ID))


def lines(item: Any) -> Answer:
    return Answer(200, "A file of JSON Lines.", JSON_LINES, str, item)


def text(media_type: str, description: str) -> Answer:
    return Answer(200, description, media_type, str)


def nothing(description: str) -> Answer:
    return Answer(204, description)


def partial(description: str) -> Answer:
    """Return the answer with a range of bytes."""
    return Answer(206, description, ANY, bytes)


def data(description: str) -> Answer:
    """Return an answer with bytes of any type."""
    return Answer(200, description, ANY, bytes)
