"""Every route of the gateway of one daemon, for agents and sessions of another one."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from agents.client.frames import Frames
from agents.contract.wire import event_of
from agents.core.events import (
    TERMINAL,
    Event,
    StreamApprovalRequired,
    StreamComplete,
    StreamError,
    StreamToken,
)
from agents.rehearsal import RehearsalServer, builtin, parse
from tests.cluster.far_agents import SCRIPT, far_node
from tests.cluster.nodes import Cluster, Node
from tests.cluster.recording import session as http_session

pytestmark = pytest.mark.cluster


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "far routes")) as server:
        yield server


class Asking:
    """Requests to one node with the administrator's token."""

    def __init__(self, http: aiohttp.ClientSession, node: Node, token: str) -> None:
        self._http, self._node, self._headers = http, node, {"Authorization": f"Bearer {token}"}

    async def __call__(self, method: str, where: str, body: Any = None, status: int = 200) -> Any:
        url, headers = f"{self._node.url}{where}", self._headers
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == status, text
            is_json = answer.content_type == "application/json"
            return json.loads(text) if is_json else text

    async def stream(self, method: str, where: str, body: Any = None, until: type[Event] | None = None) -> list[Event]:
        """Return the events of a stream, all or up to the first one of a kind."""
        events, frames = list[Event](), Frames()
        url, headers = f"{self._node.url}{where}", self._headers
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            async for chunk in answer.content.iter_any():
                for frame in frames.feed(chunk):
                    event = event_of(frame.name, frame.data, answer.headers["X-Stream-Id"], frame.id or 0)
                    events += [] if event is None else [event]
                    if event is not None and isinstance(event, until or TERMINAL):
                        return events
        raise AssertionError(f"expected the end of a stream, got {events}")


async def test_every_route_works_for_an_agent_of_another_node(cluster: Cluster) -> None:
    async with far_node(cluster), http_session() as http:
        near, other = await cluster.start("near", "other")
        ask = Asking(http, near, cluster.token)
        await _agents(ask)
        await _streams(ask)
        await _approvals(ask)
        await _messages(ask)
        await _sessions(ask)
        await _stops(ask)
        await _reports(ask)
        await _web_socket(http, near, cluster.token)
        by_default = await Asking(http, other, cluster.token)("POST", "/stream", {"text": "hi"})
        assert '"type":"done"' in by_default.replace(" ", "")  # the default agent runs on one of both


async def _agents(ask: Asking) -> None:
    ids = ["anns", "buyer", "echo", "idle", "payer", "slow", "steered", "worker"]
    assert [each["id"] for each in (await ask("GET", "/agents"))["agents"]] == ids
    assert [each["id"] for each in (await ask("GET", "/agents?after=buyer&limit=2"))["agents"]] == ["echo", "idle"]
    assert (await ask("GET", "/agents/echo"))["model"] == "echo"
    assert (await ask("POST", "/agents", {"id": "echo"}, 409))["error"]["type"] == "conflict"
    assert (await ask("POST", "/agents/echo/chat", {"message": "one"}))["response"]["content"] == "one"
    for method, where, body in (
        ("POST", "/agents/echo/stream", {"message": "two three", "stream_id": "two"}),
        ("GET", "/agents/echo/stream?message=four", None),
        ("POST", "/agents/echo/stream", {"message": "two three", "stream_id": "two"}),  # the same stream again
    ):
        assert isinstance((await ask.stream(method, where, body))[-1], StreamComplete)
    assert (await ask("GET", "/agents/nobody", status=404))["error"]["type"] == "agent_not_found"


async def _streams(ask: Asking) -> None:
    body = {"message": "count", "stream_id": "running"}
    await ask.stream("POST", "/agents/slow/stream", body, StreamToken)
    shown = await ask("GET", "/streams/running")
    assert (shown["agent_id"], shown["status"]) == ("slow", "running")
    again = await ask.stream("POST", "/agents/slow/stream", body, StreamToken)
    follow = await ask.stream("GET", "/streams/running/events", until=StreamToken)
    assert [event.seq for event in follow] == [event.seq for event in again]
    assert (await ask("POST", "/streams/running/steer", {"message": "faster"}))["steered"]
    assert (await ask("GET", "/streams/running/timeline"))["timeline"]["lanes"]
    assert "<svg" in await ask("GET", "/streams/running/timeline.svg")
    assert (await ask("POST", "/streams/running/cancel"))["cancelled"]
    last = (await ask.stream("GET", "/streams/running/events?after=2"))[-1]
    assert isinstance(last, StreamError)
    assert (await ask("POST", "/streams/running/cancel")) == {"cancelled": False}
    assert (await ask("POST", "/agents/echo/stream", {"message": "x", "stream_id": "running"}, 409))["error"]


async def _approvals(ask: Asking) -> None:
    for decide, body, status in (("approve", {}, "approved"), ("deny", {"reason": "no"}, "denied")):
        await ask.stream(
            "POST", "/agents/buyer/stream", {"message": "buy", "stream_id": decide}, StreamApprovalRequired
        )
        (waiting,) = (await ask("GET", "/approvals"))["approvals"]
        assert waiting["stream_id"] == decide
        call_id = waiting["tool_call"]["id"]
        given = await ask("POST", f"/streams/{decide}/{decide}", {"call_id": call_id, **body})
        assert given["decision"] == status
        assert isinstance((await ask.stream("GET", f"/streams/{decide}/events?after=1"))[-1], StreamComplete)


async def _messages(ask: Asking) -> None:
    await ask("POST", "/message/stream/reserved/create", status=201)
    body = {"query": "five", "session_id": "echo", "assistant_message_id": "reserved"}
    assert '"type":"complete"' in (await ask("POST", "/api/agent/chat/stream", body)).replace(" ", "")
    assert "interrupted" in await ask("POST", "/message/stream/reserved/interrupt")


async def _sessions(ask: Asking) -> None:
    listed = {each["id"]: each["live"] for each in (await ask("GET", "/sessions"))["sessions"]}
    assert listed == dict.fromkeys(["anns", "buyer", "echo", "idle", "payer", "slow", "steered", "worker"], True)
    session = await ask("GET", "/sessions/echo")
    assert [each["content"] for each in session["conversation"] if each["role"] == "user"][:2] == ["one", "two three"]
    assert (await ask("PATCH", "/sessions/echo", {"title": "Echoes"}))["title"] == "Echoes"
    assert (await ask("GET", "/sessions/echo/export")).count("\n") > 5
    assert (await ask("POST", "/sessions/echo/fork", {"id": "copy"}, 201))["id"] == "copy"
    assert (await ask("POST", "/agents/copy/chat", {"message": "six"}))["response"]["content"] == "six"
    assert await ask("DELETE", "/sessions/anns") == {"deleted": True}
    await ask("GET", "/sessions/anns", status=404)


async def _stops(ask: Asking) -> None:
    assert (await ask("POST", "/agents/idle/suspend"))["suspended"]
    late = asyncio.create_task(ask("POST", "/agents/idle/chat", {"message": "late"}))
    assert not (await ask("POST", "/agents/idle/resume"))["suspended"]
    assert (await late)["response"]["content"] == "late"
    await ask("POST", "/agents/nobody/suspend", status=404)
    await ask.stream("POST", "/agents/slow/stream", {"message": "count", "stream_id": "stopped"}, StreamToken)
    assert await ask("DELETE", "/agents/slow") == {"stopped": True}
    assert isinstance((await ask.stream("GET", "/streams/stopped/events"))[-1], StreamError)
    assert "slow" not in [each["id"] for each in (await ask("GET", "/agents"))["agents"]]


async def _reports(ask: Asking) -> None:
    for node in ("near", "other"):
        config = await ask("GET", f"/config?node={node}")
        assert config["cluster"]["name"] == node
        assert config["api_key"] in (None, "**********")
        assert (await ask("GET", f"/tree?node={node}"))["children"]
        assert len((await ask("GET", f"/processes?node={node}&count=3"))["processes"]) == 3
        assert (await ask("GET", f"/overview?node={node}"))["system"]["processes"] > 10
        assert "understudy_agents" in await ask("GET", f"/metrics?node={node}")
    metrics = dict(line.rsplit(" ", 1) for line in (await ask("GET", "/metrics")).splitlines() if line[0] != "#")
    assert float(metrics["understudy_cluster_links"]) >= 2
    assert float(metrics["understudy_cluster_stand_ins"]) >= 1
    for counted in ("frames", "events", "bytes"):
        assert float(metrics[f'understudy_cluster_link_{counted}_total{{direction="in"}}']) > 10
    assert float(metrics["understudy_cluster_link_credit_stalls_total"]) >= 0
    refused = await ask("GET", "/tree?node=nobody", status=404)
    assert refused["error"]["message"] == (
        "node: expected the name of a living node, which are far, near, other, got 'nobody'"
    )
    refused = await ask("GET", "/tree?node=far", status=503)
    assert refused["error"]["message"] == "node far: the node makes no reports now"


async def _web_socket(http: aiohttp.ClientSession, node: Node, token: str) -> None:
    async with http.ws_connect(f"{node.url}/ws", headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "echo", "message": "seven", "ref": 1})
        types = [(await socket.receive_json())["type"]]
        while types[-1] not in ("complete", "error", "stream_complete"):
            types.append((await socket.receive_json())["type"])
        assert types[-1] != "error"
