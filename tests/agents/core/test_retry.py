"""Retries: the faults after which a model call is tried again, its route and its wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.errors import (
    ApiError,
    Cancelled,
    CircuitOpen,
    ConnectionClosed,
    Fault,
    HandlerCrashed,
    LimitReached,
    NetworkError,
    ParseError,
    Timeout,
    ToolError,
)
from agents.core.retry import Again, FaultScope, RetryPolicy, Tries, next_try, scope

POLICY = RetryPolicy()
DOWN = ApiError(503, "down")

SCOPES: list[tuple[Fault, FaultScope]] = [
    *((ApiError(code, "later"), FaultScope.TRANSIENT) for code in (408, 409, 500, 502, 503, 504, 520, 529)),
    (ApiError(429, "later"), FaultScope.BUSY),
    (Timeout("connection", 10.0), FaultScope.TRANSIENT),
    (Timeout("first data from the provider", 30.0), FaultScope.TRANSIENT),
    (Timeout("data from the provider", 30.0), FaultScope.TRANSIENT),
    (ConnectionClosed(), FaultScope.TRANSIENT),
    (NetworkError("econnrefused"), FaultScope.TRANSIENT),
    (NetworkError("nxdomain"), FaultScope.TRANSIENT),
    (NetworkError("einval"), FaultScope.ROUTE),
    (ParseError("expected an event stream, got '<html>'"), FaultScope.ROUTE),
    (CircuitOpen("https://a/v1", 20.0), FaultScope.ROUTE),
    *((ApiError(code, "not with this key or model"), FaultScope.ROUTE) for code in (401, 402, 403, 404)),
    (ApiError(401, "no key", "invalid_request_error"), FaultScope.ROUTE),
    (ApiError(429, "out of money", "insufficient_quota"), FaultScope.ROUTE),
    (ApiError(400, "too long", "context_length_exceeded"), FaultScope.ROUTE),
    (ApiError(400, "no such model", "model_not_found"), FaultScope.ROUTE),
    *((ApiError(code, "bad request"), FaultScope.REQUEST) for code in (400, 413, 415, 422)),
    (ApiError(0, "in the stream", "server_error"), FaultScope.TRANSIENT),
    (ApiError(0, "in the stream", "overloaded_error"), FaultScope.TRANSIENT),
    (ApiError(0, "in the stream", "UNAVAILABLE"), FaultScope.TRANSIENT),
    (ApiError(0, "in the stream", "rate_limit_exceeded"), FaultScope.BUSY),
    (ApiError(502, "in the stream", "502"), FaultScope.TRANSIENT),
    (ApiError(0, "in the stream", "invalid_prompt"), FaultScope.REQUEST),
    (ApiError(0, "in the stream", "insufficient_quota"), FaultScope.ROUTE),
    (ApiError(0, "in the stream, says no more"), FaultScope.ROUTE),
    (ToolError("call_1", "cut"), FaultScope.REQUEST),
    (Cancelled(), FaultScope.REQUEST),
    (LimitReached("max_model_calls", 3), FaultScope.REQUEST),
    (HandlerCrashed("crash: KeyError"), FaultScope.REQUEST),
]
TRANSIENT = [fault for fault, found in SCOPES if found in (FaultScope.TRANSIENT, FaultScope.BUSY)]


@pytest.mark.parametrize(("fault", "expected"), SCOPES, ids=repr)
def test_the_scope_of_a_fault_decides_the_next_try(fault: Fault, expected: FaultScope) -> None:
    assert scope(fault) is expected
    after = {
        FaultScope.TRANSIENT: Tries(0, 1, 0.5),
        FaultScope.BUSY: Tries(0, 1, 0.5),
        FaultScope.ROUTE: Tries(1, 0, 0.0),
        FaultScope.REQUEST: None,
    }[expected]
    again = next_try(POLICY, Tries(), fault, routes=2, output=False)
    assert (again and again.tries) == after


def test_waits_double_up_to_the_longest_and_begin_at_nothing() -> None:
    policy = RetryPolicy(max_retries=9, first_wait_s=1.0, longest_wait_s=6.0)
    waits, tries = [], Tries()
    while again := next_try(policy, tries, DOWN, routes=1, output=False):
        waits.append((again.at_least_s, again.at_most_s))
        tries = again.tries
    assert waits == [(0.0, longest) for longest in (1.0, 2.0, 4.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0)]
    assert tries == Tries(0, 9, 43.0)


def test_a_retry_never_comes_sooner_than_the_provider_asks() -> None:
    busy = ApiError(429, "busy", retry_after_s=7.0)
    again = next_try(POLICY, Tries(retries=1), busy, routes=1, output=False)
    assert again == Again(Tries(0, 2, 8.0), 7.0, 8.0)


def test_a_wait_that_is_asked_for_is_spread_no_further_than_the_longest() -> None:
    busy = ApiError(429, "busy", retry_after_s=29.9)
    again = next_try(POLICY, Tries(), busy, routes=1, output=False)
    assert again is not None
    assert (again.at_least_s, again.at_most_s) == (29.9, 30.0)


@pytest.mark.parametrize(("routes", "expected"), [(1, None), (2, Again(Tries(1, 0, 0.0), 0.0, 0.0))])
def test_a_wait_longer_than_the_longest_is_not_waited_for(routes: int, expected: Again | None) -> None:
    busy = ApiError(429, "busy", retry_after_s=30.5)
    assert next_try(POLICY, Tries(), busy, routes=routes, output=False) == expected


def test_the_next_route_is_taken_at_once_and_with_retries_of_its_own() -> None:
    again = next_try(POLICY, Tries(0, 3, 10.0), DOWN, routes=2, output=False)
    assert again == Again(Tries(1, 0, 10.0), 0.0, 0.0)
    again = next_try(POLICY, again.tries, DOWN, routes=2, output=False)
    assert again == Again(Tries(1, 1, 10.5), 0.0, 0.5)


def test_after_the_last_route_no_try_follows() -> None:
    assert next_try(POLICY, Tries(1, 3), DOWN, routes=2, output=False) is None
    assert next_try(POLICY, Tries(1, 0), ApiError(401, "no"), routes=2, output=False) is None


def test_a_wait_beyond_the_budget_is_not_made() -> None:
    policy = RetryPolicy(budget_s=1.0)
    assert next_try(policy, Tries(0, 1, 0.5), DOWN, routes=1, output=False) is None
    assert next_try(policy, Tries(0, 1, 0.5), DOWN, routes=2, output=False) == Again(Tries(1, 0, 0.5), 0.0, 0.0)


@pytest.mark.parametrize("fault", TRANSIENT, ids=repr)
def test_after_output_only_a_policy_for_it_tries_again(fault: Fault) -> None:
    assert next_try(POLICY, Tries(), fault, routes=2, output=True) is None
    again = next_try(RetryPolicy(after_output=True), Tries(), fault, routes=2, output=True)
    assert again == next_try(POLICY, Tries(), fault, routes=2, output=False)


def test_without_retries_each_route_is_tried_once() -> None:
    never = RetryPolicy(max_retries=0)
    again = next_try(never, Tries(), DOWN, routes=2, output=False)
    assert again == Again(Tries(1, 0, 0.0), 0.0, 0.0)
    assert next_try(never, again.tries, DOWN, routes=2, output=False) is None


policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 5),
    first_wait_s=st.floats(0.001, 10),
    longest_wait_s=st.floats(0.001, 60),
    budget_s=st.floats(0, 120),
    after_output=st.booleans(),
)
faults = st.sampled_from([fault for fault, _ in SCOPES]) | st.builds(
    ApiError, st.sampled_from((429, 503)), st.just("busy"), retry_after_s=st.none() | st.floats(0, 100)
)


@given(policies, st.integers(1, 4), st.lists(faults, min_size=200, max_size=200))
def test_any_run_of_faults_ends_within_its_retries_and_its_budget(
    policy: RetryPolicy, routes: int, happened: list[Fault]
) -> None:
    tries, seen = Tries(), 1
    for fault in happened:
        again = next_try(policy, tries, fault, routes=routes, output=False)
        if again is None:
            break
        assert 0 <= again.at_least_s <= again.at_most_s
        assert (again.tries.route, again.tries.retries) > (tries.route, tries.retries)
        tries, seen = again.tries, seen + 1
    assert seen <= routes * (policy.max_retries + 1)
    assert tries.waited_s <= policy.budget_s
