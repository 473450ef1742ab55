"""Admission: every route and method with and without a token, and every request that a foreign page could send."""

import base64
import io
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fastapi import FastAPI
from starlette.types import Message

from agents.gateway import Gateway, LiveSessions, serving
from agents.settings import GatewaySettings, Settings
from tests.agents.gateway.raw import connected, request
from tests.agents.gateway.site import TOKEN, Site

GATEWAY = GatewaySettings(
    port=0, max_body_bytes=1000, allowed_hosts=("agents.test",), allowed_origins=("https://page.test",)
)

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]
PATHS = sorted(
    {
        path.replace("{agent_id}", "a").replace("{stream_id}", "s").replace("{session_id}", "a").replace("{mid}", "m")
        for path in Gateway(Settings(), LiveSessions(), TOKEN).app.openapi()["paths"]
    }
    - {"/healthz"}
    | {"/ws", "/nothing", "//", "//healthz", "/healthz/", "/healthz/../agents", "/HEALTHZ"}
)

REFUSED = {
    "none": {},
    "wrong": {"authorization": "Bearer " + "w" * 43},
    "truncated": {"authorization": f"Bearer {TOKEN[:-1]}"},
    "longer": {"authorization": f"Bearer {TOKEN}t"},
    "empty": {"authorization": "Bearer "},
    "bare": {"authorization": TOKEN},
    "password": {"authorization": "Basic " + base64.b64encode(f"x:{TOKEN}".encode()).decode()},
    "cookie": {"cookie": f"token={TOKEN}"},
}


def test_the_table_has_every_route() -> None:
    assert len(PATHS) > 25
    assert {"/agents/a/stream", "/me", "/logout", "/tickets", "/login/codes"} <= set(PATHS)


@pytest.mark.parametrize("credentials", REFUSED)
async def test_without_the_token_no_method_of_any_route_answers(site: Site, credentials: str) -> None:
    await site.agent("echo")
    pages = {"/docs", "/openapi.json"} if credentials == "password" else set()
    logins = {("POST", "/login")}  # its own tests are in test_login.py
    async with aiohttp.ClientSession(headers=REFUSED[credentials]) as stranger:
        for path in PATHS:
            for method in METHODS:
                if (path in pages and method in ("GET", "HEAD", "OPTIONS")) or (method, path) in logins:
                    continue
                for query in ("", f"?token={TOKEN}&access_token={TOKEN}"):
                    async with stranger.request(method, site.url + path + query, json={"message": "x"}) as response:
                        assert response.status in (401, 429), (method, path)
                        text = await response.text()
                        assert TOKEN not in text
                        assert not text or set(await response.json()) == {"error"}
    assert (await site.json("GET", "/agents/a"))[1]["streams"] == []


async def test_with_the_token_no_request_is_unauthorized(site: Site) -> None:
    await site.agent("echo")
    for path in reversed(PATHS):  # so the agent is resumed soon after it is suspended: it answers nothing in between
        for method in METHODS:
            if method != "DELETE" and (method, path) != ("POST", "/login"):
                async with site.http.request(method, site.url + path, json={"message": "x"}) as response:
                    assert response.status not in (401, 403, 429, 500), (method, path)


async def test_health_is_a_constant_for_everyone(site: Site) -> None:
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(f"{site.url}/healthz") as response:
            assert (response.status, await response.json()) == (200, {"status": "ok"})
        async with stranger.head(f"{site.url}/healthz") as response:
            assert response.status == 200
        for method in set(METHODS) - {"GET", "HEAD"}:
            async with stranger.request(method, f"{site.url}/healthz") as response:
                assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


async def test_an_upgrade_without_the_token_is_refused_like_a_request(site: Site) -> None:
    async with aiohttp.ClientSession() as stranger:
        for headers in (*REFUSED.values(), {"sec-websocket-protocol": TOKEN}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stranger.ws_connect(f"{site.url}/ws?token={TOKEN}", headers=headers)
            assert refused.value.status in (401, 429)


async def test_the_pages_for_people_accept_the_token_as_a_password(site: Site) -> None:
    async with aiohttp.ClientSession() as browser:
        async with browser.get(f"{site.url}/docs") as response:
            assert response.headers["www-authenticate"].startswith("Basic")
        for password, status in ((TOKEN, 200), ("x", 401)):
            headers = {"authorization": "Basic " + base64.b64encode(f"understudy:{password}".encode()).decode()}
            async with browser.get(f"{site.url}/docs", headers=headers) as response:
                assert response.status == status
        async with browser.get(f"{site.url}/agents") as response:
            assert response.headers["www-authenticate"] == "Bearer"


async def test_many_wrong_tokens_get_429_and_valid_ones_do_not(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    wrong = {"authorization": "Bearer " + "w" * 43}
    with caplog.at_level(logging.WARNING, "understudy.gateway"):
        statuses = []
        for _ in range(200):
            async with site.http.get(f"{site.url}/agents", headers=wrong) as response:
                statuses.append(response.status)
        assert (await site.json("GET", "/agents"))[0] == 200
    assert statuses[0] == 401
    assert 429 in statuses
    assert "wrong_tokens_refused" in caplog.text
    assert "127.0.0.1" in caplog.text
    assert "w" * 43 not in caplog.text
    assert TOKEN not in caplog.text


async def test_two_tokens_in_one_request_are_refused(site: Site) -> None:
    async with connected(site) as raw:
        raw.writer.write(request("GET", "/agents", f"Authorization: Bearer {TOKEN}", host=f"localhost:{site.port}"))
        assert await raw.status() == 401


# Host and Origin


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:PORT", 200),
        ("127.0.0.1:PORT", 200),
        ("[::1]:PORT", 200),
        ("agents.test:PORT", 200),
        ("attacker.test:PORT", 421),
        ("localhost.attacker.test:PORT", 421),
        ("localhost:1", 421),
        ("localhost", 421),
        ("localhost:PORT@attacker.test", 400),
        ("", 400),
    ],
)
async def test_a_request_names_a_host_that_is_served_here(site: Site, host: str, status: int) -> None:
    async with connected(site) as raw:
        raw.writer.write(f"GET /agents HTTP/1.1\r\nHost: {host.replace('PORT', str(site.port))}\r\n".encode())
        raw.writer.write(f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert await raw.status() == status


async def test_a_refused_host_and_a_refused_origin_are_named(site: Site) -> None:
    _, refused = await site.json("GET", "/agents", headers={"host": "Agents.Test"})
    assert "got agents.test with the port 80: see allowed_hosts" in refused["error"]["message"]
    for origin, got in (("https://other.test", "https://other.test"), ("null", "another text")):
        _, refused = await site.json("GET", "/agents", headers={"origin": origin})
        assert f"got {got}: see allowed_origins" in refused["error"]["message"]


@pytest.mark.parametrize("hosts", [[], ["localhost:PORT", "localhost:PORT"]])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_request_has_one_host(site: Site, hosts: list[str], version: str) -> None:
    lines = [f"Host: {host.replace('PORT', str(site.port))}\r\n" for host in hosts]
    async with connected(site) as raw:
        raw.writer.write(
            f"GET /agents HTTP/{version}\r\n{''.join(lines)}Authorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        assert await raw.status() == 400


FOREIGN = ["http://attacker.test", "null", "http://localhost:1", "https://page.test.evil.test", "https://page.test/"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_gets_nothing_by_http_or_websocket(site: Site, origin: str) -> None:
    headers = {"origin": origin}
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        more = {"access-control-request-method": "POST"} if method == "OPTIONS" else {}
        async with site.http.request(method, f"{site.url}/agents", headers={**headers, **more}, json={}) as response:
            assert response.status == 403
            assert "access-control-allow-origin" not in response.headers
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.http.ws_connect(f"{site.url}/ws", headers=headers)
    assert refused.value.status == 403


async def test_allowed_and_own_origins_are_admitted(site: Site) -> None:
    for origin in ("https://page.test", site.url, f"http://localhost:{site.port}"):
        assert (await site.json("GET", "/agents", headers={"origin": origin}))[0] == 200
        async with site.http.ws_connect(f"{site.url}/ws", headers={"origin": origin}):
            pass


async def test_an_upgrade_for_another_host_is_refused(site: Site) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.http.ws_connect(f"{site.url}/ws", headers={"host": f"attacker.test:{site.port}"})
    assert refused.value.status == 421


# Bodies


KINDS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "TEXT/PLAIN; charset=x"]


@pytest.mark.parametrize("kind", [*KINDS, "", "application/jsonx", "application/octet-stream"])
async def test_a_write_with_a_body_is_json(site: Site, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    skip = () if kind else ("content-type",)
    path = f"{site.url}/agents"
    async with site.http.post(path, data=b"{}", headers=headers, skip_auto_headers=skip) as response:
        assert response.status == 415


WRITES = ("DELETE /agents/a", "POST /streams/none/cancel", "POST /message/stream/m/create", "DELETE /sessions/none")


@pytest.mark.parametrize("length", [(), ("Content-Length: 0",), ("Transfer-Encoding: chunked",)])
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_without_a_body_needs_no_content_type(site: Site, write: str, length: tuple[str, ...]) -> None:
    await site.agent("echo")
    method, path = write.split()
    async with connected(site) as raw:
        raw.writer.write(request(method, path, *length, host=f"localhost:{site.port}"))
        raw.writer.write(b"0\r\n\r\n" if "chunked" in str(length) else b"")
        assert (await raw.status() == 415) == ("chunked" in str(length))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_form_is_refused_even_if_it_is_empty(site: Site, kind: str) -> None:
    await site.agent("echo")
    for length in ((), ("Content-Length: 0",)):
        async with connected(site) as raw:
            lines = (f"Content-Type: {kind}", *length)
            raw.writer.write(request("DELETE", "/agents/a", *lines, host=f"localhost:{site.port}"))
            assert await raw.status() == 415
    assert (await site.json("GET", "/agents/a"))[0] == 200


async def test_a_body_in_chunks_without_a_content_type_is_refused(site: Site) -> None:
    async with connected(site) as raw:
        head = request("POST", "/agents", "Transfer-Encoding: chunked", host=f"localhost:{site.port}")
        raw.writer.write(head + b'11\r\n{"model": "echo"}\r\n0\r\n\r\n')
        assert await raw.status() == 415
    assert (await site.json("GET", "/agents"))[1] == {"agents": []}


@pytest.mark.parametrize(("kind", "status"), [((), 415), (("text/plain",), 415), (("application/json",), 201)])
async def test_a_body_that_no_header_announces_is_held_to_the_same_rule(
    site: Site, kind: tuple[str, ...], status: int
) -> None:
    """Send a body as a server of HTTP/2 may give it to a mounted gateway."""
    app = Gateway(site.settings, LiveSessions(), TOKEN)
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {TOKEN}".encode())]
    headers += [(b"content-type", each.encode()) for each in kind]
    place = {"method": "POST", "scheme": "http", "path": "/agents", "query_string": b""}
    sent: list[Any] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"model": "echo"}', "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "headers": headers, **place}, receive, send)
    assert sent[0]["status"] == status


async def test_json_can_name_its_charset_and_can_not_be_compressed(site: Site) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    async with site.http.post(f"{site.url}/agents", data=b'{"model": "echo"}', headers=headers) as response:
        assert response.status == 201
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    async with site.http.post(f"{site.url}/agents", data=b"{}", headers=headers) as response:
        assert response.status == 415


@pytest.mark.parametrize(("size", "status"), [(999, 422), (1000, 422), (1001, 413), (3_000_000, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_limit(site: Site, size: int, status: int, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        left = size
        while left:
            piece = min(left, 700)
            yield b" " * piece
            left -= piece

    data = pieces() if chunked else io.BytesIO(b" " * size)
    headers = {"content-type": "application/json"}
    async with site.http.post(f"{site.url}/agents", data=data, headers=headers) as response:
        assert response.status == status
        assert (await response.json())["error"]["message"]


async def test_a_refused_body_ends_its_connection(site: Site) -> None:
    async with connected(site) as raw:
        head = request("POST", "/agents", "Content-Length: 999999999", host=f"localhost:{site.port}", token="no")
        raw.writer.write(head)
        answer = await raw.rest()
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()


# Mounted in a host's own app


async def test_a_mounted_gateway_is_guarded_like_a_served_one(site: Site) -> None:
    await site.agent("echo")
    host = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    host.mount("/inner", Gateway(site.settings, LiveSessions(), TOKEN))

    @host.get("/outer")
    async def outer() -> str:
        return "the host's own"

    async with serving(host, site.settings) as served, aiohttp.ClientSession() as stranger:
        url = f"http://127.0.0.1:{served.port}"
        async with stranger.get(f"{url}/outer") as response:
            assert response.status == 200
        async with stranger.get(f"{url}/inner/healthz") as response:
            assert response.status == 200
        for path in ("/inner/agents", "/inner/docs", "/inner/openapi.json", "/inner/nothing"):
            async with stranger.get(url + path) as response:
                assert response.status == 401, path
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stranger.ws_connect(f"{url}/inner/ws")
        mounted = Site(served, site.http, site.settings)
        mounted.url += "/inner"
        assert (await mounted.stream("a", "one two"))[-1].data["content"] == "one two"
        async with mounted.socket() as socket:
            await socket.send_json({"action": "ping"})
            assert await socket.receive_json(timeout=30) == {"type": "pong"}


async def test_the_token_is_in_no_log_and_no_error(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await site.json("GET", f"/agents?x={TOKEN}")
        await site.json("GET", "/streams/none/events", headers={"last-event-id": "x"})
        async with site.http.ws_connect(f"{site.url}/ws?token={TOKEN}") as socket:
            await socket.send_str("{")
            await socket.receive_json(timeout=30)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("aiohttp", "asyncio"))]
    assert not [line for line in ours if TOKEN in line]
