"""The circuit breaker: which calls it admits, and which outcomes open and close it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.errors import (
    ApiError,
    Cancelled,
    CircuitOpen,
    ConnectionClosed,
    Fault,
    NetworkError,
    ParseError,
    Timeout,
)
from agents.llm.breaker import (
    CLOSED,
    Admitted,
    Breaker,
    BreakerPolicy,
    Closed,
    HalfOpen,
    Open,
    Outcome,
    Rejected,
    admit,
    outcome_of,
    record,
)

POLICY = BreakerPolicy(max_failures=3, open_s=10.0)
NOW = 100.0

ANSWERED, FAILED, UNKNOWN = Outcome.ANSWERED, Outcome.FAILED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("breaker", "expected"),
    [
        (CLOSED, Admitted(CLOSED)),
        (Closed(2), Admitted(Closed(2))),
        (Open(NOW + 4), Rejected(4.0)),
        (Open(NOW), Admitted(HalfOpen(NOW + 10), probe=True)),
        (HalfOpen(NOW + 4), Rejected(4.0)),
        (HalfOpen(NOW), Admitted(HalfOpen(NOW + 10), probe=True)),
    ],
)
def test_a_call_is_let_through_by_the_breakers_state(breaker: Breaker, expected: Admitted | Rejected) -> None:
    assert admit(POLICY, breaker, NOW) == expected


@pytest.mark.parametrize("probe", [False, True])
@pytest.mark.parametrize(
    ("breaker", "outcome", "after_a_call", "after_a_probe"),
    [
        (CLOSED, ANSWERED, CLOSED, CLOSED),
        (CLOSED, FAILED, Closed(1), Closed(1)),
        (CLOSED, UNKNOWN, CLOSED, CLOSED),
        (Closed(2), ANSWERED, CLOSED, CLOSED),
        (Closed(2), FAILED, Open(NOW + 10), Open(NOW + 10)),
        (Closed(2), UNKNOWN, Closed(2), Closed(2)),
        (Open(105), ANSWERED, Open(105), Open(105)),
        (Open(105), FAILED, Open(105), Open(105)),
        (Open(105), UNKNOWN, Open(105), Open(105)),
        (HalfOpen(105), ANSWERED, HalfOpen(105), CLOSED),
        (HalfOpen(105), FAILED, HalfOpen(105), Open(NOW + 10)),
        (HalfOpen(105), UNKNOWN, HalfOpen(105), HalfOpen(NOW)),
    ],
)
def test_an_outcome_changes_the_breaker(
    breaker: Breaker, outcome: Outcome, after_a_call: Breaker, after_a_probe: Breaker, probe: bool
) -> None:
    assert record(POLICY, breaker, outcome, NOW, probe=probe) == (after_a_probe if probe else after_a_call)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, ANSWERED),
        (Timeout("connection", 10.0), FAILED),
        (Timeout("data from the provider", 10.0), FAILED),
        (NetworkError("econnrefused"), FAILED),
        *((NetworkError(posix), UNKNOWN) for posix in ("emfile", "enobufs", "eaddrnotavail")),
        (ConnectionClosed(), FAILED),
        (ParseError("expected an event stream, got '<html>'"), FAILED),
        *((ApiError(code, "down"), FAILED) for code in (500, 502, 503, 529)),
        (ApiError(0, "in the stream", "server_error"), FAILED),
        (ApiError(429, "busy"), UNKNOWN),
        (ApiError(0, "in the stream", "rate_limit_exceeded"), UNKNOWN),
        *((ApiError(code, "ours"), ANSWERED) for code in (400, 401, 403, 404, 408, 409, 422)),
        (ApiError(429, "no money", "insufficient_quota"), ANSWERED),
        (Cancelled(), UNKNOWN),
        (CircuitOpen("https://a/v1", 1.0), UNKNOWN),
    ],
    ids=repr,
)
def test_only_the_providers_own_failures_count_against_it(fault: Fault | None, expected: Outcome) -> None:
    assert outcome_of(fault) is expected


@pytest.mark.parametrize("phase", ["connection", "first data from the provider", "data from the provider"])
def test_a_missed_deadline_shorter_than_the_hosts_does_not_count(phase: str) -> None:
    assert outcome_of(Timeout(phase, 0.001), hasty=True) is UNKNOWN
    assert outcome_of(Timeout(phase, 30.0)) is FAILED


@pytest.mark.parametrize(
    "fault", [NetworkError("econnrefused"), ConnectionClosed(), ParseError("x"), ApiError(500, "x")]
)
def test_a_providers_errors_count_under_any_deadlines(fault: Fault) -> None:
    assert outcome_of(fault, hasty=True) is FAILED


@pytest.mark.parametrize("code", [400, 401, 404, 422])
def test_a_refused_request_does_not_count_as_a_failure_of_the_provider(code: int) -> None:
    assert outcome_of(ApiError(code, "unknown option"), hasty=True) is ANSWERED


class Play:
    """Random calls against a breaker. Each call begins, and ends later or never."""

    def __init__(self) -> None:
        self.breaker: Breaker = CLOSED
        self.now_s = 0.0
        self.running: list[bool] = []
        self.in_a_row = 0

    def begin(self) -> None:
        admitted = admit(POLICY, self.breaker, self.now_s)
        if isinstance(admitted, Rejected):
            assert not isinstance(self.breaker, Closed)
            assert 0 < admitted.retry_after_s <= POLICY.open_s
            return
        assert admitted.probe == (not isinstance(self.breaker, Closed))
        self.breaker = admitted.breaker
        self.running.append(admitted.probe)

    def end(self, outcome: Outcome) -> None:
        if not self.running:
            return
        was, probe = self.breaker, self.running.pop(0)
        self.breaker = record(POLICY, was, outcome, self.now_s, probe=probe)
        if isinstance(was, Closed):
            counts = {ANSWERED: 0, FAILED: self.in_a_row + 1, UNKNOWN: self.in_a_row}
            self.in_a_row = counts[outcome]
            assert isinstance(self.breaker, Open) == (self.in_a_row == POLICY.max_failures)
        if isinstance(self.breaker, Open):
            self.in_a_row = 0
            assert self.breaker.until_s <= self.now_s + POLICY.open_s


@given(st.lists(st.sampled_from([None, ANSWERED, FAILED, UNKNOWN]) | st.floats(0.5, 20.0), max_size=200))
def test_it_opens_after_max_failures_in_a_row_and_never_forever(happened: list[Outcome | float | None]) -> None:
    play = Play()
    for each in happened:
        if each is None:
            play.begin()
        elif isinstance(each, Outcome):
            play.end(each)
        else:
            play.now_s += each
    play.now_s += POLICY.open_s
    assert isinstance(admit(POLICY, play.breaker, play.now_s), Admitted)
