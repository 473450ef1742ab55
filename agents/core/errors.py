"""Why a stream ended badly, as data. Source: API reference, "Error Types".

StreamFault
├── Timeout            a deadline passed                       documented
├── ParseError         the provider sent what can't be read    documented
├── ToolError          a tool, not only its call, is unusable  documented
├── ApiError           the provider answered with an error     documented
├── NetworkError       no connection, or it broke              documented
├── ConnectionClosed   the stream ended before its end         documented
├── CircuitOpen        the provider failed too often: not asked
├── Cancelled          agent.cancel
├── LimitReached       a limit of the agent
├── InvalidAnswer      the answer is not of the agent's answer type
├── Busy               the agent takes no message while a turn runs
├── Interrupted        the agent was stopped, or the program that ran it
├── Parked             the program ended again and again while the turn ran
├── StoreFailed        what must be on disk could not be written
└── HandlerCrashed     the stream handler died
"""

from msgspec import Struct


class StreamFault(Struct, frozen=True, tag_field="type"):
    """Reason of a stream_error. `str()` gives one line for a person."""


class Timeout(StreamFault, frozen=True, tag="timeout"):
    """The deadline that passed, and its length."""

    phase: str
    timeout_s: float

    def __str__(self) -> str:
        return f"timeout: no {self.phase} within {self.timeout_s:g} s"


class ParseError(StreamFault, frozen=True, tag="parse_error"):
    """What was expected, and the beginning of what came."""

    message: str

    def __str__(self) -> str:
        return f"parse error: {self.message}"


class ToolError(StreamFault, frozen=True, tag="tool_error"):
    tool_id: str
    reason: str

    def __str__(self) -> str:
        return f"tool error: {self.tool_id}: {self.reason}"


class ApiError(StreamFault, frozen=True, tag="api_error"):
    """code: the HTTP status; of an error inside a stream, the one that it names, or 0.

    kind: the provider's own type or code, if any.
    """

    code: int
    message: str
    kind: str | None = None
    retry_after_s: float | None = None

    def __str__(self) -> str:
        where = f" {self.code}" if self.code else ""
        return f"api error{where}: {self.message}"


class NetworkError(StreamFault, frozen=True, tag="network_error"):
    """posix: the errno's name in lower case ("econnrefused"), as inet:posix() spells it."""

    posix: str
    message: str = ""

    def __str__(self) -> str:
        return f"network error: {self.posix}" + (f": {self.message}" if self.message else "")


class ConnectionClosed(StreamFault, frozen=True, tag="connection_closed"):
    def __str__(self) -> str:
        return "connection closed before the stream was finished"


class CircuitOpen(StreamFault, frozen=True, tag="circuit_open"):
    """provider: its address. retry_after_s: how long it will not be asked yet."""

    provider: str
    retry_after_s: float

    def __str__(self) -> str:
        return f"circuit open: {self.provider} failed too often and is not asked for {self.retry_after_s:.3g} s"


class Cancelled(StreamFault, frozen=True, tag="cancelled"):
    def __str__(self) -> str:
        return "cancelled"


class LimitReached(StreamFault, frozen=True, tag="limit_reached"):
    """limit: the configuration key under `limits`; value: what it is set to; spent: what the turn took, if known."""

    limit: str
    value: int | float
    spent: int | float | None = None

    def __str__(self) -> str:
        spent = "unknown: the provider does not say" if self.spent is None else f"{self.spent:g}"
        return f"limit reached: {self.limit} is {self.value:g}, taken were {spent}"


class InvalidAnswer(StreamFault, frozen=True, tag="invalid_answer"):
    """faults: one line each: which part of the answer, what was expected, what came."""

    faults: tuple[str, ...]

    def __str__(self) -> str:
        return f"invalid answer: {'; '.join(self.faults)}"

    def for_the_model(self) -> str:
        lines = "".join(f"\n- {fault}" for fault in self.faults)
        return f"This answer does not have the required form:{lines}\nAnswer again, with the corrected JSON alone."


class Busy(StreamFault, frozen=True, tag="busy"):
    """why: in words."""

    why: str

    def __str__(self) -> str:
        return f"busy: {self.why}"


class Interrupted(StreamFault, frozen=True, tag="interrupted"):
    def __str__(self) -> str:
        return "interrupted: its agent was stopped, or the program that ran it"


class Parked(StreamFault, frozen=True, tag="parked"):
    """recoveries: how often the turn was resumed, and got no further before the program ended again."""

    recoveries: int

    def __str__(self) -> str:
        times = "once" if self.recoveries == 1 else f"{self.recoveries} times"
        return f"parked: the program ended while it ran, and resuming it {times} did not help; send a message to go on"


class StoreFailed(StreamFault, frozen=True, tag="store_failed"):
    """why: in words, without what was to be written."""

    why: str

    def __str__(self) -> str:
        return f"the store failed: {self.why}"


class HandlerCrashed(StreamFault, frozen=True, tag="handler_crashed"):
    """reason: the handler's exit reason, as text without secrets."""

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
    | InvalidAnswer
    | Busy
    | Interrupted
    | Parked
    | StoreFailed
    | HandlerCrashed
)
