"""Responses in background mode: wherever the connection breaks, no text is lost or repeated."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.testing import Simulation
from agents.core.conversation import UserMessage
from agents.core.deltas import Delta, Failed, Finished, TextDelta
from agents.core.errors import ApiError, ConnectionClosed, Fault, NetworkError
from agents.core.retry import RetryPolicy
from agents.llm.call import ModelCallDeadlines, Route, model_call
from agents.llm.endpoint import Api, Endpoint, ProviderFailed
from tests.agents.llm.corpus import recordings
from tests.agents.llm.scripted import ScriptedClient, providers

ROUTE = Route(Endpoint("http://127.0.0.1:1/v1", "any"), "any", Api.RESPONSES, {"background": True})
RETRY = RetryPolicy(max_retries=2, longest_wait_s=5.0)
BREAKS: list[Fault | None] = [None, ConnectionClosed(), NetworkError("econnreset")]
"""None: the body ends in good order."""


def numbered(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a recorded stream, with complete sequence numbers."""
    payloads = [line[5:] for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data:")]
    events = [json.loads(payload) for payload in payloads if payload.strip() != b"[DONE]"]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def encoded(events: list[dict[str, Any]]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


class Breaking(ScriptedClient):
    """A client whose connections break after N bytes and begin M events too early. The last connection is whole."""

    def __init__(self, events: list[dict[str, Any]], breaks: list[tuple[int, int, Fault | None]]) -> None:
        super().__init__()
        self.events, self.breaks = events, list(breaks)

    @asynccontextmanager
    async def stream(
        self, api: Api, body: bytes, *, connect_s: float, request_id: str = ""
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        self.bodies.append(json.loads(body))
        yield self._chunks(self.bodies[-1].get("starting_after", -1))

    async def _chunks(self, after: int) -> AsyncIterator[bytes]:
        length, early, fault = self.breaks.pop(0) if self.breaks else (None, 0, None)
        data = encoded(self.events[max(0, after + 1 - early) :])[:length]
        for start in range(0, len(data), 100):
            yield data[start : start + 100]
        if fault is not None:
            raise ProviderFailed(fault)


def read(client: ScriptedClient, retry: RetryPolicy = RETRY) -> list[Delta]:
    deltas: list[Delta] = []

    async def play() -> None:
        async with providers(lambda _: client):
            await model_call(ROUTE, (UserMessage("?"),), deltas.extend, deadlines=ModelCallDeadlines(), retry=retry)

    with Simulation() as simulation:
        simulation.run(play())
    return deltas


@pytest.fixture(scope="module")
def streams() -> list[list[dict[str, Any]]]:
    found = [numbered(recording.body) for recording in recordings("responses")]
    return [events for events in found if len(events) > 5 and events[-1]["type"] == "response.completed"]


@settings(max_examples=60)
@given(st.data())
def test_an_answer_that_breaks_anywhere_is_the_one_that_does_not(
    streams: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    events = data.draw(st.sampled_from(streams), label="events")
    begun = len(encoded(events[:1]))
    size = len(encoded(events))
    cut = st.tuples(st.integers(begun, size - 1), st.integers(0, 3), st.sampled_from(BREAKS))
    breaks = data.draw(st.lists(cut, max_size=4), label="breaks")
    client = Breaking(events, breaks)
    assert read(client, RetryPolicy(max_retries=9)) == read(Breaking(events, []))
    assert client.cancelled == []


EVENTS: list[dict[str, Any]] = numbered(
    encoded(
        [
            {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "One "},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "two."},
            {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}},
        ]
    )
)


def test_it_is_resumed_by_its_id_after_the_last_whole_event() -> None:
    length = len(encoded(EVENTS[:2])) + 30
    client = Breaking(EVENTS, [(length, 0, ConnectionClosed())])
    assert [delta.text for delta in read(client) if isinstance(delta, TextDelta)] == ["One ", "two."]
    assert client.bodies[1:] == [{"id": "resp_1", "starting_after": 1}]


def test_an_event_restarts_the_count_of_retries() -> None:
    one = (len(encoded(EVENTS[:1])), 0, ConnectionClosed())
    more = [(len(encoded([event])), 0, ConnectionClosed()) for event in EVENTS[1:3]]
    nothing = (0, 0, NetworkError("econnrefused"))
    client = Breaking(EVENTS, [one, nothing, (0, 0, ConnectionClosed()), *more])
    assert isinstance(read(client, RetryPolicy(max_retries=3))[-1], Finished)


@pytest.mark.parametrize("again", [NetworkError("econnrefused"), ApiError(404, "not found"), ApiError(503, "down")])
def test_a_response_that_can_not_be_resumed_fails_with_the_first_fault_and_is_cancelled(again: Fault) -> None:
    broke = (len(encoded(EVENTS[:2])), 0, NetworkError("econnreset"))
    client = Breaking(EVENTS, [broke, *[(0, 0, again)] * 9])
    deltas = read(client)
    assert deltas == [TextDelta("One "), Failed(NetworkError("econnreset"))]
    assert client.cancelled == ["resp_1"]
    assert len(client.bodies) == (2 if again == ApiError(404, "not found") else 1 + RETRY.max_retries)


def test_an_answer_that_broke_before_its_first_event_is_not_resumed() -> None:
    client = Breaking(EVENTS, [(0, 0, ConnectionClosed())])
    assert read(client) == [Failed(ConnectionClosed())]
    assert (len(client.bodies), client.cancelled) == (1, [])
