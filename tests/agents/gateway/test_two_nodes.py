"""Tickets, codes and page sessions of one node of a cluster, used at another one. Each node is an OS process."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import Struct

from tests.agents.cli.terminal import environment
from tests.agents.gateway.site import TOKEN, events
from tests.agents.gateway.users import ADMIN, CHAT, READ, token
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
TOKENS = [token(name, name, READ, CHAT) for name in ("ann", "bob", "carl")] + [token("root", "root", ADMIN)]
WAIT_S = 30
SECRETS: list[str] = []
PAGE = "http://localhost"
"""Every node serves this host, as behind a load balancer."""


class Node(Struct):
    """A node that runs. log: the file with its log."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def revoke(self, name: str) -> None:
        assert self.process.stdout is not None
        self.send(name)
        assert self.process.stdout.readline() == f"{name}\n"

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@contextmanager
def node(folder: Path, name: str) -> Iterator[Node]:
    tokens = [{**each.model_dump(mode="json"), "token": each.token.get_secret_value()} for each in TOKENS]
    given = {
        "tools": {"min_workers": 0, "workers": 1},
        "sessions": {"url": f"sqlite:///{folder / 'store.db'}", "durability": "batched"},
        "daemon": {"state_dir": str(folder)},
        "gateway": {"port": 0, "tokens": tokens, "allowed_hosts": ["localhost:80"]},
        "cluster": {"enabled": True, "name": name, "lease_time": 60_000},
    }
    log, command = folder / f"{name}.log", [sys.executable, "-m", "tests.agents.gateway.node_program"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*command, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=ROOT,
            env=environment(PYTHONPATH=str(ROOT)),
            text=True,
        )
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, log.read_text()[-3000:]
            yield Node(process, f"http://127.0.0.1:{port}", log)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    folder = tmp_path_factory.mktemp("cluster")
    with node(folder, "first") as first, node(folder, "second") as second:
        yield first, second


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers={"host": "localhost"}) as session:
        yield session


async def asked(
    http: aiohttp.ClientSession, at: Node, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    more = {"json": body} if body is not None else {}
    async with http.request(method, at.url + path, headers=given, **more) as response:
        return response.status, json.loads(await response.read() or b"null")


def bearer(name: str) -> str:
    secret = next((each.token.get_secret_value() for each in TOKENS if each.name == name), TOKEN)
    return f"Bearer {secret}"


async def ticket(http: aiohttp.ClientSession, at: Node, name: str, **body: str) -> str:
    status, answer = await asked(http, at, "POST", "/tickets", body, authorization=bearer(name), origin=PAGE)
    assert status == 201, answer
    SECRETS.append(answer["ticket"])
    return str(answer["ticket"])


async def code(http: aiohttp.ClientSession, at: Node, name: str) -> str:
    status, answer = await asked(http, at, "POST", "/login/codes", {}, authorization=bearer(name))
    assert status == 201, answer
    SECRETS.append(answer["code"])
    return str(answer["code"])


async def upgraded(http: aiohttp.ClientSession, at: Node, given: str, origin: str = PAGE) -> int:
    """Return the status of an upgrade with a ticket; 101 if it succeeds."""
    try:
        async with http.ws_connect(f"{at.url}/ws?ticket={given}", headers={"origin": origin}):
            return 101
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status


@asynccontextmanager
async def by_ticket(
    http: aiohttp.ClientSession, at: Node, given: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with http.ws_connect(f"{at.url}/ws?ticket={given}", headers={"origin": PAGE}) as socket:
        await socket.send_json({"action": "ping"})
        assert (await socket.receive_json(timeout=WAIT_S))["type"] == "pong"
        yield socket


class Page(Struct):
    """A page that has logged in. at: the node of the login."""

    http: aiohttp.ClientSession
    cookie: str
    csrf: str

    async def status(self, at: Node, method: str, path: str, body: Any = None, **headers: str) -> int:
        return (await asked(self.http, at, method, path, body, cookie=self.cookie, **headers))[0]

    async def write(self, at: Node, path: str, body: Any = None) -> int:
        return await self.status(at, "POST", path, body, origin=PAGE, x_csrf_token=self.csrf)

    @asynccontextmanager
    async def socket(self, at: Node) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.http.ws_connect(f"{at.url}/ws", headers={"origin": PAGE, "cookie": self.cookie}) as socket:
            await socket.send_json({"action": "ping"})
            assert (await socket.receive_json(timeout=WAIT_S))["type"] == "pong"
            yield socket

    async def ticket(self, at: Node) -> str:
        headers = {"cookie": self.cookie, "origin": PAGE, "x-csrf-token": self.csrf}
        async with self.http.post(f"{at.url}/tickets", json={}, headers=headers) as response:
            assert response.status == 201
            SECRETS.append(found := str((await response.json())["ticket"]))
            return found

    async def until(self, at: Node, status: int) -> None:
        await eventually(
            lambda: self.status(at, "GET", "/me", origin=PAGE),
            lambda found: found == status,
            what=f"the status {status} of {at.url}/me",
            within_s=WAIT_S,
        )


async def login(http: aiohttp.ClientSession, at: Node, **proof: str) -> Page:
    async with http.post(f"{at.url}/login", json=proof, headers={"origin": PAGE}) as response:
        assert response.status == 200, await response.text()
        page = Page(http, response.headers["set-cookie"].partition(";")[0], (await response.json())["csrf"])
        SECRETS.append(page.cookie.partition("=")[2])
        return page


async def closed(socket: aiohttp.ClientWebSocketResponse) -> None:
    assert (await socket.receive(timeout=WAIT_S)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert socket.close_code == 1008


Nodes = tuple[Node, Node]


async def test_of_uses_of_one_ticket_on_both_nodes_at_once_one_succeeds(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    for issuer in nodes:
        given = await ticket(http, issuer, "ann")
        statuses = await asyncio.gather(*(upgraded(http, at, given) for at in nodes * 3))
        assert sorted(statuses) == [101, *[401] * 5]


async def test_of_logins_with_one_code_on_both_nodes_at_once_one_succeeds(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    given = await code(http, nodes[0], "ann")
    tried = [asked(http, at, "POST", "/login", {"code": given}, origin=PAGE) for at in nodes * 3]
    answers = await asyncio.gather(*tried)
    assert sorted(status for status, _ in answers) == [200, *[401] * 5]
    messages = {answer["error"]["message"] for status, answer in answers if status == 401}
    assert messages == {"this code was used: request a new one"}


async def test_a_ticket_keeps_its_path_origin_user_and_scopes_at_another_node(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    first, second = nodes
    given = await ticket(http, first, "bob")
    assert await upgraded(http, second, given, "http://127.0.0.1:" + second.url.rpartition(":")[2]) == 401
    for path in ("/streams/s/events", "/agents/a/stream"):
        status, answer = await asked(http, second, "GET", f"{path}?ticket={given}&message=x", origin=PAGE)
        assert (status, answer["error"]["message"]) == (401, "expected a ticket for this path, got one for /ws")
    async with http.ws_connect(f"{second.url}/ws?ticket={given}", headers={"origin": PAGE}) as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "anns", "message": "x"})
        assert (await socket.receive_json(timeout=WAIT_S))["code"] == "agent_not_found"
        await socket.send_json({"action": "approve", "stream_id": "s", "call_id": "c"})
        assert (await socket.receive_json(timeout=WAIT_S))["code"] == "forbidden"


async def test_an_event_source_reads_a_stream_by_a_ticket_of_another_node_until_its_end(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    first, second = nodes
    own = {"authorization": bearer("ann")}
    assert (await asked(http, first, "POST", "/agents", {"id": "anns", "model": "echo"}, **own))[0] == 201
    body = {"message": "one two", "stream_id": "s"}
    assert (await asked(http, first, "POST", "/agents/anns/chat", body, **own))[0] == 200
    given = await ticket(http, first, "ann", stream_id="s")
    for _ in range(2):
        url = f"{second.url}/streams/s/events?ticket={given}"
        async with http.get(url, headers={"origin": PAGE}) as response:
            assert response.status == 200
            found = [event async for event in events(response)]
            assert found[-1].name == "complete"
    path = f"/streams/s/events?after={found[-1].id}&ticket={given}"
    assert (await asked(http, second, "GET", path, origin=PAGE))[0] == 204
    assert [(await asked(http, at, "GET", path, origin=PAGE))[0] for at in nodes] == [401, 401]


async def test_a_stream_whose_begin_is_not_on_disk_is_shown_read_and_cancelled_at_other_nodes(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    first, second = nodes
    own = {"authorization": bearer("ann")}
    assert (await asked(http, first, "POST", "/agents", {"id": "late", "model": "slow"}, **own))[0] == 201
    with closing(sqlite3.connect(first.log.parent / "store.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # no node can write now
        body = {"message": "one two", "stream_id": "at-once"}
        post = http.post(f"{first.url}/agents/late/stream", json=body, headers=own)
        async with post:
            status, shown = await asked(http, second, "GET", "/streams/at-once", **own)
            assert (status, shown.get("agent_id")) == (200, "late")
            async with http.get(f"{second.url}/streams/at-once/events", headers=own) as response:
                assert response.status == 200
            for path, name in (("/streams/at-once", "bob"), ("/streams/none", "ann")):
                assert (await asked(http, second, "GET", path, authorization=bearer(name)))[0] == 404
            database.execute("ROLLBACK")
            assert await asked(http, second, "POST", "/streams/at-once/cancel", **own) == (200, {"cancelled": True})


async def test_an_id_is_reserved_at_all_nodes_for_one_user(nodes: Nodes, http: aiohttp.ClientSession) -> None:
    async def reserve(at: Node, id_: str, name: str) -> int:
        return (await asked(http, at, "POST", f"/message/stream/{id_}/create", authorization=bearer(name)))[0]

    first, second = nodes
    assert await reserve(first, "m1", "ann") == 201
    assert [await reserve(second, "m1", name) for name in ("bob", "ann")] == [409, 409]
    assert (await asked(http, second, "POST", "/agents", {"id": "bobs", "model": "echo"}, authorization=bearer("bob")))[
        0
    ] == 201
    body = {"message": "mine", "stream_id": "m1"}
    assert (await asked(http, second, "POST", "/agents/bobs/chat", body, authorization=bearer("bob")))[0] == 409
    for number in range(5):
        at_once = [reserve(at, f"both-{number}", name) for at, name in ((first, "ann"), (second, "bob"))]
        statuses = await asyncio.gather(*at_once)
        assert statuses.count(201) <= 1
        again = [await reserve(first, f"both-{number}", "ann"), await reserve(second, f"both-{number}", "bob")]
        assert [*statuses, *again].count(201) == 1  # a refusal leaves nothing


async def test_a_page_session_counts_at_every_node_with_the_same_checks(
    nodes: Nodes, http: aiohttp.ClientSession
) -> None:
    first, second = nodes
    page = await login(http, first, code=await code(http, second, "root"))
    for at in nodes:
        assert await page.status(at, "GET", "/me", origin=PAGE) == 200
        assert await page.write(at, "/tickets", {}) == 201
        assert await page.status(at, "POST", "/tickets", {}, origin=PAGE) == 403
        assert await page.status(at, "POST", "/tickets", {}, origin=PAGE, x_csrf_token="x" * 64) == 403
        assert await page.write(at, "/login/codes", {}) == 403
        assert await page.status(at, "GET", "/me", sec_fetch_site="same-site") == 401
        assert await page.status(at, "GET", "/me", host=at.url.removeprefix("http://")) == 401
        assert (await asked(http, at, "GET", "/me", cookie=page.cookie))[1]["csrf"] == page.csrf
        async with page.socket(at):
            pass


@pytest.mark.parametrize("ending", [0, 1])
async def test_a_logout_at_any_node_ends_the_session_its_sockets_and_tickets_at_all(
    nodes: Nodes, http: aiohttp.ClientSession, ending: int
) -> None:
    page = await login(http, nodes[0], token=bearer("ann").removeprefix("Bearer "))
    async with page.socket(nodes[0]) as one, page.socket(nodes[1]) as other:
        used, *given = [await page.ticket(at) for at in reversed(nodes * 2)]
        async with by_ticket(http, nodes[0], used) as by_other:  # the second node's, of a session of the first node
            assert await page.write(nodes[ending], "/logout") == 204
            assert await page.status(nodes[ending], "GET", "/me", origin=PAGE) == 401
            for socket in (one, other, by_other):
                await closed(socket)
    for at in nodes:
        await page.until(at, 401)
        assert [await upgraded(http, at, each) for each in given] == [401] * 3


async def test_a_revoked_token_ends_what_it_opened_at_other_nodes(nodes: Nodes, http: aiohttp.ClientSession) -> None:
    first, second = nodes
    page = await login(http, second, code=await code(http, first, "carl"))
    unused, used = await ticket(http, first, "carl"), await ticket(http, first, "carl")
    async with by_ticket(http, second, used) as socket, page.socket(first) as of_page:
        first.revoke("carl")
        await closed(socket)
        await closed(of_page)
    await page.until(second, 401)
    assert await upgraded(http, second, unused) == 401


async def test_what_a_node_issued_ends_with_it(nodes: Nodes, http: aiohttp.ClientSession) -> None:
    with node(nodes[0].log.parent, "third") as third:
        page = await login(http, third, token=TOKEN)
        given = await ticket(http, third, "ann")
        of_third = await page.ticket(nodes[0])
        async with page.socket(nodes[0]) as socket, by_ticket(http, nodes[1], of_third) as by_first:
            third.send("")  # it leaves the cluster
            await closed(socket)
            await closed(by_first)
            await asyncio.to_thread(third.process.wait, WAIT_S)
    await page.until(nodes[0], 401)
    path = f"/ws?ticket={given}"
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    status, answer = await asked(http, nodes[1], "GET", path, origin=PAGE, sec_websocket_key="a" * 22 + "==", **upgrade)
    assert status == 401
    assert answer["error"]["message"] == "the node that issued this ticket has ended: request a new one"


async def test_a_forged_seal_is_a_wrong_ticket(nodes: Nodes, http: aiohttp.ClientSession) -> None:
    given = await ticket(http, nodes[0], "ann")
    epoch, text, proof = given.split(".")
    for forged in (f"{epoch}.{text}.{proof[::-1]}", f"9{epoch}.{text}.{proof}", f"{epoch}.{text[::-1]}.{proof}", text):
        assert await upgraded(http, nodes[1], forged) in (401, 429)
    assert await upgraded(http, nodes[1], given) == 101


async def test_no_log_of_any_node_has_a_secret(nodes: Nodes, http: aiohttp.ClientSession) -> None:
    given = await ticket(http, nodes[0], "ann")
    await login(http, nodes[1], code=await code(http, nodes[0], "ann"))
    assert await upgraded(http, nodes[1], given) == 101
    logs = [at.log.read_text() for at in nodes]
    assert "page_session_began" in logs[1]
    for secret in SECRETS:
        parts = [secret, *[part for part in secret.split(".") if len(part) > 20]]
        assert not [part for part in parts for log in logs if part in log]


async def test_a_client_of_mcp_may_ask_any_node(nodes: tuple[Node, Node]) -> None:
    secret = TOKENS[-1].token.get_secret_value()
    accept = "application/json, text/event-stream"
    headers = {"authorization": f"Bearer {secret}", "accept": accept, "mcp-protocol-version": "2025-06-18"}
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    asked = [("initialize", client), ("tools/list", {}), ("tools/list", {})]
    async with aiohttp.ClientSession(headers=headers) as http:
        for at, (method, params) in zip((0, 1, 0), asked, strict=True):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with http.post(f"{nodes[at].url}/mcp", json=body) as answer:
                assert (answer.status, answer.headers.get("mcp-session-id")) == (200, None)
                assert b'"result"' in await answer.read()
