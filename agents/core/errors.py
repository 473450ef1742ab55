"""Faults: the reasons of a stream_error, as data. Source: API reference, "Error Types".

StreamFault
├── Timeout            a deadline passed                       documented
├── ParseError         the provider sent unreadable data       documented
├── ToolError          a call is unusable                      documented
├── ApiError           the provider answered with an error     documented
├── NetworkError       no connection, or it broke              documented
├── ConnectionClosed   the stream ended before its end         documented
├── CircuitOpen        the provider failed too often and is not asked
├── Cancelled          agent.cancel
├── LimitReached       a limit of the agent
├── BudgetExceeded     a budget of many turns
├── LoopFound          the same call again and again
├── InvalidAnswer      the answer is not of the agent's answer type
├── Denied             a hook denied a model call or its answer
├── ContentRefused     a part of a message, or its size, is refused
├── Busy               the agent accepts no message while a turn runs
├── Interrupted        the agent was stopped, or the program that ran it
├── Parked             the program ended again and again while the turn ran
├── StoreFailed        the store could not write the stream
└── HandlerCrashed     the stream handler died
"""

from msgspec import Struct


class StreamFault(Struct, frozen=True, tag_field="type"):
    """The reason of a stream_error. `str()` returns one line for a person."""


class Timeout(StreamFault, frozen=True, tag="timeout"):
    """A deadline passed. phase: the awaited event. timeout_s: the length of the deadline."""

    phase: str
    timeout_s: float

    def __str__(self) -> str:
        return f"timeout: no {self.phase} within {self.timeout_s:g} s"


class ParseError(StreamFault, frozen=True, tag="parse_error"):
    """Unreadable data. message: the expected form, and the beginning of the data."""

    message: str

    def __str__(self) -> str:
        return f"parse error: {self.message}"


class ToolError(StreamFault, frozen=True, tag="tool_error"):
    """A call of the model is unusable. tool_id: the call's id. reason: in words."""

    tool_id: str
    reason: str

    def __str__(self) -> str:
        return f"tool error: {self.tool_id}: {self.reason}"


class ApiError(StreamFault, frozen=True, tag="api_error"):
    """The provider answered with an error.

    code: the HTTP status; for an error inside a stream, the status in the error, or 0. kind: the provider's type or
    code of the error. retry_after_s: the wait that it asks for. request_id: its own id of the request, for its support.
    """

    code: int
    message: str
    kind: str | None = None
    retry_after_s: float | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        return f"api error {self.code}: {self.message}" if self.code else f"api error: {self.message}"


class NetworkError(StreamFault, frozen=True, tag="network_error"):
    """A connection failed. posix: the errno's name in lower case ("econnrefused"). Source: inet:posix()."""

    posix: str
    message: str = ""

    def __str__(self) -> str:
        return f"network error: {self.posix}" + (f": {self.message}" if self.message else "")


class ConnectionClosed(StreamFault, frozen=True, tag="connection_closed"):
    """The provider's stream ended before the end of the answer."""

    def __str__(self) -> str:
        return "connection closed before the stream was finished"


class CircuitOpen(StreamFault, frozen=True, tag="circuit_open"):
    """The circuit breaker refused a model call. provider: an address. retry_after_s: the time until the next try."""

    provider: str
    retry_after_s: float

    def __str__(self) -> str:
        return f"circuit open: {self.provider} failed too often and is not asked for {self.retry_after_s:.3g} s"


class Cancelled(StreamFault, frozen=True, tag="cancelled"):
    """The turn was cancelled, by `agent.cancel` or by a later message."""

    def __str__(self) -> str:
        return "cancelled"


class LimitReached(StreamFault, frozen=True, tag="limit_reached"):
    """A turn reached a limit. limit: the key under `limits`, or `context`. value: its setting. spent: if known."""

    limit: str
    value: int | float
    spent: int | float | None = None

    def __str__(self) -> str:
        spent = "unknown: the provider does not report it" if self.spent is None else f"{self.spent:g}"
        return f"limit reached: {self.limit} is {self.value:g}, used {spent}"


class BudgetExceeded(StreamFault, frozen=True, tag="budget_exceeded"):
    """The next model call may exceed a budget.

    budget: in words, such as "owner ann per day". unit: tokens, or cost in the currency of the prices. next: what the
    model call may take. resets_at: Unix seconds; None for a budget without a reset. why: the reason of a person.
    """

    budget: str
    unit: str
    spent: float
    limit: float
    next: float
    resets_at: float | None = None
    why: str = ""

    def __str__(self) -> str:
        spent = f"spent {self.spent:g} of {self.limit:g} ({self.unit})"
        why = f"; {self.why}" if self.why else ""
        return f"budget exceeded: {self.budget}: {spent}, and the next model call may take {self.next:g}{why}"


class LoopFound(StreamFault, frozen=True, tag="loop"):
    """The model made the same call again and again. count: how often, in a row or in turn with one other call."""

    tool: str
    count: int

    def __str__(self) -> str:
        return f"loop: {self.tool} was called {self.count} times in a row with the same arguments"


class InvalidAnswer(StreamFault, frozen=True, tag="invalid_answer"):
    """The answer does not match the answer type. faults: one line each, with the place, the expected and the actual."""

    faults: tuple[str, ...]

    def __str__(self) -> str:
        return f"invalid answer: {'; '.join(self.faults)}"

    def for_the_model(self) -> str:
        lines = "".join(f"\n- {fault}" for fault in self.faults)
        return f"This answer does not have the required form:{lines}\nAnswer again, with only the corrected JSON."


class Busy(StreamFault, frozen=True, tag="busy"):
    """The agent refused a message. why: in words."""

    why: str

    def __str__(self) -> str:
        return f"busy: {self.why}"


class Denied(StreamFault, frozen=True, tag="denied"):
    """A hook of the host denied a model call or its answer, or replaced the answer. why: in words."""

    why: str

    def __str__(self) -> str:
        return f"denied: {self.why}"


class ContentRefused(StreamFault, frozen=True, tag="content_refused"):
    """The agent refused a message because of its images, sounds and files. why: in words."""

    why: str

    def __str__(self) -> str:
        return f"content refused: {self.why}"


class Interrupted(StreamFault, frozen=True, tag="interrupted"):
    """The agent was stopped, or the program that ran it."""

    def __str__(self) -> str:
        return "interrupted: its agent was stopped, or the program that ran it"


class Parked(StreamFault, frozen=True, tag="parked"):
    """The turn has ended: it was resumed several times without progress. recoveries: the number of times."""

    recoveries: int

    def __str__(self) -> str:
        times = f"{self.recoveries} times" if self.recoveries > 1 else "once"
        return f"parked: the program ended while it ran, and resuming it {times} did not help; send a message to go on"


class StoreFailed(StreamFault, frozen=True, tag="store_failed"):
    """The store failed. why: in words, without the data to be written."""

    why: str

    def __str__(self) -> str:
        return f"the store failed: {self.why}"


class HandlerCrashed(StreamFault, frozen=True, tag="handler_crashed"):
    """The stream handler crashed. reason: its exit reason, as text without secrets."""

    reason: str

    def __str__(self) -> str:
        return f"the stream handler ended: {self.reason}"


Fault = (
    Timeout
    | ParseError
    | ToolError
    | ApiError
    | NetworkError
    | ConnectionClosed
    | CircuitOpen
    | Cancelled
    | LimitReached
    | BudgetExceeded
    | LoopFound
    | InvalidAnswer
    | Busy
    | ContentRefused
    | Denied
    | Interrupted
    | Parked
    | StoreFailed
    | HandlerCrashed
)
