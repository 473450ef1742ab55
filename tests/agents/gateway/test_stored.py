"""Streams without a process, read from the store."""

from collections.abc import AsyncIterator

import pytest

from agents.agent_registry import find_stream
from agents.core.errors import Interrupted
from agents.core.events import Event, StreamComplete, StreamError, StreamReset, StreamStart, StreamToken
from agents.core.response import Response as Answer
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.reader import BATCH
from agents.sessions import StoreUnavailable, StreamRecord, StreamStatus
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.sessions.keeping import AT


class Kept(LiveSessions):
    """Sessions with these stored streams."""

    def __init__(self, streams: dict[str, list[Event]]) -> None:
        self.streams = streams

    async def has_stream(self, stream_id: str, owner: str | None = None) -> bool:
        return stream_id in self.streams or await super().has_stream(stream_id, owner)

    async def kept_stream(self, stream_id: str) -> StreamRecord | None:
        events = self.streams.get(stream_id)
        if events is None:
            return None
        status = StreamStatus.COMPLETE if isinstance(events[-1], StreamComplete) else StreamStatus.ERROR
        return StreamRecord(stream_id, "a", "?", status, AT, AT, None, None, 0, 2, events[-1].seq)

    async def events(self, stream_id: str, after: int, limit: int) -> list[Event]:
        if stream_id == "torn" and after:
            raise StoreUnavailable("the disk is gone")
        return [event for event in self.streams[stream_id] if after < event.seq <= after + limit]


def spoken(*tokens: str) -> list[Event]:
    texts = [StreamToken(token, stream_id="kept", seq=seq) for seq, token in enumerate(tokens, 2)]
    end = StreamComplete(Answer("".join(tokens), "".join(tokens)), stream_id="kept", seq=len(tokens) + 2)
    return [StreamStart("a", stream_id="kept", seq=1), *texts, end]


CUT: list[Event] = [StreamError(Interrupted(), "", stream_id="cut", seq=1)]


@pytest.fixture
async def kept(site: Site) -> AsyncIterator[Site]:
    app = Gateway(site.settings, Kept({"kept": spoken("one", " two"), "cut": CUT, "long": LONG, "torn": LONG}), TOKEN)
    async with serving(app, site.settings) as served:
        yield Site(served, site.http, site.settings)


async def test_a_stored_stream_is_read_from_any_place_with_each_token_as_one_event(kept: Site) -> None:
    found = await kept.events("kept")
    assert [(event.name, event.id) for event in found] == [("start", 1), ("token", 2), ("token", 3), ("complete", 4)]
    for after in range(5):
        assert await kept.events("kept", after) == found[after:]
    assert (await kept.json("GET", "/streams/kept/events?after=5"))[0] == 422


LONG: list[Event] = [
    StreamStart("a", stream_id="long", seq=1),
    *(StreamToken("w", stream_id="long", seq=seq) for seq in range(2, 1000)),
    StreamReset(Interrupted(), "", stream_id="long", seq=3 * BATCH, attempt=2),
    *(StreamToken("w", stream_id="long", seq=3 * BATCH + place, attempt=2) for place in range(1, BATCH)),
    StreamError(Interrupted(), "", stream_id="long", seq=4 * BATCH, attempt=2),
]
"""Events with a gap of more than a page, as after a crash."""


async def test_a_long_stored_stream_is_read_page_by_page_to_its_end(kept: Site) -> None:
    for after in (0, 1, BATCH - 1, BATCH, 999, 2000, 4 * BATCH - 1):
        found = [event.id for event in await kept.events("long", after)]
        assert found == [event.seq for event in LONG if event.seq > after]
    async with kept.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "long", "after": 999})
        found = [(await socket.receive_json(timeout=30)).get("seq") for _ in range(BATCH + 2)]
    assert found == [None, *(event.seq for event in LONG if event.seq > 999)]


async def test_a_store_that_fails_in_the_middle_ends_the_stream_with_a_cut(kept: Site) -> None:
    *found, cut = await kept.events("torn")
    assert [event.id for event in found] == [event.seq for event in LONG if event.seq <= BATCH]
    assert (cut.name, cut.data["code"], cut.id) == ("cut", "store_unavailable", None)
    async with kept.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "torn"})
        while (message := await socket.receive_json(timeout=30))["type"] != "cut":
            pass
    assert (message["data"]["code"], message["stream_id"]) == ("store_unavailable", "torn")


async def test_a_stored_stream_is_shown_and_can_not_be_changed(kept: Site) -> None:
    shown = {"stream_id": "kept", "agent_id": None, "status": "complete", "state": "complete", "seq": 4}
    assert await kept.json("GET", "/streams/kept") == (200, shown)
    assert (await kept.json("GET", "/streams/cut"))[1]["status"] == "error"
    assert await kept.json("POST", "/streams/kept/cancel") == (200, {"cancelled": False})
    assert (await kept.json("POST", "/streams/kept/steer", {"message": "x"}))[0] == 409
    assert (await kept.json("POST", "/streams/kept/approve", {"call_id": "c"}))[0] == 404
    assert find_stream("kept") is None


async def test_a_message_with_a_stored_answer_is_not_answered_again(kept: Site) -> None:
    await kept.agent("echo")
    assert (await kept.stream("a", "something else", stream_id="kept"))[-1].data["content"] == "one two"
    assert (await kept.json("GET", "/sessions/a"))[1]["conversation"] == []


async def test_a_socket_can_subscribe_to_a_stored_stream(kept: Site) -> None:
    async with kept.socket() as socket:
        await socket.send_json({"action": "subscribe", "stream_id": "kept", "after": 2})
        answer, token, end = [await socket.receive_json(timeout=30) for _ in range(3)]
    assert answer["data"] == {"stream_id": "kept", "over": False}
    assert (token["data"], token["seq"], end["type"]) == (" two", 3, "complete")
