"""Sessions of the gateway's own page: login, cookie, anti-forgery header, end. S04 to S11 of docs/faults.md."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from msgspec import Struct

from agents.gateway.guard import page_sessions
from agents.gateway.guard.credentials import CODES
from agents.settings import PartSettings, Scope
from tests.agents.gateway.contract import Checked
from tests.agents.gateway.site import TOKEN, Site, events, parsed
from tests.agents.gateway.users import ANN, BOB, READ, House, house, token

READER = token("reader", "ann", READ)
LISTED = "https://page.test"
LIMITS = PartSettings().model_dump(mode="json")
JSON = {"content-type": "application/json"}


@pytest.fixture
async def of() -> AsyncIterator[House]:
    async with house([ANN, BOB, READER]) as running:
        listed = running.site.settings.gateway.model_copy(
            update={"allowed_origins": (LISTED, "https://agents.test"), "allowed_hosts": ("agents.test:80",)}
        )
        running.site.settings = running.site.settings.model_copy(update={"gateway": listed})
        running.app.take(running.site.settings)
        yield running


class Page(Struct):
    """A browser's page that has logged in. headers: those that its browser sends with every request."""

    http: aiohttp.ClientSession
    url: str
    cookie: str
    csrf: str

    async def status(self, method: str, path: str, body: Any = None, **headers: str) -> int:
        """Send a request with the cookie, and with only these other headers."""
        given = {"cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        more = {"json": body} if body is not None else {}
        async with self.http.request(method, self.url + path, headers=given, **more) as response:
            return response.status

    async def write(self, path: str, body: Any = None) -> int:
        return await self.status("POST", path, body, x_csrf_token=self.csrf, origin=self.url)


@pytest.fixture
async def stranger() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), response_class=Checked) as http:
        yield http


async def login(
    http: aiohttp.ClientSession, url: str, proof: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> tuple[int, Any, str]:
    async with http.post(f"{url}/login", json=proof, headers=headers or {"origin": url}) as response:
        return response.status, await response.json(), response.headers.get("set-cookie", "")


async def logged_in(http: aiohttp.ClientSession, site: Site, secret: str = TOKEN) -> Page:
    status, me, cookie = await login(http, site.url, {"token": secret})
    assert status == 200
    return Page(http, site.url, cookie.partition(";")[0], me["csrf"])


async def code(site: Site) -> str:
    status, answer = await site.json("POST", "/login/codes")
    assert (status, answer["expires_in"]) == (201, 60)
    return str(answer["code"])


async def test_a_token_and_a_code_become_a_session_with_the_rights_of_the_token(
    of: House, stranger: aiohttp.ClientSession
) -> None:
    async with of.client(READER) as reader:
        for proof in ({"token": READER.token.get_secret_value()}, {"code": await code(reader)}):
            status, me, cookie = await login(stranger, of.site.url, proof)
            assert status == 200
            assert {**me, "csrf": None} == {"user": "ann", "scopes": ["read"], "csrf": None, "parts": LIMITS}
            headers = {"cookie": cookie.partition(";")[0], "x-csrf-token": me["csrf"]}
            async with stranger.get(f"{of.site.url}/me", headers=headers) as response:
                assert (response.status, await response.json()) == (200, me)
            async with stranger.post(f"{of.site.url}/agents", json={"model": "echo"}, headers=headers) as response:
                assert response.status == 403
    assert await of.site.json("GET", "/me") == (
        200,
        {"user": None, "scopes": sorted(Scope), "csrf": None, "parts": LIMITS},
    )


async def test_the_cookie_is_of_its_port_and_only_for_the_gateways_own_page(
    of: House, stranger: aiohttp.ClientSession
) -> None:
    name, value = (await logged_in(stranger, of.site)).cookie.split("=")
    assert (name, len(value)) == (f"understudy-{of.site.port}", 43)
    _, _, cookie = await login(stranger, of.site.url, {"token": TOKEN})
    assert cookie.split("; ")[1:] == ["Path=/", "HttpOnly", "SameSite=Strict"]
    behind_tls = {"host": "agents.test", "origin": "https://agents.test"}
    _, me, cookie = await login(stranger, of.site.url, {"token": TOKEN}, behind_tls)
    pair, *attributes = cookie.split("; ")
    assert pair.startswith("__Host-understudy-443=")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]
    page = Page(stranger, of.site.url, pair, me["csrf"])
    assert await page.status("GET", "/agents", host="agents.test") == 200
    assert await page.status("GET", "/agents", host="agents.test", origin="https://agents.test") == 200
    assert await page.status("GET", "/agents", host=f"localhost:{of.site.port}") == 401
    page.cookie = pair.removeprefix("__Host-")
    assert await page.status("GET", "/agents", host="agents.test") == 401


async def test_a_code_works_once(of: House, stranger: aiohttp.ClientSession) -> None:
    given = await code(of.site)
    tried = await asyncio.gather(*(login(stranger, of.site.url, {"code": given}) for _ in range(6)))
    assert sorted(status for status, _, _ in tried) == [200, *[401] * 5]
    messages = {answer["error"]["message"] for status, answer, _ in tried if status == 401}
    assert messages == {"this code was used: request a new one"}


async def test_many_wrong_codes_and_tokens_get_429_and_valid_ones_do_not(
    of: House, stranger: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    given = await code(of.site)
    with caplog.at_level(logging.DEBUG, "understudy"):
        for proof in ({"code": "w" * 43}, {"token": "w" * 43}):
            assert {(await login(stranger, of.site.url, proof))[0] for _ in range(30)} >= {429}
        assert (await login(stranger, of.site.url, {"code": given}))[0] == 200
    assert "wrong_tokens_refused" in caplog.text
    assert "page_session_began" in caplog.text
    assert given not in caplog.text


async def test_a_code_of_a_revoked_token_is_refused(of: House, stranger: aiohttp.ClientSession) -> None:
    async with of.client(ANN) as ann:
        given = await code(ann)
        of.tokens(BOB)
        status, answer, _ = await login(stranger, of.site.url, {"code": given})
        assert (status, answer["error"]["message"]) == (401, "the token of this code was revoked: use another token")


async def test_codes_have_a_limit_and_only_a_token_makes_one(of: House, stranger: aiohttp.ClientSession) -> None:
    page = await logged_in(stranger, of.site)
    assert await page.write("/login/codes") == 403
    for _ in range(CODES):
        await code(of.site)
    assert (await of.site.json("POST", "/login/codes"))[0] == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": LISTED},
        {"origin": "http://attacker.test"},
        {"origin": "null"},
        {"origin": "http://localhost:PORT"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_a_login_from_another_origin_is_refused_and_leaves_the_code(
    of: House, stranger: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    given = await code(of.site)
    headers = {name: value.replace("PORT", str(of.site.port)) for name, value in headers.items()}
    status, _, cookie = await login(stranger, of.site.url, {"code": given}, headers)
    assert (status, cookie) == (403, "")
    assert (await login(stranger, of.site.url, {"code": given}))[0] == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"code": "x", "token": "y"}, {"code": ""}, {"token": 3}, {"colour": "red"}, [], {"token": "x" * 2000}],
)
async def test_a_faulty_login_is_one_line_and_shows_no_secret(
    of: House, stranger: aiohttp.ClientSession, body: Any
) -> None:
    async with stranger.post(f"{of.site.url}/login", json=body, headers={"origin": of.site.url}) as response:
        message = (await response.json())["error"]["message"]
        assert (response.status, message.count("\n")) == (422, 0)
        assert "xxx" not in message


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_login_is_json(of: House, stranger: aiohttp.ClientSession, kind: str) -> None:
    skip = () if kind else ("content-type",)
    headers = {"content-type": kind} if kind else {}
    body = b'{"token": "x"}'
    async with stranger.post(f"{of.site.url}/login", data=body, headers=headers, skip_auto_headers=skip) as response:
        assert response.status == 415


WRITES = [
    ("POST", "/agents", {"model": "echo"}),
    ("POST", "/agents/a/chat", {"message": "x"}),
    ("DELETE", "/agents/a", None),
    ("DELETE", "/sessions/a", None),
    ("PATCH", "/sessions/a", {"title": "x"}),
    ("POST", "/streams/s/cancel", None),
    ("POST", "/tickets", {}),
    ("POST", "/logout", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_with_a_cookie_needs_the_header_of_its_own_session(
    of: House, stranger: aiohttp.ClientSession, method: str, path: str, body: Any
) -> None:
    await of.site.agent("echo")
    page, other = await logged_in(stranger, of.site), await logged_in(stranger, of.site)
    for wrong in ({}, {"x_csrf_token": ""}, {"x_csrf_token": other.csrf}, {"x_csrf_token": page.csrf[:-1]}):
        assert await page.status(method, path, body, origin=page.url, **wrong) == 403
    assert (await of.site.json("GET", "/agents/a"))[1]["messages"] == 0
    assert await page.status(method, path, body, x_csrf_token=page.csrf) not in (401, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "SITE"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"sec_fetch_site": "same-site"}, 401),
        ({"sec_fetch_site": "cross-site"}, 401),
        ({"origin": LISTED}, 401),
        ({"origin": "http://localhost:PORT"}, 401),
        ({"host": "localhost:PORT"}, 401),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "attacker.test:PORT"}, 421),
        ({"host": "attacker.test:PORT", "origin": "http://attacker.test:PORT"}, 421),
    ],
)
async def test_a_cookie_counts_only_for_the_page_that_logged_in(
    of: House, stranger: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    page = await logged_in(stranger, of.site)
    filled = {
        name: value.replace("SITE", of.site.url).replace("PORT", str(of.site.port)) for name, value in headers.items()
    }
    assert await page.status("GET", "/agents", **filled) == status
    write = {**filled, "x_csrf_token": page.csrf}
    assert await page.status("POST", "/tickets", {}, **write) == (201 if status == 200 else status)


async def test_a_bearer_counts_alone_beside_a_cookie(of: House, stranger: aiohttp.ClientSession) -> None:
    page = await logged_in(stranger, of.site)
    bearer = f"Bearer {READER.token.get_secret_value()}"
    assert await page.status("POST", "/tickets", {}, authorization=bearer) == 201  # without the header
    assert await page.status("GET", "/tree", authorization=bearer) == 403
    assert await page.status("GET", "/tree", authorization="Bearer wrong") == 401
    assert await page.status("GET", "/tree") == 200


async def test_a_password_that_a_browser_keeps_from_docs_counts_for_nothing_elsewhere(
    of: House, stranger: aiohttp.ClientSession
) -> None:
    page = await logged_in(stranger, of.site)
    kept = "Basic " + base64.b64encode(f":{TOKEN}".encode()).decode()
    assert await page.status("GET", "/agents", authorization=kept) == 200
    assert await page.status("POST", "/tickets", {}, authorization=kept) == 403
    page.cookie = ""
    assert await page.status("GET", "/agents", authorization=kept) == 401
    assert await page.status("GET", "/docs", authorization=kept) == 200


@pytest.mark.parametrize(("origin", "opens"), [("SITE", True), (LISTED, False), ("http://localhost:PORT", False)])
async def test_a_cookie_opens_a_socket_only_for_the_page_that_logged_in(
    of: House, stranger: aiohttp.ClientSession, origin: str, opens: bool
) -> None:
    page = await logged_in(stranger, of.site)
    origin = origin.replace("SITE", of.site.url).replace("PORT", str(of.site.port))
    headers = {"cookie": page.cookie, "origin": origin}
    async with stranger.ws_connect(f"{of.site.url}/ws", headers=headers) as socket:
        await socket.send_json({"action": "ping"})
        answer = await socket.receive_json(timeout=30)
        assert (answer["type"] == "pong") == opens
        assert opens or answer["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"origin": "http://attacker.test"}, 403), ({"origin": "null"}, 403)]
)
async def test_a_foreign_pages_upgrade_with_a_valid_cookie_is_refused(
    of: House, stranger: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    page = await logged_in(stranger, of.site)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.ws_connect(f"{of.site.url}/ws", headers={"cookie": page.cookie, **headers})
    assert refused.value.status == status


# The end of a session


async def stream_and_socket(page: Page, site: Site) -> tuple[aiohttp.ClientResponse, aiohttp.ClientWebSocketResponse]:
    """Return an open stream and an open socket of a session, each with its first event."""
    assert await page.write("/agents", {"id": "a", "model": "slow"}) == 201
    headers = {"cookie": page.cookie, "origin": page.url}
    asked = {"message": "go", "stream_id": "s"}
    reading = await page.http.post(
        f"{site.url}/agents/a/stream", json=asked, headers={**headers, "x-csrf-token": page.csrf}
    )
    assert (await anext(events(reading))).name == "start"
    socket = await page.http.ws_connect(f"{site.url}/ws", headers=headers)
    await socket.send_json({"action": "ping"})
    assert (await socket.receive_json(timeout=30))["type"] == "pong"
    return reading, socket


async def cut(reading: aiohttp.ClientResponse, socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Return whether both ended as after a revoked token."""
    (last,) = parsed((await aiohttp.ClientResponse.read(reading)).split(b"\n\n")[-2])
    assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
    return (last.data["code"], socket.close_code) == ("token_revoked", 1008)


async def test_a_logout_ends_the_session_its_streams_sockets_and_tickets(
    of: House, stranger: aiohttp.ClientSession
) -> None:
    page, other = await logged_in(stranger, of.site), await logged_in(stranger, of.site)
    reading, socket = await stream_and_socket(page, of.site)
    headers = {"cookie": page.cookie, "origin": page.url, "x-csrf-token": page.csrf}
    async with stranger.post(f"{page.url}/tickets", json={}, headers=headers) as response:
        ticket = (await response.json())["ticket"]
    async with stranger.post(f"{page.url}/logout", headers=headers) as response:
        assert response.status == 204
        assert "Max-Age=0" in response.headers["set-cookie"]
    assert await cut(reading, socket)
    assert await page.status("GET", "/me") == 401
    assert await other.status("GET", "/me") == 200
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.ws_connect(f"{page.url}/ws?ticket={ticket}", headers={"origin": page.url})
    assert refused.value.status == 401
    assert (await of.site.json("GET", "/streams/s"))[1]["status"] == "running"
    assert (await of.site.json("POST", "/logout"))[0] == 204


async def test_a_revoked_token_ends_the_sessions_that_it_made(of: House, stranger: aiohttp.ClientSession) -> None:
    page = await logged_in(stranger, of.site, ANN.token.get_secret_value())
    others = await logged_in(stranger, of.site, BOB.token.get_secret_value())
    reading, socket = await stream_and_socket(page, of.site)
    of.tokens(BOB)
    assert await cut(reading, socket)
    assert await page.status("GET", "/me") == 401
    assert await others.status("GET", "/me") == 200
    of.tokens(ANN, BOB)
    assert await page.status("GET", "/me") == 401


async def test_a_session_ends_after_its_time_and_closes_what_it_opened(
    of: House, stranger: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page_sessions.SESSION_S == 12 * 3600
    monkeypatch.setattr(page_sessions, "SESSION_S", 3.0)
    page = await logged_in(stranger, of.site)
    reading, socket = await stream_and_socket(page, of.site)
    assert await cut(reading, socket)
    assert await page.status("GET", "/me") == 401


async def test_a_session_ends_with_the_gateway(of: House, stranger: aiohttp.ClientSession) -> None:
    page = await logged_in(stranger, of.site)
    async with house([]) as restarted:
        page.url = restarted.site.url
        page.cookie = page.cookie.replace(str(of.site.port), str(restarted.site.port))
        assert await page.status("GET", "/me") == 401


async def test_a_user_has_a_limit_of_sessions_and_the_oldest_ends(of: House, stranger: aiohttp.ClientSession) -> None:
    others = await logged_in(stranger, of.site, BOB.token.get_secret_value())
    pages = [await logged_in(stranger, of.site) for _ in range(page_sessions.MOST + 1)]
    assert [await page.status("GET", "/me") for page in pages[:2]] == [401, 200]
    assert [await page.status("GET", "/me") for page in (pages[-1], others)] == [200, 200]


@pytest.mark.parametrize(
    "cookie", ["x", "understudy-PORT=", "understudy-PORT=wrong", "understudy-PORT", "=;;=", "\xe9"]
)
async def test_another_cookie_is_no_session(of: House, stranger: aiohttp.ClientSession, cookie: str) -> None:
    page = Page(stranger, of.site.url, cookie.replace("PORT", str(of.site.port)), "")
    assert await page.status("GET", "/me") == 401
    assert await page.status("GET", "/") == 200


async def test_a_foreign_cookie_of_the_same_name_hides_no_session(of: House, stranger: aiohttp.ClientSession) -> None:
    page = await logged_in(stranger, of.site)
    page.cookie = f"{page.cookie.partition('=')[0]}=planted; {page.cookie}; other=1"
    assert await page.status("GET", "/me") == 200
