"""A client of several nodes: it asks the next one if one refuses. Servers on loopback answer as nodes do."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from agents.client import Client, NoDaemon, Refused, Unreachable
from agents.core.events import StreamComplete, StreamToken
from agents.core.response import Response
from agents.gateway.wire import frames
from tests.agents.llm.http.loopback import answered_by

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOBODY = "http://127.0.0.1:9"
DRAINING = {"error": {"type": "unavailable", "message": "the daemon is stopping"}}


def serving(handler: Handler) -> AbstractAsyncContextManager[str]:
    return answered_by(handler, shutdown_timeout=0.05)


class Answers:
    """A node that gives each of these answers once, and then the last one again. asked: the paths."""

    def __init__(self, *answers: Handler) -> None:
        self._answers, self.asked = list(answers), list[str]()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        return await (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])(request)


async def draining(_request: web.Request) -> web.StreamResponse:
    return web.json_response(DRAINING, status=503)


async def well(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"well": True})


async def breaks(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def stream(*sent: bytes) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for frame in sent:
            await response.write(frame)
        return response

    return answer


async def test_a_node_that_does_not_listen_is_passed_over() -> None:
    async with serving(well) as url, Client([NOBODY, url], "token") as client:
        assert await client.get("/me") == {"well": True}
        assert await client.post("/stop") == {"well": True}
        assert client.url == url


async def test_a_node_that_refuses_with_503_is_passed_over() -> None:
    first, second = Answers(draining), Answers(well)
    async with serving(first.answer) as one, serving(second.answer) as other, Client([one, other], "token") as client:
        assert await client.post("/agents", {}) == {"well": True}
        assert await client.get("/me") == {"well": True}
    assert first.asked == ["/agents"]
    assert second.asked == ["/agents", "/me"]


async def test_the_refusal_of_the_last_node_is_raised() -> None:
    async with serving(draining) as url, Client([NOBODY, url], "token") as client:
        with pytest.raises(Refused, match="the daemon is stopping"):
            await client.get("/me")
    async with Client([NOBODY, NOBODY], "token") as client:
        with pytest.raises(NoDaemon):
            await client.get("/me")


async def test_a_request_that_may_have_been_carried_out_is_not_repeated() -> None:
    second = Answers(well)
    async with serving(breaks) as one, serving(second.answer) as other, Client([one, other], "token") as client:
        with pytest.raises(Unreachable):
            await client.post("/agents", {})
        assert second.asked == []
        assert await client.get("/me") == {"well": True}


async def test_a_stream_goes_on_at_the_next_node_by_its_seq() -> None:
    first, last = StreamToken("one", stream_id="s", seq=1), StreamComplete(Response("one", "one"), stream_id="s", seq=2)
    token, end = frames([first]), frames([last])
    second = Answers(stream(end))
    async with serving(stream(token)) as one, serving(second.answer) as other, Client([one, other], "token") as client:
        events = [event async for event in client.ask("agent", "hello", "s")]
    assert events == [first, last]
    assert second.asked == ["/streams/s/events?after=1"]


def test_no_url_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the URL of a daemon, or several, got none"):
        Client([], "token")
