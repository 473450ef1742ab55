"""A WebSocket whose first message has the token. S03, S05, S07 of docs/faults.md."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from agents.gateway.guard import first_message
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.users import ANN, BOB, READ, House, house, token

READER = token("reader", "ann", READ)
EXPECTED = 'expected {"action": "authenticate", "token": TOKEN} as the first message'


@pytest.fixture
async def of() -> AsyncIterator[House]:
    async with house([ANN, BOB, READER]) as running:
        yield running


@asynccontextmanager
async def page_socket(site: Site, path: str = "/ws") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a socket as a page does: with an Origin, and without a token."""
    async with (
        aiohttp.ClientSession() as page,
        page.ws_connect(site.url + path, headers={"origin": site.url}) as socket,
    ):
        yield socket


async def closed(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    message = await socket.receive(timeout=30)
    assert message.type is aiohttp.WSMsgType.CLOSE
    return socket.close_code, str(message.extra)


async def test_a_page_sends_its_token_as_the_first_message_and_has_its_rights(of: House) -> None:
    async with page_socket(of.site) as socket:
        await socket.send_json({"action": "authenticate", "token": READER.token.get_secret_value(), "ref": 7})
        assert await socket.receive_json(timeout=30) == {
            "type": "answer",
            "action": "authenticate",
            "data": {"user": "ann", "scopes": ["read"]},
            "ref": 7,
        }
        await socket.send_json({"action": "cancel", "stream_id": "none"})
        assert (await socket.receive_json(timeout=30))["code"] == "forbidden"
        of.tokens(ANN, BOB)
        assert (await closed(socket))[0] == 1008


async def test_messages_that_follow_at_once_are_handled_in_order(of: House) -> None:
    await of.site.agent("echo")
    async with page_socket(of.site, "/ws/") as socket:
        await socket.send_json({"action": "authenticate", "token": TOKEN})
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "one", "ref": 2})
        found: list[Any] = []
        while not found or found[-1]["type"] != "complete":
            found.append(await socket.receive_json(timeout=30))
        assert [each.get("action") for each in found[:2]] == ["authenticate", "stream_chat"]


@pytest.mark.parametrize(
    "first",
    [
        '{"action": "ping"}',
        '{"action": "authenticate"}',
        '{"action": "authenticate", "token": 3}',
        '{"action": "authenticate", "token": "x", "user": "ann"}',
        '{"action": "authenticate", "token": "\\ud800"}',
        "{",
        "[" * 3000,
        '{"action": "authenticate", "token": "' + "x" * 5000 + '"}',
    ],
)
async def test_another_first_message_is_refused_and_nothing_after_it_is_read(of: House, first: str) -> None:
    await of.site.agent("echo")
    async with page_socket(of.site) as socket:
        await socket.send_str(first)
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "x"})
        refused = await socket.receive_json(timeout=30)
        assert refused == {"type": "refused", "code": "unauthorized", "error": EXPECTED}
        assert await closed(socket) == (1008, EXPECTED)
    assert (await of.site.json("GET", "/agents/a"))[1]["streams"] == []


async def test_a_wrong_token_is_refused_and_counted(of: House) -> None:
    async def attempt() -> str:
        async with page_socket(of.site) as socket:
            await socket.send_json({"action": "authenticate", "token": "w" * 43, "ref": 1})
            refused = await socket.receive_json(timeout=30)
            assert (refused["action"], refused["ref"]) == ("authenticate", 1)
            assert await closed(socket) == (1008, refused["error"])
            return str(refused["code"])

    assert set(await asyncio.gather(*(attempt() for _ in range(30)))) == {"unauthorized", "too_many_requests"}


async def test_a_socket_that_sends_no_token_in_time_is_closed(of: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_message, "PATIENCE_S", 0.2)
    async with page_socket(of.site) as socket:
        assert (await socket.receive_json(timeout=30))["error"] == f"{EXPECTED} within 0.2 s"
        assert (await closed(socket))[0] == 1008


async def test_a_page_that_leaves_before_its_token_leaves_nothing_behind(of: House) -> None:
    async with page_socket(of.site):
        pass
    assert (await of.site.json("GET", "/agents"))[0] == 200


@pytest.mark.parametrize("origin", [None, "http://attacker.test", "null"])
async def test_only_a_page_that_may_call_can_send_its_token_later(of: House, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    async with aiohttp.ClientSession() as page:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.ws_connect(f"{of.site.url}/ws", headers=headers)
        assert refused.value.status == (401 if origin is None else 403)


@pytest.mark.parametrize("more", [{"authorization": "Bearer wrong"}, {"authorization": TOKEN}])
async def test_a_wrong_credential_is_refused_at_the_upgrade(of: House, more: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as page:
        for query, headers in ((f"?ticket={'w' * 43}", {}), ("", more)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await page.ws_connect(f"{of.site.url}/ws{query}", headers={"origin": of.site.url, **headers})
            assert refused.value.status == 401


async def test_another_path_is_no_socket(of: House) -> None:
    async with aiohttp.ClientSession() as page:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.ws_connect(f"{of.site.url}/agents", headers={"origin": of.site.url})
        assert refused.value.status == 401
