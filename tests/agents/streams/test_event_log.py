"""The log of a stream: it gives each event as it was published, although it packs texts."""

import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.backlog import backlog
from agents.core.conversation import Function, ToolCall
from agents.core.events import (
    Event,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamReasoning,
    StreamStart,
    StreamToken,
)
from agents.streams.event_log import CHUNK, EventLog

KINDS = st.sampled_from(["token", "reasoning", "call 0", "call 1", "other"])
RUNS = st.lists(
    st.tuples(
        KINDS,
        st.integers(1, 3 * CHUNK),
        st.sampled_from(["a", "é", "日本", "😀", "x" * 300, "\ud83d"]),
        st.sampled_from([None, 0.0, 1e-6, 0.02]),
    ),
    max_size=5,
)


def published(runs: list[tuple[str, int, str, float | None]], *, gap: int = 0) -> list[Event]:
    """Return the events of a stream. gap: the seqs that a crash lost before each run."""
    events: list[Event] = [StreamStart("a", stream_id="s", seq=1, at=1e9)]
    at = 1.8e9
    for attempt, (kind, count, text, pause_s) in enumerate(runs, 1):
        for _ in range(count):
            at += pause_s or 0.0
            seq = events[-1].seq + 1 + (gap if events[-1].attempt != attempt else 0)
            envelope: dict[str, Any] = {"stream_id": "s", "seq": seq, "attempt": attempt}
            events.append(_event(kind, text, envelope | {"at": None if pause_s is None else at}))
    return events


def _event(kind: str, text: str, envelope: dict[str, Any]) -> Event:
    match kind:
        case "token":
            return StreamToken(text, **envelope)
        case "reasoning":
            return StreamReasoning(text, **envelope)
        case "call 0" | "call 1":
            return StreamFunctionArgumentsDelta(int(kind[-1]), text, **envelope)
        case _:
            return StreamFunctionCallComplete(ToolCall("c", Function("f", text)), **envelope)


@given(RUNS, st.integers(0, 3), st.data())
def test_the_log_gives_the_published_events_and_those_after_any_place(
    runs: list[tuple[str, int, str, float | None]], gap: int, data: st.DataObject
) -> None:
    events = published(runs, gap=gap)
    log = EventLog(events)
    assert list(log) == events
    assert list(backlog(log.joined())) == list(backlog(events))
    after = data.draw(st.integers(0, events[-1].seq + 1))
    missed = [event for event in events if event.seq > after]
    assert list(backlog(log.after(after, sys.maxsize))) == list(backlog(missed))


@given(RUNS, st.integers(1, 5))
def test_a_reader_that_takes_a_few_events_at_a_time_gets_all_of_them(
    runs: list[tuple[str, int, str, float | None]], limit: int
) -> None:
    events, got = published(runs), list[Event]()
    log = EventLog(events)
    while some := log.after(got[-1].seq if got else 0, limit):
        assert len(some) <= limit
        got += some
    assert list(backlog(got)) == list(backlog(events))


@pytest.mark.parametrize("after", [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7, 3 * CHUNK])
def test_a_place_within_a_packed_text_is_kept(after: int) -> None:
    events = published([("token", 3 * CHUNK, "ab", 0.02)])
    first = EventLog(events).after(after, 1)
    joined = getattr(first[0], "joined", 1) if first else 0
    assert not first or first[0].seq - joined == after


def test_events_that_were_joined_before_are_kept_as_they_are() -> None:
    events: list[Event] = [StreamToken("ab", joined=2, seq=2 * n, at=1.0) for n in range(1, CHUNK + 1)]
    assert list(EventLog(events)) == events


def test_a_long_text_takes_less_than_a_tenth_of_its_events() -> None:
    log, count = EventLog(), 100 * CHUNK
    tracemalloc.start()
    try:
        for seq in range(1, count + 1):
            log.append(StreamToken("word" + str(seq % 10), stream_id="s", seq=seq, at=1.8e9 + seq / 64))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / count < 17
