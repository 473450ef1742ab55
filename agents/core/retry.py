"""Retries of a model call, as arithmetic: whether to try again after a fault, on which route, and after which wait.

An agent has one or more routes in order, each a model at an address. Every route has its own retries. All waits of a
model call together stay within one budget.

    transient, busy   a later try may succeed: the same route again after a wait, then the next route
    of the route      this route will not answer, another may: the next route at once
    of the request    no route would answer: no further try
"""

from enum import Enum
from typing import Final

from msgspec import Struct

from agents.core.errors import ApiError, CircuitOpen, ConnectionClosed, Fault, NetworkError, ParseError, Timeout


class RetryPolicy(Struct, frozen=True):
    """The rules for retries.

    max_retries: on each route, after its first try. after_output: retry even if output has been published. The n-th
    wait has 0 to first_wait_s * 2**n seconds, at most longest_wait_s. budget_s bounds the sum of all waits.
    """

    max_retries: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    budget_s: float = 60.0
    after_output: bool = False


class Tries(Struct, frozen=True):
    """The tries of one model call: the present route, its retries so far, and the longest sum of the waits so far."""

    route: int = 0
    retries: int = 0
    waited_s: float = 0.0


class Again(Struct, frozen=True):
    """Another try, after a random wait between at_least_s and at_most_s, evenly distributed."""

    tries: Tries
    at_least_s: float
    at_most_s: float


class FaultScope(Enum):
    """The meaning of a fault for the next try. BUSY: the provider works, but has too many requests."""

    TRANSIENT = "transient"
    BUSY = "busy"
    ROUTE = "of the route"
    REQUEST = "of the request"


def next_try(policy: RetryPolicy, tries: Tries, fault: Fault, *, routes: int, output: bool) -> Again | None:
    """Return the next try after a fault, or None.

    routes: the number of routes. output: a token, reasoning or a call of this model call has been published.
    """
    if output and not policy.after_output:
        return None
    found = scope(fault)
    if found is FaultScope.REQUEST:
        return None
    same = _same_route(policy, tries, fault) if found in _RETRIED else None
    return same or _next_route(tries, routes)


def is_too_long(fault: Fault) -> bool:
    """Return whether the provider refused a request that is longer than the context window of its model."""
    return isinstance(fault, ApiError) and fault.kind == CONTEXT_LENGTH


def scope(fault: Fault) -> FaultScope:
    """Return the scope of a model call's fault."""
    match fault:
        case Timeout() | ConnectionClosed():
            return FaultScope.TRANSIENT
        case NetworkError(posix):
            return FaultScope.ROUTE if posix == _WRONG_ADDRESS else FaultScope.TRANSIENT
        case ApiError():
            return _scope_of_api_error(fault)
        case ParseError() | CircuitOpen():
            return FaultScope.ROUTE
        case _:
            return FaultScope.REQUEST


def _same_route(policy: RetryPolicy, tries: Tries, fault: Fault) -> Again | None:
    """Return a retry on the same route, or None if the retries or the budget are used up.

    Full jitter spreads the retries of clients that failed together. The wait is at least the provider's Retry-After.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """
    if tries.retries >= policy.max_retries:
        return None
    backoff_s = min(policy.longest_wait_s, policy.first_wait_s * 2.0 ** min(tries.retries, _MANY))
    at_least_s = (fault.retry_after_s or 0.0) if isinstance(fault, ApiError) else 0.0
    at_most_s = max(at_least_s, min(policy.longest_wait_s, at_least_s + backoff_s))
    if at_least_s > policy.longest_wait_s or tries.waited_s + at_most_s > policy.budget_s:
        return None
    return Again(Tries(tries.route, tries.retries + 1, tries.waited_s + at_most_s), at_least_s, at_most_s)


def _next_route(tries: Tries, routes: int) -> Again | None:
    if tries.route + 1 >= routes:
        return None
    return Again(Tries(tries.route + 1, 0, tries.waited_s), 0.0, 0.0)


def _scope_of_api_error(error: ApiError) -> FaultScope:
    """Return the scope by status. A kind that makes the route useless takes precedence: a spent quota is a 429, too."""
    kind = (error.kind or "").lower()
    if kind in _ROUTE_KINDS:
        return FaultScope.ROUTE
    if error.code == 0:  # in a stream, where most errors name no status
        return _SCOPE_OF_KIND.get(kind, FaultScope.ROUTE)
    if error.code == _TOO_MANY_REQUESTS:
        return FaultScope.BUSY
    if error.code in _TRANSIENT_CODES or 500 <= error.code <= 599:
        return FaultScope.TRANSIENT
    return FaultScope.ROUTE if error.code in _ROUTE_CODES else FaultScope.REQUEST


CONTEXT_LENGTH: Final = "context_length_exceeded"
"""The kind of the error for a request that is longer than the context window, for every provider."""

BROKEN_OFF: Final = "broken_off"
"""The kind of the error for an answer that its provider broke off."""

_MANY: Final = 64  # doublings: more would exceed a float
_WRONG_ADDRESS: Final = "einval"

_RETRIED: Final = (FaultScope.TRANSIENT, FaultScope.BUSY)
_TOO_MANY_REQUESTS: Final = 429
_TRANSIENT_CODES: Final = frozenset((408, 409))
_ROUTE_CODES: Final = frozenset((401, 402, 403, 404))

# Kinds as OpenAI, Anthropic, Google, Mistral, DeepSeek and llama.cpp spell them.
_ROUTE_KINDS: Final = frozenset(
    (
        "insufficient_quota",
        "quota_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        CONTEXT_LENGTH,
        "model_not_found",
        "invalid_model",
    )
)
_SCOPE_OF_KIND: Final = {
    "server_error": FaultScope.TRANSIENT,
    "internal_server_error": FaultScope.TRANSIENT,
    "internal_error": FaultScope.TRANSIENT,
    "internal": FaultScope.TRANSIENT,
    "api_error": FaultScope.TRANSIENT,
    "overloaded": FaultScope.TRANSIENT,
    "overloaded_error": FaultScope.TRANSIENT,
    "engine_overloaded_error": FaultScope.TRANSIENT,
    "service_unavailable": FaultScope.TRANSIENT,
    "unavailable": FaultScope.TRANSIENT,
    BROKEN_OFF: FaultScope.TRANSIENT,
    "failed": FaultScope.TRANSIENT,
    "cancelled": FaultScope.TRANSIENT,
    "timeout": FaultScope.TRANSIENT,
    "timeout_error": FaultScope.TRANSIENT,
    "rate_limit_error": FaultScope.BUSY,
    "rate_limit_exceeded": FaultScope.BUSY,
    "resource_exhausted": FaultScope.BUSY,
    "invalid_request_error": FaultScope.REQUEST,
    "invalid_argument": FaultScope.REQUEST,
    "invalid_prompt": FaultScope.REQUEST,
    "content_filter": FaultScope.REQUEST,
    "content_policy_violation": FaultScope.REQUEST,
}
