"""A circuit breaker, as a value: after too many failures in a row it refuses a provider's model calls for a while.

    Closed     admits calls and counts failures in a row. At max_failures: Open
    Open       refuses calls until its time. Then it admits one call as a probe: HalfOpen
    HalfOpen   refuses calls while its probe runs. The probe's outcome decides: Closed, or Open again

Only failures of the provider itself open a breaker. An error about our request or key is an answer, so it counts as
health. A busy provider says when to retry, so its refusal does not count. A missed deadline does not count if the agent
made that deadline shorter than the host's. A connection that this machine had no means to open shows nothing either.
Source: Michael Nygard, "Release It!", Circuit Breaker.
"""

from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from agents.core.errors import ApiError, ConnectionClosed, Fault, NetworkError, ParseError, Timeout
from agents.core.retry import FaultScope, scope


class BreakerPolicy(Struct, frozen=True):
    """The limits of a breaker. open_s: how long it refuses calls, and how long it waits for a probe."""

    max_failures: int = 5
    open_s: float = 30.0


class Closed(Struct, frozen=True):
    failures: int = 0


class Open(Struct, frozen=True):
    """A breaker that refuses calls. until_s: monotonic seconds."""

    until_s: float


class HalfOpen(Struct, frozen=True):
    """A breaker that waits for a probe. until_s: when the next probe may go if this probe reports no outcome."""

    until_s: float


Breaker: TypeAlias = Closed | Open | HalfOpen
CLOSED: Final = Closed()

OURS: Final = frozenset({"emfile", "enfile", "enobufs", "enomem", "eaddrnotavail"})
"""The errnos of a machine without a free descriptor, memory, or port."""


class Outcome(Enum):
    """The outcome of one model call. UNKNOWN: the call shows nothing about the provider's health."""

    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Admitted(Struct, frozen=True):
    """Permission for a call. probe: the call's outcome closes the breaker or opens it again."""

    breaker: Breaker
    probe: bool = False


class Rejected(Struct, frozen=True):
    retry_after_s: float


def admit(policy: BreakerPolicy, breaker: Breaker, now_s: float) -> Admitted | Rejected:
    """Return whether a call may go now. now_s: monotonic seconds."""
    match breaker:
        case Closed():
            return Admitted(breaker)
        case Open(until_s) | HalfOpen(until_s) if now_s < until_s:
            return Rejected(until_s - now_s)
        case _:
            return Admitted(HalfOpen(now_s + policy.open_s), probe=True)


def record(policy: BreakerPolicy, breaker: Breaker, outcome: Outcome, now_s: float, *, probe: bool = False) -> Breaker:
    """Return the breaker after a call. A call that began before the breaker opened does not change an open breaker."""
    match breaker, outcome:
        case Closed(), Outcome.ANSWERED:
            return CLOSED
        case Closed(failures), Outcome.FAILED:
            failures += 1
            return Open(now_s + policy.open_s) if failures >= policy.max_failures else Closed(failures)
        case HalfOpen(), Outcome.ANSWERED if probe:
            return CLOSED
        case HalfOpen(), Outcome.FAILED if probe:
            return Open(now_s + policy.open_s)
        case HalfOpen(), Outcome.UNKNOWN if probe:
            return HalfOpen(now_s)
        case _:
            return breaker


def outcome_of(fault: Fault | None, *, hasty: bool = False) -> Outcome:
    """Return a call's outcome. fault: None if the call succeeded. hasty: its deadlines were shorter than the host's."""
    match fault:
        case Timeout() if hasty:
            return Outcome.UNKNOWN
        case NetworkError(posix) if posix in OURS:
            return Outcome.UNKNOWN
        case Timeout() | NetworkError() | ConnectionClosed() | ParseError():
            return Outcome.FAILED
        case ApiError() if scope(fault) is FaultScope.BUSY:
            return Outcome.UNKNOWN
        case ApiError(code) if code >= 500 or (code == 0 and scope(fault) is FaultScope.TRANSIENT):
            return Outcome.FAILED
        case None | ApiError():
            return Outcome.ANSWERED
        case _:
            return Outcome.UNKNOWN
