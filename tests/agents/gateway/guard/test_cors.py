"""Reads by the pages of allowed_origins, and by no others. S07, S09 of docs/faults.md."""

from collections.abc import Mapping

import aiohttp
import pytest
from fastapi import FastAPI

from agents.contract.sessions import SessionInfo
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.page_files import page_files
from agents.settings import GatewaySettings
from tests.agents.gateway.site import TOKEN, Site

GATEWAY = GatewaySettings(
    port=0, max_body_bytes=1000, allowed_origins=("https://page.test", "http://localhost:3000", "HTTP://[::1]:81")
)
MCP = "Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name"
LISTED = ["https://page.test", "http://localhost:3000", "http://[::1]:81"]
FOREIGN = ["https://page.test:444", "http://page.test", "http://localhost:3001", "null", "https://page.test.evil.test"]
EXPOSED = "X-Stream-Id, X-Request-Id, Mcp-Session-Id"
PREFLIGHT = {"access-control-request-method": "DELETE", "access-control-request-headers": "authorization"}
BEARER = {"authorization": f"Bearer {TOKEN}"}


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower().removeprefix("access-control-"): value
        for name, value in headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("origin", LISTED)
async def test_a_preflight_of_a_listed_origin_is_answered_without_a_token(site: Site, origin: str) -> None:
    for path in ("/agents", "/agents/a/stream", "/ws", "/nothing", "/", "/healthz", "/login"):
        async with (
            aiohttp.ClientSession() as page,
            page.options(site.url + path, headers={"origin": origin, **PREFLIGHT}) as response,
        ):
            assert (response.status, await response.read()) == (204, b""), path
            assert response.headers.getall("vary") == ["Origin"], path
            found = cors(response.headers)
        assert found == {
            "allow-origin": origin,
            "allow-methods": "GET, HEAD, POST, PATCH, DELETE",
            "allow-headers": f"Authorization, Content-Type, Last-Event-ID, {MCP}",
            "expose-headers": EXPOSED,
            "max-age": "600",
        }, path


async def test_a_preflight_to_a_private_address_is_answered(site: Site) -> None:
    asked = {"origin": LISTED[0], **PREFLIGHT, "access-control-request-private-network": "true"}
    async with aiohttp.ClientSession() as page, page.options(f"{site.url}/agents", headers=asked) as response:
        assert cors(response.headers)["allow-private-network"] == "true"


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_preflight_of_another_origin_gets_no_cors_header(site: Site, origin: str) -> None:
    async with (
        aiohttp.ClientSession() as page,
        page.options(f"{site.url}/agents", headers={"origin": origin, **PREFLIGHT}) as response,
    ):
        assert (response.status, cors(response.headers)) == (403, {})
        assert response.headers.getall("vary") == ["Origin"]


async def test_a_preflight_for_another_host_is_refused_first(site: Site) -> None:
    asked = {"origin": LISTED[0], **PREFLIGHT, "host": f"attacker.test:{site.port}"}
    async with aiohttp.ClientSession() as page, page.options(f"{site.url}/agents", headers=asked) as response:
        assert (response.status, cors(response.headers)) == (421, {})


async def test_only_a_preflight_needs_no_token(site: Site) -> None:
    for headers in ({"origin": LISTED[0]}, PREFLIGHT, {"origin": site.url, **PREFLIGHT}):
        async with (
            aiohttp.ClientSession() as page,
            page.options(f"{site.url}/agents", headers=headers) as response,
        ):
            assert response.status == 401


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/agents", BEARER, 200),
        ("GET", "/healthz", {}, 200),
        ("GET", "/agents", {}, 401),
        ("POST", "/login", {}, 403),
        ("GET", "/agents/none", BEARER, 404),
        ("GET", "/nothing", BEARER, 404),
        ("PUT", "/agents", BEARER, 405),
        ("POST", "/agents", {**BEARER, "content-type": "text/plain"}, 415),
        ("POST", "/agents", {**BEARER, "content-encoding": "gzip"}, 415),
    ],
)
async def test_a_listed_page_can_read_every_answer(
    site: Site, method: str, path: str, more: Mapping[str, str], status: int
) -> None:
    body = None if method == "GET" else {"token": TOKEN}
    async with (
        aiohttp.ClientSession() as page,
        page.request(method, site.url + path, headers={"origin": LISTED[0], **more}, json=body) as response,
    ):
        assert response.status == status
        assert cors(response.headers) == {
            "allow-origin": LISTED[0],
            "expose-headers": EXPOSED,
        }
        assert "Origin" in response.headers.getall("vary")


async def test_a_listed_page_can_read_a_refused_body_and_a_limit_of_wrong_tokens(site: Site) -> None:
    async with aiohttp.ClientSession(headers={"origin": LISTED[1]}) as page:
        async with page.post(f"{site.url}/agents", headers=BEARER, json={"model": "x" * 2000}) as response:
            assert (response.status, cors(response.headers)["allow-origin"]) == (413, LISTED[1])
        statuses = set()
        for _ in range(30):
            async with page.get(f"{site.url}/agents", headers={"authorization": "Bearer wrong"}) as response:
                statuses.add(response.status)
                assert cors(response.headers)["allow-origin"] == LISTED[1]
        assert statuses == {401, 429}


async def test_a_listed_page_reads_a_stream_and_its_id(site: Site) -> None:
    await site.agent("echo")
    asked = {"origin": LISTED[0], **BEARER}
    async with (
        aiohttp.ClientSession() as page,
        page.post(f"{site.url}/agents/a/stream", json={"message": "one"}, headers=asked) as response,
    ):
        assert (response.status, cors(response.headers)["expose-headers"]) == (
            200,
            EXPOSED,
        )
        assert response.headers["x-stream-id"]
        assert b"event: complete" in await response.read()


class BrokenSessions(LiveSessions):
    async def session(self, session_id: str) -> SessionInfo | None:
        raise RuntimeError(session_id)


async def test_a_listed_page_can_read_the_answer_to_a_bug(site: Site) -> None:
    app = Gateway(site.settings, BrokenSessions(), TOKEN)
    async with serving(app, site.settings) as served, aiohttp.ClientSession() as page:
        url = f"http://127.0.0.1:{served.port}/sessions/a"
        async with page.get(url, headers={"origin": LISTED[0], **BEARER}) as response:
            assert (response.status, cors(response.headers)["allow-origin"]) == (500, LISTED[0])
            assert response.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_varies_by_origin_and_only_listed_origins_are_named(site: Site) -> None:
    async with aiohttp.ClientSession() as page:
        for headers in ({}, {"origin": site.url}, {"origin": FOREIGN[0]}):
            for path in ("/agents", "/healthz", "/", *page_files(), "/static/none.js"):
                async with page.get(site.url + path, headers={**BEARER, **headers}) as response:
                    assert "Origin" in response.headers.getall("vary")
                    assert cors(response.headers) == {}


async def test_a_mounted_gateway_answers_preflights_and_lets_listed_pages_read(site: Site) -> None:
    host = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    host.mount("/inner", Gateway(site.settings, LiveSessions(), TOKEN))
    async with serving(host, site.settings) as served, aiohttp.ClientSession() as page:
        url = f"http://127.0.0.1:{served.port}/inner/agents"
        async with page.options(url, headers={"origin": LISTED[0], **PREFLIGHT}) as response:
            assert (response.status, cors(response.headers)["allow-origin"]) == (204, LISTED[0])
        async with page.get(url, headers={"origin": LISTED[0], **BEARER}) as response:
            assert (response.status, cors(response.headers)["allow-origin"]) == (200, LISTED[0])
        async with page.options(url, headers={"origin": FOREIGN[0], **PREFLIGHT}) as response:
            assert (response.status, cors(response.headers)) == (403, {})
