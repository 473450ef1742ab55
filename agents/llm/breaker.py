"""A circuit breaker, as a value: after too many failures in a row a provider is left alone for a while.

    Closed     asked; counts failures in a row. At max_failures: Open
    Open       not asked until its time. Then one call goes through as a probe: HalfOpen
    HalfOpen   not asked but by its probe, whose outcome decides: Closed, or Open again

Only what is the provider's own failure opens it: our bad requests and keys are answers, and a provider that is busy
says so, and when to come back. A deadline that an agent made shorter than the host's says nothing of the provider.
Source: Michael Nygard, "Release It!", Circuit Breaker.
"""

from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from agents.core.errors import ApiError, ConnectionClosed, Fault, NetworkError, ParseError, Timeout
from agents.core.retry import Scope, scope


class BreakerPolicy(Struct, frozen=True):
    """open_s: how long a provider is left alone; and how long a probe may take before another one is let through."""

    max_failures: int = 5
    open_s: float = 30.0


class Closed(Struct, frozen=True):
    failures: int = 0


class Open(Struct, frozen=True):
    """until_s: monotonic seconds."""

    until_s: float


class HalfOpen(Struct, frozen=True):
    """until_s: when another probe may go, should this one never tell."""

    until_s: float


Breaker: TypeAlias = Closed | Open | HalfOpen
CLOSED: Final = Closed()


class Outcome(Enum):
    """Of one model call, for the breaker. UNKNOWN: it says nothing of the provider's health."""

    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Admitted(Struct, frozen=True):
    """The call may go. probe: its outcome decides."""

    breaker: Breaker
    probe: bool = False


class Refused(Struct, frozen=True):
    retry_after_s: float


def admit(policy: BreakerPolicy, breaker: Breaker, now_s: float) -> Admitted | Refused:
    """Whether a call may go now. now_s: monotonic seconds."""
    match breaker:
        case Closed():
            return Admitted(breaker)
        case Open(until_s) | HalfOpen(until_s) if now_s < until_s:
            return Refused(until_s - now_s)
        case _:
            return Admitted(HalfOpen(now_s + policy.open_s), probe=True)


def record(policy: BreakerPolicy, breaker: Breaker, outcome: Outcome, now_s: float, *, probe: bool = False) -> Breaker:
    """The breaker after a call. What was begun before it opened, and ends later, changes nothing any more."""
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
    """fault: why the model call failed; None if it did not. hasty: its deadlines were shorter than the host's."""
    match fault:
        case Timeout() if hasty:
            return Outcome.UNKNOWN
        case Timeout() | NetworkError() | ConnectionClosed() | ParseError():
            return Outcome.FAILED
        case ApiError() if scope(fault) is Scope.BUSY:
            return Outcome.UNKNOWN
        case ApiError(code) if code >= 500 or (code == 0 and scope(fault) is Scope.TRANSIENT):
            return Outcome.FAILED
        case None | ApiError():
            return Outcome.ANSWERED
        case _:
            return Outcome.UNKNOWN
