"""Tickets in an address: for one path, one page, and a short time. S04, S05, S07, S10, S14 of docs/faults.md."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from agents.gateway import Gateway, LiveSessions
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.credentials import TICKETS
from agents.gateway.guard.origin import Host, Origin
from agents.gateway.guard.place import Place
from agents.gateway.guard.tickets import REMEMBERED, Tickets, Unknown
from agents.settings import Scope
from tests.agents.gateway.site import TOKEN, Site, events
from tests.agents.gateway.users import ANN, BOB, READ, House, house, token
from tests.waiting import eventually

PAGE, OTHER = "https://page.test", "https://other.test"
READER = token("reader", "ann", READ)
USED = "this ticket was used: request a new one"


@pytest.fixture
async def of() -> AsyncIterator[House]:
    async with house([ANN, BOB, READER]) as running:
        listed = running.site.settings.gateway.model_copy(update={"allowed_origins": (PAGE, OTHER)})
        running.site.settings = running.site.settings.model_copy(update={"gateway": listed})
        running.app.take(running.site.settings)
        yield running


async def ticket(site: Site, origin: str | None = PAGE, **body: Any) -> str:
    headers = {} if origin is None else {"origin": origin}
    status, answer = await site.json("POST", "/tickets", body, headers=headers)
    assert (status, answer["expires_in"]) == (201, 600 if body else 30)
    return str(answer["ticket"])


async def opened(site: Site, query: str, origin: str | None = PAGE) -> tuple[int, str]:
    """Return the status of an upgrade, and the refusal."""
    headers = {} if origin is None else {"origin": origin}
    async with (
        aiohttp.ClientSession() as page,
        page.get(f"{site.url}/ws?{query}", headers={**headers, **UPGRADE}) as response,
    ):
        return response.status, "" if response.status == 101 else (await response.json())["error"]["message"]


UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


async def read(site: Site, stream_id: str, ticket: str, origin: str | None = PAGE, **more: str) -> tuple[int, str]:
    headers = {**({} if origin is None else {"origin": origin}), **more}
    url = f"{site.url}/streams/{stream_id}/events?ticket={ticket}"
    async with aiohttp.ClientSession() as page, page.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_a_ticket_opens_one_socket_with_the_rights_of_its_token(of: House) -> None:
    async with of.client(READER) as reader, aiohttp.ClientSession() as page:
        url = f"{of.site.url}/ws?ticket={await ticket(reader)}"
        async with page.ws_connect(url, headers={"origin": PAGE}) as socket:
            await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": "x"})
            assert (await socket.receive_json(timeout=30))["code"] == "forbidden"
            await socket.send_json({"action": "subscribe", "stream_id": "none"})
            assert (await socket.receive_json(timeout=30))["code"] == "stream_not_found"
        assert await opened(of.site, url.partition("?")[2]) == (401, USED)


async def test_of_two_simultaneous_uses_one_succeeds(of: House) -> None:
    query = f"ticket={await ticket(of.site)}"
    assert sorted(status for status, _ in await asyncio.gather(*(opened(of.site, query) for _ in range(8)))) == [
        101,
        *[401] * 7,
    ]


@pytest.mark.parametrize("origin", [OTHER, None, "SITE"])
async def test_a_ticket_is_refused_to_another_origin_and_stays_valid_for_its_own(of: House, origin: str | None) -> None:
    query = f"ticket={await ticket(of.site)}"
    other = of.site.url if origin == "SITE" else origin
    refused = (401, "expected a ticket of this page, got one of another origin")
    assert await opened(of.site, query, other) == refused
    assert (await opened(of.site, query))[0] == 101


async def test_a_ticket_without_an_origin_belongs_to_the_first_page_that_uses_it(of: House) -> None:
    await of.site.agent("echo")
    await of.site.stream("a", "one two", stream_id="s")
    given = await ticket(of.site, None, stream_id="s")
    assert (await read(of.site, "s", given, OTHER))[0] == 200
    assert (await read(of.site, "s", given, PAGE))[0] == 401
    assert (await read(of.site, "s", given, OTHER, **{"last-event-id": "1"}))[0] == 200


async def test_a_page_of_the_gateways_own_needs_no_origin_to_read(of: House) -> None:
    """A browser sends no Origin with a read of the same origin, but always with the POST that made the ticket."""
    await of.site.agent("echo")
    await of.site.stream("a", "one two", stream_id="s")
    given = await ticket(of.site, of.site.url, stream_id="s")
    assert (await read(of.site, "s", given, None))[0] == 200
    assert (await read(of.site, "s", given, None, **{"sec-fetch-site": "same-site"}))[0] == 401


async def test_a_ticket_of_a_stream_reads_it_again_and_again_until_its_end_is_read(of: House) -> None:
    async with of.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a1", "model": "slow"})
        asked = {"message": "go", "stream_id": "s"}
        async with ann.http.post(f"{ann.url}/agents/a1/stream", json=asked) as response:
            async for event in events(response):
                if event.id == 2:
                    break
        given = await ticket(ann, stream_id="s")
        url = f"{of.site.url}/streams/s/events?ticket={given}"
        for _ in range(3):  # a connection that breaks, and EventSource's next attempt with the same address
            async with aiohttp.ClientSession(headers={"origin": PAGE}) as page, page.get(url) as response:
                assert (await anext(events(response))).name == "start"
        await ann.json("POST", "/streams/s/cancel")
        status, text = await read(of.site, "s", given)
        assert (status, "event: error" in text) == (200, True)
        last = text.rpartition("id: ")[2].partition("\n")[0]
        assert (await read(of.site, "s", given, **{"last-event-id": last}))[0] == 204
        status, text = await read(of.site, "s", given)
        assert (status, USED in text) == (401, True)


async def test_nothing_else_takes_a_ticket(of: House) -> None:
    await of.site.agent("echo")
    await of.site.stream("a", "one two", stream_id="s")
    await of.site.stream("a", "one two", stream_id="other")
    sockets, streams = await ticket(of.site, None), await ticket(of.site, None, stream_id="s")
    async with aiohttp.ClientSession() as page:
        for method, path in [
            ("GET", "/agents"),
            ("GET", "/streams/s"),
            ("POST", "/streams/s/cancel"),
            ("HEAD", "/streams/s/events"),
            ("POST", "/streams/s/events"),
            ("POST", "/tickets"),
            ("GET", "/me"),
        ]:
            for each in (sockets, streams):
                async with page.request(method, f"{of.site.url}{path}?ticket={each}") as response:
                    assert response.status == 401, (method, path)
    for path, secret, at in [("s", sockets, "/ws"), ("other", streams, "/streams/s/events")]:
        status, text = await read(of.site, path, secret, None)
        assert (status, f"expected a ticket for this path, got one for {at}" in text) == (401, True)
    assert (await opened(of.site, f"ticket={streams}", None))[0] == 401
    assert (await opened(of.site, f"ticket={sockets}&ticket={sockets}", None))[0] == 401
    status, _ = await of.site.json("POST", "/login", {"code": sockets})
    assert status == 401
    assert (await opened(of.site, f"ticket={sockets}", None))[0] == 101


async def test_the_tickets_of_a_revoked_token_are_revoked(of: House) -> None:
    async with of.client(ANN) as ann, aiohttp.ClientSession() as page:
        first, second = await ticket(ann), await ticket(ann)
        async with page.ws_connect(f"{of.site.url}/ws?ticket={first}", headers={"origin": PAGE}) as socket:
            of.tokens(BOB)
            assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008
        refused = (401, "the token of this ticket was revoked: use another token")
        assert await opened(of.site, f"ticket={second}") == refused
        of.tokens(ANN, BOB)
        assert await opened(of.site, f"ticket={second}") == refused


async def test_a_reload_with_the_same_token_keeps_its_tickets(of: House) -> None:
    async with of.client(ANN) as ann:
        given = await ticket(ann)
        of.tokens(ANN)
        assert (await opened(of.site, f"ticket={given}"))[0] == 101


async def test_a_user_has_a_limit_of_live_tickets_and_other_users_their_own(of: House) -> None:
    async with of.client(ANN) as ann, of.client(READER) as also_ann, of.client(BOB) as bob:
        for _ in range(TICKETS):
            given = await ticket(ann)
        for each in (ann, also_ann):
            async with each.http.post(f"{each.url}/tickets", json={}) as response:
                assert response.status == 429
                assert 0 < int(response.headers["retry-after"]) <= 30
        await ticket(bob)
        assert (await opened(of.site, f"ticket={given}"))[0] == 101
        await ticket(also_ann)


@pytest.mark.parametrize("body", [{"stream_id": "a/b"}, {"stream_id": 3}, {"colour": "red"}, []])
async def test_a_faulty_request_for_a_ticket_is_one_line(of: House, body: Any) -> None:
    status, answer = await of.site.json("POST", "/tickets", body)
    assert (status, answer["error"]["message"].count("\n")) == (422, 0)


async def test_many_wrong_tickets_get_429_and_valid_ones_do_not(of: House) -> None:
    given = await ticket(of.site)
    found = {await opened(of.site, f"ticket={'w' * 43}") for _ in range(30)}
    assert found == {
        (401, "expected one ticket of this daemon, got another"),
        (429, "too many failed tokens from this address: retry in one second"),
    }
    assert (await opened(of.site, f"ticket={given}"))[0] == 101


async def test_a_header_counts_alone_and_leaves_the_ticket(of: House) -> None:
    given = await ticket(of.site)
    async with aiohttp.ClientSession() as page:
        url, wrong = f"{of.site.url}/ws?ticket={given}", {"authorization": "Bearer wrong", "origin": PAGE}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.ws_connect(url, headers=wrong)
        assert refused.value.status == 401
    assert (await opened(of.site, f"ticket={given}"))[0] == 101


async def test_a_ticket_is_in_no_log_also_not_in_a_hosts_own_access_log(
    of: House, caplog: pytest.LogCaptureFixture
) -> None:
    await of.site.agent("echo")
    await of.site.stream("a", "one two", stream_id="s")
    host = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    host.mount("/inner", Gateway(of.site.settings, LiveSessions(), TOKEN))
    server = uvicorn.Server(uvicorn.Config(host, port=0, log_config=None, log_level="info", lifespan="off"))
    with caplog.at_level("DEBUG"), caplog.at_level("INFO", "uvicorn.access"), caplog.at_level("INFO", "uvicorn.error"):
        task = asyncio.create_task(server.serve())
        await eventually(lambda: server.started, what="a server that listens")  # uvicorn has no event for it
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/inner"
        bearer = {"authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{url}/tickets", json={"stream_id": "s"}, headers=bearer) as response:
                streams = (await response.json())["ticket"]
            async with http.post(f"{url}/tickets", json={}, headers=bearer) as response:
                sockets = (await response.json())["ticket"]
            async with http.get(f"{url}/streams/s/events?after=0&ticket={streams}") as response:
                assert response.status == 200
                assert b"complete" in await response.read()
            async with http.get(f"{url}/streams/none/events?ticket={streams}") as response:
                assert response.status == 401
            async with http.ws_connect(f"{url}/ws?ticket={sockets}") as socket:
                await socket.send_json({"action": "ping"})
                assert (await socket.receive_json(timeout=30))["type"] == "pong"
            assert (await opened(of.site, f"ticket={sockets}"))[0] == 401
        server.should_exit = True
        await task
    lines = [each.getMessage() for each in caplog.records if each.name.startswith(("uvicorn.access", "understudy"))]
    assert any("/inner/streams/s/events?after=0" in line for line in lines)
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith(("aiohttp", "asyncio"))]
    assert not [line for line in ours if streams in line or sockets in line]


# The tickets themselves, by a clock of the test


PAGE_A = Place("http", Host("localhost", 8765), Origin("https", "a.test", 443), listed=True, other_page=True)
ANNS = Caller("ann", "ann", [Scope.READ])


def clock() -> tuple[list[float], Tickets]:
    now_s = [0.0]
    return now_s, Tickets("ticket", 3, lambda: now_s[0])


def fault(tickets: Tickets, secret: str, path: str = "/ws") -> str:
    with pytest.raises(Refusal) as refused:
        tickets.use(secret, path, PAGE_A)
    assert refused.value.status == 401
    return refused.value.message


@pytest.mark.parametrize("once", [True, False])
def test_a_ticket_ends_with_its_time(once: bool) -> None:
    now_s, tickets = clock()
    in_time, late = (tickets.issue(ANNS, "/ws", 30, once=once) for _ in range(2))
    now_s[0] = 29.9
    assert tickets.use(in_time, "/ws", PAGE_A).caller is ANNS
    now_s[0] = 30.0
    assert fault(tickets, late) == "this ticket has expired: request a new one"
    tickets.issue(ANNS, "/ws", 30)


def test_a_limit_of_live_tickets_ends_when_one_has_expired() -> None:
    now_s, tickets = clock()
    for _ in range(3):
        tickets.issue(ANNS, "/ws", 30)
        now_s[0] += 1
    with pytest.raises(Refusal, match="at most 3 tickets of one user") as refused:
        tickets.issue(ANNS, "/ws", 30)
    assert refused.value.retry_after_s == 27
    now_s[0] = 30.0
    tickets.issue(ANNS, "/ws", 30)


def test_tickets_that_are_over_are_forgotten_in_the_end() -> None:
    _, tickets = clock()
    first = tickets.issue(ANNS, "/ws", 30)
    tickets.use(first, "/ws", PAGE_A)
    assert fault(tickets, first) == USED
    for _ in range(REMEMBERED + 1):
        tickets.use(tickets.issue(ANNS, "/ws", 30), "/ws", PAGE_A)
    with pytest.raises(Unknown):
        tickets.use(first, "/ws", PAGE_A)


@given(st.text())
def test_no_other_text_is_a_ticket(text: str) -> None:
    _, tickets = clock()
    secret = tickets.issue(ANNS, "/ws", 30)
    for each in (text, secret + text, secret[:-1] + text, secret[:-1]):
        if each != secret:
            with pytest.raises(Unknown):
                tickets.use(each, "/ws", PAGE_A)
    assert len(secret) == 43
