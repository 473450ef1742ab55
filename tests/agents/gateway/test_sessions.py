"""Sessions over REST, in a store and in memory."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from actors import Mailbox, StartFailed
from agents import agent, application
from agents.agent_registry import find_agent, reserved
from agents.core.events import StreamStart
from agents.gateway import Gateway, serving
from agents.gateway.stored_sessions import StoredSessions
from agents.instance.waking import Origin, wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.sessions import JOURNAL, Store, open_journal
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, ToolSettings
from supervisors import agent_supervisor, restart_child, terminate_child
from tests.agents.gateway.raw import connected
from tests.agents.gateway.raw import request as http_request
from tests.agents.gateway.site import TOKEN, Site, events
from tests.waiting import eventually

SCRIPT = """
[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""
IDLE_MS = 3_600_000


@pytest.fixture
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """Serve a gateway with sessions in a store. A test's parameter: write_timeout."""
    write_timeout: int = getattr(request, "param", 60_000)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin() | parse(SCRIPT)))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            sessions=SessionSettings(
                url=f"sqlite:///{tmp_path}/s.db", durability=Durability.BATCHED, idle_time=IDLE_MS
            ),
            gateway=GatewaySettings(port=0, write_timeout=write_timeout),
        )
        await stack.enter_async_context(application.running(settings))
        app = Gateway(settings, StoredSessions(), TOKEN)
        served = await stack.enter_async_context(serving(app, settings))
        headers = {"authorization": f"Bearer {TOKEN}"}
        yield Site(served, await stack.enter_async_context(aiohttp.ClientSession(headers=headers)), settings)


async def store() -> Store:
    journal = await open_journal()
    assert journal is not None
    return journal.store


async def exported(site: Site, session_id: str) -> tuple[aiohttp.ClientResponse, list[dict[str, Any]]]:
    async with site.http.get(f"{site.url}/sessions/{session_id}/export") as answer:
        return answer, [json.loads(line) for line in (await answer.read()).splitlines()]


async def stalled(site: Site) -> asyncio.Task[list[str]]:
    """Return a reader of the agent's stream "s", which has sent two tokens and sends no more."""
    began = asyncio.Event()

    async def read() -> list[str]:
        names = []
        body = {"message": "go", "stream_id": "s"}
        async with site.http.post(f"{site.url}/agents/a/stream", json=body) as answer:
            async for event in events(answer):
                names.append(event.name)
                if event.id == 3:
                    began.set()
        return names

    reading = asyncio.create_task(read())
    await began.wait()
    return reading


@contextmanager
def logged(event: str) -> Iterator[asyncio.Event]:
    """Yield an event that is set when the gateway logs this event name."""
    seen = asyncio.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if event in record.getMessage():
                seen.set()

    handler = Handler()
    logging.getLogger("understudy.gateway").addHandler(handler)
    try:
        yield seen
    finally:
        logging.getLogger("understudy.gateway").removeHandler(handler)


async def test_stored_sessions_are_listed_last_changed_first(kept: Site) -> None:
    for id_ in "ab":
        await kept.agent("echo", id_, name=id_.upper())
        await kept.stream(id_, "Hello.")
    await kept.json("DELETE", "/agents/a")
    status, page = await kept.json("GET", "/sessions")
    assert status == 200
    facts = [
        (each["id"], each["name"], each["title"], each["live"], each["message_count"]) for each in page["sessions"]
    ]
    assert facts == [("b", "B", None, True, 2), ("a", "A", None, False, 2)]
    assert all(each["created_at"] <= each["updated_at"] for each in page["sessions"])
    (behind,) = (await kept.json("GET", "/sessions?limit=1&after=b"))[1]["sessions"]
    assert behind["id"] == "a"
    status, answer = await kept.json("GET", "/sessions?after=gone")
    assert (status, answer["error"]["type"]) == (404, "session_not_found")


async def test_a_session_is_shown_with_its_streams_whether_its_agent_runs_or_not(kept: Site) -> None:
    await kept.agent("echo", system_prompt="Be brief.")
    await kept.stream("a", "one two", stream_id="s")
    status, live = await kept.json("GET", "/sessions/a")
    assert status == 200
    assert [each["role"] for each in live["conversation"]] == ["user", "assistant"]
    (stream,) = live["streams"]
    assert (stream["id"], stream["message"], stream["status"], stream["last_seq"]) == ("s", "one two", "complete", 4)
    assert (stream["messages_from"], stream["messages_until"]) == (0, 2)
    await kept.json("DELETE", "/agents/a")
    assert (await kept.json("GET", "/sessions/a"))[1] == live | {"live": False}


async def test_a_running_turn_is_in_its_sessions_streams(kept: Site) -> None:
    await kept.agent("slow")
    reading = await stalled(kept)
    (stream,) = (await kept.json("GET", "/sessions/a"))[1]["streams"]
    assert (stream["id"], stream["status"], stream["message"], stream["ended_at"]) == ("s", "running", "go", None)
    await kept.json("POST", "/streams/s/cancel")
    await reading


async def test_a_title_is_set_and_removed(kept: Site) -> None:
    await kept.agent("echo")
    for title, held in (("About\nnothing", "About\nnothing"), ("", None), ("x", "x"), (None, None)):
        status, session = await kept.json("PATCH", "/sessions/a", {"title": title})
        assert (status, session["id"], session["title"]) == (200, "a", held)
    for body in ({}, {"title": 5}, {"title": "x" * 201}, {"title": "x", "colour": "red"}):
        assert (await kept.json("PATCH", "/sessions/a", body))[0] == 422


async def test_an_export_is_json_lines_to_be_saved(kept: Site) -> None:
    await kept.agent("echo")
    await kept.stream("a", "one two", stream_id="s")
    answer, lines = await exported(kept, "a")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="session-a.jsonl"'
    assert [line["type"] for line in lines] == ["session", "message", "message", "stream", *["event"] * 4]


async def test_an_export_that_can_not_be_finished_is_aborted(kept: Site) -> None:
    await kept.agent("echo")
    await kept.stream("a", "word " * 20_000, stream_id="s")
    async with kept.http.get(f"{kept.url}/sessions/a/export") as answer:
        await answer.content.readline()
        assert (await kept.json("DELETE", "/sessions/a"))[0] == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize("kept", [500], indirect=True)
async def test_an_export_that_is_not_read_is_aborted(kept: Site) -> None:
    await kept.agent("echo")
    await kept.stream("a", "word " * 50_000, stream_id="s")
    async with connected(kept, limit_bytes=4096) as raw:
        with logged("download_broken_off") as broken_off:
            raw.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            raw.writer.write(http_request("GET", "/sessions/a/export", host=f"localhost:{kept.port}"))
            await raw.head()
            await broken_off.wait()
        assert b"stream_complete" not in await raw.rest()


async def test_a_fork_continues_independently(kept: Site) -> None:
    await kept.agent("echo", name="Anna")
    await kept.stream("a", "One.", stream_id="s1")
    await kept.stream("a", "Two.", stream_id="s2")
    status, fork = await kept.json("POST", "/sessions/a/fork", {"id": "b"})
    assert (status, fork["id"], fork["name"], fork["live"], fork["message_count"]) == (201, "b", "Anna", False, 4)
    assert (await kept.stream("b", "Three."))[-1].data["content"] == "Three."
    assert (await kept.json("GET", "/sessions/b"))[1]["message_count"] == 6
    assert (await kept.json("GET", "/sessions/a"))[1]["message_count"] == 4


@pytest.mark.parametrize(
    ("at", "contents"),
    [
        ({"stream_id": "s1"}, ["One and two.", "One and two."]),
        ({"stream_id": "s2", "seq": 0}, ["One and two.", "One and two."]),
        ({"stream_id": "s1", "seq": 3}, ["One and two.", "One and"]),
    ],
)
async def test_a_fork_ends_at_the_given_place(kept: Site, at: dict[str, Any], contents: list[str]) -> None:
    await kept.agent("echo")
    await kept.stream("a", "One and two.", stream_id="s1")
    await kept.stream("a", "Three.", stream_id="s2")
    status, session = await kept.json("POST", "/sessions/a/fork", {"at": at})
    assert status == 201
    conversation = (await kept.json("GET", f"/sessions/{session['id']}"))[1]["conversation"]
    assert [each["content"] for each in conversation] == contents


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"id": "a"}, 409, "conflict"),
        ({"id": "starting"}, 409, "conflict"),
        ({"at": {"stream_id": "none"}}, 404, "stream_not_found"),
        ({"at": {"stream_id": "s", "seq": 9}}, 422, "invalid"),
        ({"at": {"stream_id": "s", "seq": -1}}, 422, "invalid"),
        ({"at": {"seq": 1}}, 422, "invalid"),
        ({"id": "a/b"}, 422, "invalid"),
        ({"as": "b"}, 422, "invalid"),
    ],
)
async def test_an_impossible_fork_is_one_clear_error(kept: Site, body: dict[str, Any], status: int, kind: str) -> None:
    await kept.agent("echo")
    await kept.stream("a", "Hello.", stream_id="s")
    with reserved("starting"):
        got, answer = await kept.json("POST", "/sessions/a/fork", body)
    assert (got, answer["error"]["type"]) == (status, kind)
    assert "\n" not in answer["error"]["message"]
    assert await (await store()).count() == 1


async def test_a_session_whose_agent_is_idle_is_deleted_with_it(kept: Site) -> None:
    await kept.agent("echo")
    await kept.stream("a", "Hello.", stream_id="s")
    pid = find_agent("a")
    assert pid is not None
    assert await kept.json("DELETE", "/sessions/a") == (200, {"deleted": True})
    assert not pid.alive
    assert await (await store()).count() == 0
    for path in ("/sessions/a", "/agents/a", "/streams/s", "/streams/s/events"):
        assert (await kept.json("GET", path))[0] == 404
    assert (await kept.json("POST", "/agents/a/chat", {"message": "Hello?"}))[0] == 404
    assert (await kept.json("DELETE", "/sessions/a"))[0] == 404


async def test_a_session_whose_agent_answers_is_not_deleted(kept: Site) -> None:
    await kept.agent("slow")
    reading = await stalled(kept)
    status, answer = await kept.json("DELETE", "/sessions/a")
    assert (status, answer["error"]["type"]) == (409, "conflict")
    assert (await kept.json("POST", "/streams/s/cancel"))[1] == {"cancelled": True}
    assert (await reading)[-1] == "error"
    assert (await kept.json("DELETE", "/sessions/a"))[0] == 200


async def test_a_session_without_an_agent_is_deleted(kept: Site) -> None:
    await kept.agent("echo")
    await kept.stream("a", "Hello.")
    await kept.json("DELETE", "/agents/a")
    assert (await kept.json("DELETE", "/sessions/a"))[0] == 200
    assert await (await store()).count() == 0


async def test_a_reader_of_a_stream_has_all_of_it_when_its_session_is_deleted(kept: Site) -> None:
    await kept.agent("echo")
    async with kept.http.post(f"{kept.url}/agents/a/stream", json={"message": "word " * 50_000}) as answer:
        await eventually(
            lambda: kept.json("DELETE", "/sessions/a"),
            lambda answer: answer[0] != 409,
            what="the deletion",
            pause_s=0.0,  # as soon as the turn has ended
        )
        names = [event.name async for event in events(answer)]
    assert names[-1] == "complete"


async def test_an_agent_that_wakes_while_its_session_is_deleted_does_not_restore_it(kept: Site) -> None:
    """Read the session from the store, and start the agent after the deletion."""
    await kept.agent("echo")
    await kept.json("DELETE", "/agents/a")
    session = await (await store()).session("a")
    assert session is not None
    assert (await kept.json("DELETE", "/sessions/a"))[0] == 200
    with pytest.raises(StartFailed):
        await agent_supervisor.start_agent({**(session.config or {}), "id": "a"}, Origin.KEPT)
    assert await (await store()).count() == 0
    assert await wake("a") is None


async def test_messages_and_deletions_at_once_leave_a_whole_session_or_none(kept: Site) -> None:
    for _ in range(10):
        await kept.agent("echo")
        await kept.json("POST", "/agents/a/chat", {"message": "first"})
        await kept.json("DELETE", "/agents/a")
        asked = [kept.json("POST", "/agents/a/chat", {"message": "again"}) for _ in range(3)]
        *answers, (deleted, _) = await asyncio.gather(*asked, kept.json("DELETE", "/sessions/a"))
        assert {status for status, _ in answers} <= {200, 404, 502, 503}
        if deleted == 200:
            assert await (await store()).session("a") is None
            assert find_agent("a") is None
        else:
            assert deleted in (404, 409, 503)
            await eventually(
                lambda: kept.json("DELETE", "/sessions/a"), lambda answer: answer[0] in (200, 404), what="the deletion"
            )


async def test_a_reserved_id_belongs_to_no_agent(kept: Site) -> None:
    async with Mailbox():
        with reserved("a"):
            status, answer = await kept.json("POST", "/agents", {"id": "a", "model": "echo"})
            assert (status, answer["error"]["type"]) == (409, "conflict")
            assert (await kept.json("DELETE", "/sessions/a"))[0] == 404
    assert (await kept.json("POST", "/agents", {"id": "a", "model": "echo"}))[0] == 201


async def test_a_stream_whose_agent_can_not_wake_is_shown_without_a_wait(kept: Site) -> None:
    journal = await open_journal()
    assert journal is not None
    journal.begin_session("a", "A", config=None)
    recorder = journal.recorder("a", "s", "go", on_durable=lambda _: None, on_failure=lambda _: None)
    recorder.event(StreamStart("a", stream_id="s", seq=1))
    await recorder.durable()
    shown = {"stream_id": "s", "agent_id": None, "status": "open", "state": "streaming", "seq": 1}
    assert await kept.json("GET", "/streams/s") == (200, shown)
    assert (await kept.json("GET", "/streams/s/events"))[0] == 503
    await kept.agent("echo", "b")
    status, answer = await kept.json("POST", "/agents/b/chat", {"message": "x", "stream_id": "s"})
    assert (status, answer["error"]["type"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
        ("GET", "/export", None),
        ("POST", "/fork", {}),
    ],
)
async def test_an_unknown_session_is_one_json_error(kept: Site, method: str, path: str, body: Any) -> None:
    status, answer = await kept.json(method, f"/sessions/none{path}", body)
    assert (status, answer["error"]["type"]) == (404, "session_not_found")
    assert answer["error"]["message"] == "expected the id of a session, got 'none', which does not exist"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/sessions", None),
        ("GET", "/sessions/a", None),
        ("PATCH", "/sessions/a", {"title": "x"}),
        ("DELETE", "/sessions/a", None),
        ("GET", "/sessions/a/export", None),
        ("POST", "/sessions/a/fork", {}),
        ("POST", "/agents/a/chat", {"message": "x"}),
        ("GET", "/streams/s", None),
    ],
)
async def test_while_the_journal_is_away_requests_to_sessions_are_refused_and_change_nothing(
    kept: Site, method: str, path: str, body: Any
) -> None:
    await kept.agent("echo")
    await kept.stream("a", "hello", stream_id="s")
    pid = find_agent("a")
    assert pid is not None
    await agent_supervisor.stop_agent(pid)
    await terminate_child(application.NAME, JOURNAL)
    async with kept.http.request(method, kept.url + path, json=body) as response:
        answer = await response.json()
        assert (response.status, response.headers["retry-after"]) == (503, "5")
    assert answer["error"] == {
        "type": "unavailable",
        "message": "the journal of sessions is being restarted: retry later",
    }
    await restart_child(application.NAME, JOURNAL)
    assert (await kept.json("GET", "/sessions/a"))[1]["title"] is None


async def test_without_a_store_sessions_are_shown_and_ended_and_the_rest_is_refused(site: Site) -> None:
    await site.agent("echo")
    await site.stream("a", "hello", stream_id="s")
    session = (await site.json("GET", "/sessions/a"))[1]
    assert (session["message_count"], session["updated_at"], session["streams"][0]["status"]) == (2, None, "complete")
    for method, path, body in (
        ("PATCH", "/sessions/a", {"title": "x"}),
        ("GET", "/sessions/a/export", None),
        ("POST", "/sessions/a/fork", {}),
    ):
        status, answer = await site.json(method, path, body)
        assert (status, answer["error"]["type"]) == (409, "not_kept")
    pid = find_agent("a")
    assert pid is not None
    assert await agent.conversation(pid)
    assert await site.json("DELETE", "/sessions/a") == (200, {"deleted": True})
    assert find_agent("a") is None


async def test_the_document_names_the_shapes(kept: Site) -> None:
    document = (await kept.json("GET", "/openapi.json"))[1]
    shapes = document["components"]["schemas"]
    shown = document["paths"]["/sessions/{session_id}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert shown["schema"] == {"$ref": "#/components/schemas/Session"}
    exported = document["paths"]["/sessions/{session_id}/export"]["get"]["responses"]["200"]["content"]
    assert exported["application/x-ndjson"]["schema"] == {"type": "string"}
    page = (await kept.json("GET", "/sessions"))[1]
    assert page == {"sessions": []}
    await kept.agent("echo")
    _, session = await kept.json("GET", "/sessions/a")
    assert set(session) == set(shapes["Session"]["properties"])
    references = [each["$ref"].rpartition("/")[2] for each in _references(document)]
    assert set(references) <= set(shapes)


def _references(value: Any) -> list[dict[str, str]]:
    if isinstance(value, dict):
        return ([value] if "$ref" in value else []) + [each for item in value.values() for each in _references(item)]
    return [each for item in value for each in _references(item)] if isinstance(value, list) else []
