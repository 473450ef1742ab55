"""The path of MCP, with the official client on the other side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent
from starlette.applications import Starlette
from starlette.routing import Mount

from actors import KILL, Mailbox, ended, whereis
from actors import exit as send_exit
from agents import StreamError, StreamToken, agent
from agents.agent_registry import find_agent
from agents.core.errors import Cancelled
from agents.gateway import serving
from agents.settings import TokenSettings
from tests.agents.gateway.contract import Checked
from tests.agents.gateway.models import AGENTS, VIEWER, OpenAiSite, openai_site
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.users import ANN, BOB


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[OpenAiSite]:
    async with openai_site(tmp_path / "sessions.db") as site:
        yield site


@asynccontextmanager
async def client(
    site: OpenAiSite, of: TokenSettings | None = None, *, later: bool = False, url: str | None = None
) -> AsyncIterator[ClientSession]:
    """Return a client with this token; None: the install's. later: of the protocol without a handshake."""
    key = TOKEN if of is None else of.token.get_secret_value()
    headers = {"authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(url or f"{site.site.url}/mcp", http_client=http) as streams,
        ClientSession(*streams) as session,
    ):
        await (session.discover() if later else session.initialize())
        yield session


async def ask(session: ClientSession, tool: str, message: str, **more: Any) -> tuple[bool, str]:
    """Return whether the answer is an error, and its text."""
    answer: Any = await session.call_tool(tool, {"message": message, **more})
    (block,) = answer.content
    assert isinstance(block, TextContent)
    return bool(answer.is_error), block.text


@pytest.mark.parametrize("later", [False, True])
async def test_each_agent_that_the_caller_may_use_is_a_tool(served: OpenAiSite, later: bool) -> None:
    async with client(served, later=later) as session:
        tools = {tool.name for tool in (await session.list_tools()).tools}
        assert tools == {each.id for each in AGENTS}
        assert await ask(session, "echo", "one two") == (False, "one two")
        assert await ask(session, "nobody", "x") == (True, "expected the name of a tool, got 'nobody'")
        error, words = await ask(session, "fails", "x")
        assert error
        assert words
    async with client(served, ANN, later=later) as session:
        assert {tool.name for tool in (await session.list_tools()).tools} == {"anns", "echo"}
        assert await ask(session, "anns", "mine") == (False, "mine")
        assert await ask(session, "slow", "x") == (True, "expected the name of a tool, got 'slow'")


async def test_a_named_conversation_is_a_session_of_the_caller(served: OpenAiSite) -> None:
    async def turns(owner: TokenSettings, name: str) -> int:
        async with served.site.http.get(f"{served.site.url}/sessions?limit=1000") as answer:
            sessions = (await answer.json())["sessions"]
        (found,) = [each for each in sessions if (each["name"], each["owner"]) == (name, owner.user)]
        return int(found["message_count"]) // 2

    async with client(served, ANN) as ann, client(served, BOB) as bob:
        for session in (ann, ann, bob):
            assert await ask(session, "echo", "hello", conversation="a trip") == (False, "hello")
        assert (await turns(ANN, "a trip"), await turns(BOB, "a trip")) == (2, 1)
        assert await ask(ann, "echo", "hello") == (False, "hello")  # the default agent is not Ann's: she has her own
        assert await turns(ANN, "echo") == 1
        assert {tool.name for tool in (await ann.list_tools()).tools} == {"anns", "echo"}
        begun = await asyncio.gather(*(ask(ann, "echo", f"{n}", conversation="new") for n in range(4)))
        assert sorted(begun) == [(False, f"{n}") for n in range(4)]
        assert await turns(ANN, "new") == 4
        faulty = await ask(ann, "echo", "x", conversation="")
        assert faulty == (True, "expected the name of a conversation, 1 to 200 characters")


async def test_the_rest_routes_give_the_same_agents_and_conversations(served: OpenAiSite) -> None:
    await served.site.agent("echo", "own", owner="ann")

    @asynccontextmanager
    async def site(of: TokenSettings) -> AsyncIterator[Site]:
        headers = {"authorization": f"Bearer {of.token.get_secret_value()}"}
        async with aiohttp.ClientSession(headers=headers, response_class=Checked) as http:
            yield Site(served.site.server, http, served.site.settings)

    async with site(ANN) as ann, site(BOB) as bob:

        async def usable(after: str = "") -> list[str]:
            page = (await ann.json("GET", f"/agents?usable=true&limit=2{after}"))[1]["agents"]
            return [each["id"] for each in page]

        named = {"name": "a trip"}
        begun = [await ann.json("POST", "/agents/echo/conversations", body) for body in (named, {}, named, {})]
        assert begun[:2] == begun[2:]
        assert (await ann.json("POST", "/agents/own/conversations"))[1] == {"session_id": "own"}
        assert (await usable(), await usable("&after=echo")) == (["anns", "echo"], ["own"])
        status, refused = await ann.json("POST", "/agents/own/conversations", named)
        words = "expected the id of a configured agent that you may use, got 'own'"
        assert (status, refused["error"]["message"]) == (404, words)
        assert (await bob.json("GET", f"/sessions/{begun[0][1]['session_id']}"))[0] == 404
        assert (await bob.json("POST", "/agents/echo/conversations", named))[1] != begun[0][1]


@pytest.mark.parametrize("later", [False, True])
async def test_a_cancelled_call_cancels_its_turn_and_other_calls_go_on(served: OpenAiSite, later: bool) -> None:
    pid = find_agent("slow")
    assert pid is not None
    async with client(served, later=later) as session, Mailbox() as events:
        agent.subscribe(pid)
        call = asyncio.create_task(session.call_tool("slow", {"message": "go"}))
        while not isinstance(await events.receive(), StreamToken):
            pass
        assert await ask(session, "echo", "meanwhile") == (False, "meanwhile")
        call.cancel()
        while not isinstance(event := await events.receive(), StreamError):
            pass
        assert isinstance(event.reason, Cancelled)


async def test_progress_comes_while_the_agent_streams(served: OpenAiSite) -> None:
    served.app.take(
        served.site.settings.model_copy(
            update={"gateway": served.site.settings.gateway.model_copy(update={"heartbeat": 20})}
        )
    )
    steps: asyncio.Queue[str | None] = asyncio.Queue()

    async def report(progress: float, total: float | None, message: str | None) -> None:
        steps.put_nowait(message)

    async with client(served) as session:
        own = await session.call_tool("weather", {"message": "own"}, progress_callback=report)
        assert isinstance(own.content[0], TextContent)
        assert own.content[0].text.endswith("It is 42.")
        seen = [steps.get_nowait() for _ in range(steps.qsize())]
        assert "calls calculator" in seen
        call = asyncio.create_task(session.call_tool("slow", {"message": "go"}, progress_callback=report))
        while await steps.get() != "runs, 7 characters so far":
            pass
        call.cancel()


async def test_a_session_is_unknown_to_other_users_and_ends_with_its_process(served: OpenAiSite) -> None:
    begin = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    accept = "application/json, text/event-stream"

    async def post(of: TokenSettings, body: Any, **more: str) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {of.token.get_secret_value()}", "accept": accept, **more}
        async with served.site.http.post(f"{served.site.url}/mcp", json=body, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers.get("mcp-session-id", "")

    status, id_ = await post(ANN, begin)
    assert status == 200
    assert id_
    own = {"mcp-session-id": id_}
    assert (await post(ANN, ping, **own))[0] == 200
    assert (await post(BOB, ping, **own))[0] == 404
    process = whereis("mcp_endpoint:ann")
    assert process is not None
    send_exit(process, KILL)
    await ended(process)
    assert (await post(ANN, ping, **own))[0] == 404
    assert (await post(ANN, begin))[0] == 200


async def test_the_path_is_guarded_as_every_route(served: OpenAiSite) -> None:
    url, http = f"{served.site.url}/mcp", served.site.http
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    bearer = {"authorization": f"Bearer {VIEWER.token.get_secret_value()}"}
    for headers, status in [
        ({"authorization": "Bearer wrong"}, 401),
        (bearer, 403),  # it lacks the scope chat
        ({"host": "attacker.example"}, 421),
        ({"origin": "https://attacker.example"}, 403),
        ({"content-type": "text/plain"}, 415),
    ]:
        async with http.post(url, json=body, headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"].keys()) == (status, {"type", "message"})
    async with http.post(url, json={**body, "params": {"x": "y" * 200_000}}) as answer:
        assert answer.status == 413
    async with http.get(url, headers={"accept": "text/event-stream"}) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST, DELETE")


async def test_a_mounted_gateway_answers_below_its_path(served: OpenAiSite) -> None:
    outer = Starlette(routes=[Mount("/inner", served.app)])
    async with (
        serving(outer, served.site.settings) as server,
        client(served, url=f"http://127.0.0.1:{server.port}/inner/mcp/") as session,
    ):
        assert await ask(session, "echo", "x") == (False, "x")


async def test_a_revoked_token_ends_the_call_and_not_the_turn(served: OpenAiSite) -> None:
    settings = served.site.settings
    async with client(served, ANN) as session:
        steps: asyncio.Queue[str | None] = asyncio.Queue()
        assert await ask(session, "anns", "x") == (False, "x")
        slow = settings.model_copy(
            update={"gateway": settings.gateway.model_copy(update={"default_agent": "slow", "heartbeat": 20})}
        )
        served.app.take(slow)

        async def report(progress: float, total: float | None, message: str | None) -> None:
            steps.put_nowait(message)

        call = asyncio.create_task(session.call_tool("slow", {"message": "x"}, progress_callback=report))
        while await steps.get() != "runs, 7 characters so far":
            pass
        served.app.take(slow.model_copy(update={"gateway": slow.gateway.model_copy(update={"tokens": (BOB,)})}))
        answer: Any = await call
        words = "the token was revoked; the turn continues without this client"
        assert (answer.is_error, answer.content[0].text) == (True, words)
