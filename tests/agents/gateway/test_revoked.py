"""Tokens that are added, changed and removed while the gateway runs."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from actors.kernel.process import Process
from actors.system.current import current_system
from agents.settings import GatewaySettings, Scope, TokenSettings
from tests.agents.gateway.site import TOKEN, Site, events, parsed
from tests.agents.gateway.users import ANN, BOB, House, house, token


@pytest.fixture
async def of() -> AsyncIterator[House]:
    async with house([ANN, BOB]) as running:
        yield running


async def slow_stream(site: Site, id_: str = "a1") -> aiohttp.ClientResponse:
    """Return the stream of a running turn that waits until it is cancelled."""
    await site.json("POST", "/agents", {"id": id_, "model": "slow"})
    return await site.http.post(f"{site.url}/agents/{id_}/stream", json={"message": "go", "stream_id": f"s-{id_}"})


async def up_to(response: aiohttp.ClientResponse, seq: int) -> None:
    async for event in events(response):
        if event.id == seq:
            return


async def test_a_token_is_valid_from_its_reload_until_its_removal(of: House) -> None:
    eve = token("eve", "eve", Scope.READ)
    async with of.client(eve) as client:
        assert (await client.json("GET", "/agents"))[0] == 401
        of.tokens(ANN, eve)
        assert (await client.json("GET", "/agents"))[0] == 200
        of.tokens(ANN)
        assert (await client.json("GET", "/agents"))[0] == 401
    assert (await of.site.json("GET", "/agents"))[0] == 200


async def test_an_open_stream_of_a_revoked_token_is_cut_and_continues_without_its_client(of: House) -> None:
    async with of.client(ANN) as ann:
        response = await slow_stream(ann)
        reading = events(response)
        while (await anext(reading)).id != 3:
            pass
        of.tokens(BOB)
        rest = [event async for event in reading]
        assert (rest[-1].name, rest[-1].id, rest[-1].data["code"]) == ("cut", None, "token_revoked")
        assert response.content.at_eof()  # an end, not an abort
    assert (await of.site.json("GET", "/streams/s-a1"))[1]["status"] == "running"


async def test_an_open_stream_of_an_alias_is_cut_as_well(of: House) -> None:
    async with of.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a1", "model": "slow"})
        asked = {"query": "go", "session_id": "a1"}
        response = await ann.http.post(f"{ann.url}/api/agent/chat/stream", json=asked)
        await response.content.readuntil(b"\n\n")
        of.tokens()
        *_, last, nothing = (await response.read()).split(b"\n\n")
    assert [each.data["code"] for each in parsed(last)] == ["token_revoked"]
    assert nothing == b""


async def test_an_open_socket_of_a_revoked_token_is_closed_with_1008(of: House) -> None:
    async with of.client(ANN) as ann, of.client(BOB) as bob, ann.socket() as anns, bob.socket() as bobs:
        await (await slow_stream(ann)).release()
        await anns.send_json({"action": "subscribe", "stream_id": "s-a1"})
        while (await anns.receive_json(timeout=30))["type"] != "token":
            pass
        of.tokens(BOB)
        while not (message := await anns.receive(timeout=30)).type.name.startswith("CLOS"):
            assert message.type is aiohttp.WSMsgType.TEXT
        assert anns.close_code == 1008
        await bobs.send_json({"action": "ping"})
        assert await bobs.receive_json(timeout=30) == {"type": "pong"}


LONG = " ".join(f"word{number}" for number in range(1000))
PACED = f"""
[models.paced]
token_delay_s = 0.002
turns = [{{ steps = [{{ text = "{LONG}" }}] }}]
"""


def mailboxes() -> list[Process]:
    return [process for process in current_system().processes.values() if process.label == "mailbox"]


async def test_events_after_the_revocation_are_not_written_to_an_open_stream() -> None:
    async with house([ANN], script=PACED) as of, of.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a1", "model": "paced"})
        response = await ann.http.post(f"{ann.url}/agents/a1/stream", json={"message": "go"})
        await up_to(response, 3)
        open_ = len(mailboxes())
        of.tokens()
        assert len(mailboxes()) == open_ - 1  # that of the reader ends at once
        *_, last = [event async for event in events(response)]
        assert last.data["code"] == "token_revoked"


async def test_events_after_the_revocation_are_not_written_to_an_open_socket() -> None:
    async with house([ANN], script=PACED) as of, of.client(ANN) as ann, ann.socket() as socket:
        for id_ in ("a1", "a2"):
            await ann.json("POST", "/agents", {"id": id_, "model": "paced"})
            await socket.send_json({"action": "stream_chat", "agent_id": id_, "message": "go", "stream_id": f"s-{id_}"})
        while (await socket.receive_json(timeout=30)).get("stream_id") != "s-a2":
            pass
        open_ = len(mailboxes())
        of.tokens()
        assert len(mailboxes()) == open_ - 2
        while (message := await socket.receive(timeout=30)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 1008)


@pytest.mark.parametrize(
    "changed",
    [
        token("ann", "bob", Scope.READ, Scope.CHAT, Scope.APPROVE),
        token("ann", "ann", Scope.READ),
        ANN.model_copy(update={"name": "annette"}),
    ],
    ids=["user", "scopes", "name"],
)
async def test_a_changed_token_is_revoked_for_open_connections(of: House, changed: TokenSettings) -> None:
    async with of.client(ANN) as ann, ann.socket() as socket:
        of.tokens(changed, BOB)
        assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1008
        assert (await ann.json("GET", "/agents"))[0] == 200


async def test_connections_with_an_unchanged_token_stay_open(of: House) -> None:
    async with of.client(ANN) as ann, ann.socket() as socket, of.site.socket() as installs:
        response = await slow_stream(ann)
        await up_to(response, 3)
        of.tokens(token("eve", "eve", Scope.READ), ANN)
        for each in (socket, installs):
            await each.send_json({"action": "ping"})
            assert await each.receive_json(timeout=30) == {"type": "pong"}
        await ann.json("POST", "/streams/s-a1/cancel")
        assert [event.name async for event in events(response)][-1] == "error"


async def test_a_request_whose_token_is_revoked_meanwhile_is_refused(of: House) -> None:
    async with of.client(ANN) as ann:
        sent, go_on = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b'{"model": '
            sent.set()
            await go_on.wait()
            yield b'"echo"}'

        headers = {"content-type": "application/json"}
        asking = asyncio.create_task(ann.http.post(f"{ann.url}/agents", data=slowly(), headers=headers))
        await sent.wait()
        assert (await ann.json("GET", "/agents"))[0] == 200  # the earlier data has arrived
        of.tokens(BOB)
        go_on.set()
        async with await asking as response:
            assert response.status == 401
    assert (await of.site.json("GET", "/agents"))[1]["agents"] == []


async def test_a_compressed_stream_of_a_revoked_token_ends_complete() -> None:
    async with house([ANN]) as of:
        streaming = of.site.settings.streaming.model_copy(update={"enable_compression": True})
        of.app.take(of.site.settings.model_copy(update={"streaming": streaming}))
        async with of.client(ANN) as ann:
            await ann.json("POST", "/agents", {"id": "a1", "model": "slow"})
            raw = aiohttp.ClientSession(headers=ann.http.headers, auto_decompress=False)
            async with (
                raw,
                raw.post(
                    f"{ann.url}/agents/a1/stream", json={"message": "go"}, headers={"accept-encoding": "gzip"}
                ) as response,
            ):
                first = await response.content.readany()
                of.tokens()
                text = zlib.decompress(first + await response.read(), wbits=zlib.MAX_WBITS | 16)
    assert [each.data["code"] for each in parsed(text.split(b"\n\n")[-2])] == ["token_revoked"]


@pytest.mark.parametrize(
    ("tokens", "word"),
    [
        ([token("ann", "ann", Scope.READ), token("ann", "bob", Scope.READ)], "every name once"),
        ([ANN, ANN.model_copy(update={"name": "other"})], "every token once, got that of 'ann' again"),
        ([token("short", "ann", Scope.READ).model_copy(update={"token": ANN.token.__class__("s" * 42)})], "43 to 512"),
        ([ANN.model_copy(update={"token": ANN.token.__class__(TOKEN)})], "that of the token file"),
    ],
)
async def test_invalid_tokens_are_refused_and_the_old_ones_stay(
    of: House, tokens: list[TokenSettings], word: str
) -> None:
    with pytest.raises(ValueError, match=word) as refused:
        of.tokens(*tokens)
    assert "sss" not in str(refused.value)
    async with of.client(ANN) as ann:
        assert (await ann.json("GET", "/agents"))[0] == 200


def test_a_token_is_not_shown_by_its_settings() -> None:
    assert "ann---" not in repr(GatewaySettings(tokens=(ANN,)))
