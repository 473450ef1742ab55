"""The owner of a session outlives the agent and the program."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from actors import Mailbox, register
from agents.agent_registry import find_agent
from agents.instance.waking import turn_name, wake
from agents.sessions import open_journal
from supervisors import agent_supervisor
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import ANN, BOB, House, house, waits_at


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sessions.db"


async def contents(client: Site, agent_id: str) -> list[str]:
    conversation = (await client.json("GET", f"/sessions/{agent_id}"))[1]["conversation"]
    return [message["content"] for message in conversation]


async def asleep(agent_id: str) -> None:
    """End the agent's process. Its session stays."""
    pid = find_agent(agent_id)
    assert pid is not None
    await agent_supervisor.stop_agent(pid)
    assert find_agent(agent_id) is None


async def with_a_session(of: House) -> None:
    async with of.client(ANN) as ann:
        assert (await ann.json("POST", "/agents", {"id": "a1", "model": "echo"}))[0] == 201
        assert (await ann.json("POST", "/agents/a1/chat", {"message": "one", "stream_id": "s1"}))[0] == 200
    await asleep("a1")


async def test_an_agent_that_sleeps_wakes_only_for_its_owner(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        await with_a_session(of)
        for method, path in (
            ("POST", "/agents/a1/chat"),
            ("GET", "/agents/a1"),
            ("DELETE", "/agents/a1"),
            ("GET", "/sessions/a1"),
            ("GET", "/streams/s1"),
        ):
            assert (await bob.json(method, path, {"message": "two"}))[0] == 404
            assert find_agent("a1") is None
        assert await contents(ann, "a1") == ["one", "one"]
        assert (await ann.json("POST", "/agents/a1/chat", {"message": "two"}))[0] == 200
        assert (await ann.json("GET", "/agents/a1"))[1]["owner"] == "ann"
        assert (await bob.json("GET", "/agents/a1"))[0] == 404


async def test_an_agent_that_sleeps_is_stopped_without_a_start(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann:
        await with_a_session(of)
        last_turn = Mailbox()  # an agent that starts waits for this
        register(turn_name("a1"), last_turn.pid)
        assert await ann.json("DELETE", "/agents/a1") == (200, {"stopped": True})
        assert find_agent("a1") is None
        last_turn.close()
        assert await contents(ann, "a1") == ["one", "one"]


async def test_after_a_restart_each_user_has_the_same_agents(store: Path) -> None:
    async with house([ANN, BOB], store) as of:
        await with_a_session(of)
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        (session,) = (await ann.json("GET", "/sessions"))[1]["sessions"]
        assert (session["id"], session["live"], session["owner"]) == ("a1", False, "ann")
        assert [event.data for event in await ann.events("s1")][-1]["content"] == "one"
        assert (await bob.json("GET", "/sessions"))[1]["sessions"] == []
        assert (await bob.json("GET", "/streams/s1/events"))[0] == 404
        assert (await of.site.json("GET", "/sessions"))[1]["sessions"] == [session]


async def test_the_id_of_a_sleeping_session_can_not_be_taken(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        await with_a_session(of)
        status, answer = await bob.json("POST", "/agents", {"id": "a1", "model": "echo"})
        assert (status, answer["error"]["type"]) == (409, "conflict")
        assert find_agent("a1") is None
        assert (await ann.json("POST", "/agents", {"id": "a1", "model": "echo"}))[0] == 201
        assert await contents(ann, "a1") == ["one", "one"]


async def test_a_stored_stream_is_never_another_users_answer(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        await with_a_session(of)
        await bob.json("POST", "/agents", {"id": "b1", "model": "echo"})
        status, answer = await bob.json("POST", "/agents/b1/chat", {"message": "x", "stream_id": "s1"})
        assert (status, answer["error"]["type"]) == (409, "conflict")
        async with bob.socket() as socket:
            await socket.send_json({"action": "stream_chat", "agent_id": "b1", "message": "x", "stream_id": "s1"})
            assert (await socket.receive_json(timeout=30))["code"] == "conflict"
        assert (await ann.json("POST", "/agents/a1/chat", {"message": "x", "stream_id": "s1"}))[1]["response"][
            "content"
        ] == "one"


async def test_pages_of_sessions_have_only_a_users_own(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        for number in range(4):
            for client, letter in ((ann, "a"), (bob, "b")):
                await client.json("POST", "/agents", {"id": f"{letter}{number}", "model": "echo"})
        found: list[str] = []
        while page := (await ann.json("GET", f"/sessions?limit=3{f'&after={found[-1]}' if found else ''}"))[1][
            "sessions"
        ]:
            found += [each["id"] for each in page]
        assert sorted(found) == ["a0", "a1", "a2", "a3"]
        for behind in ("b0", "b3", "zz"):
            assert (await ann.json("GET", f"/sessions?after={behind}"))[0] == 404


async def test_a_session_that_appears_while_a_start_by_its_id_waits_keeps_its_owner(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        await with_a_session(of)
        last_turn = Mailbox()  # an agent that starts waits for this, and its supervisor, too
        register(turn_name("held"), last_turn.pid)
        held = asyncio.create_task(agent_supervisor.start_agent({"id": "held", "model": "echo"}))
        start = asyncio.create_task(bob.json("POST", "/agents", {"id": "x1", "model": "echo"}))
        await waits_at(agent_supervisor.AGENT_SUPERVISOR)
        assert (await ann.json("POST", "/sessions/a1/fork", {"id": "x1"}))[0] == 201
        last_turn.close()
        await held
        status, answer = await start
        assert (status, answer["error"]["type"]) == (409, "conflict")
        assert (await bob.json("GET", "/sessions/x1"))[0] == 404
        assert await contents(ann, "x1") == ["one", "one"]
        assert (await ann.json("POST", "/agents/x1/chat", {"message": "two"}))[0] == 200


async def test_an_export_ends_with_its_token(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a1", "model": "echo"})
        await ann.stream("a1", "word " * 20_000)
        async with ann.http.get(f"{ann.url}/sessions/a1/export") as answer:
            await answer.content.readline()
            of.tokens(BOB)
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_an_agent_wakes_with_its_sessions_owner(store: Path) -> None:
    async with house([ANN, BOB], store) as of, of.client(ANN) as ann, of.client(BOB) as bob:
        await with_a_session(of)
        journal = await open_journal()
        assert journal is not None
        journal.begin_session("a1", "agent", None, owner="bob")  # by a program, with settings that can't be stored
        await journal.durable()
        await wake("a1")
        assert (await bob.json("GET", "/agents/a1"))[0] == 200
        assert (await ann.json("GET", "/agents/a1"))[0] == 404
