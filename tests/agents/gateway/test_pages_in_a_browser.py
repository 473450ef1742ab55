"""A real browser: the gateway's own page, a page of a listed origin, and pages of others. S04, S07, S09, S10, S11.

The listed page and the foreign one are on other ports of the same host, so the browser regards them as the same site
and sends the gateway's cookies with their requests. SameSite does not stop that.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from agents.gateway.page_files import page_files
from tests.agents.gateway.other_origin import empty_page
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.test_browser import CHROMIUM, QUIET, REBOUND
from tests.agents.gateway.users import ANN, BOB, House, house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
]


class Web(Struct):
    """A browser, a gateway, and two other origins. listed: one of allowed_origins. foreign: not one of them."""

    browser: Browser
    house: House
    listed: str
    foreign: str

    @property
    def site(self) -> Site:
        return self.house.site


@pytest.fixture
async def here() -> AsyncIterator[Web]:
    async with (
        house([ANN, BOB]) as of,
        empty_page() as listed,
        empty_page() as foreign,
        async_playwright() as playwright,
    ):
        gateway = of.site.settings.gateway.model_copy(update={"allowed_origins": (listed,)})
        of.site.settings = of.site.settings.model_copy(update={"gateway": gateway})
        of.app.take(of.site.settings)
        arguments = [*QUIET, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield Web(browser, of, listed, foreign)
        await browser.close()


async def at(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    return page


async def logged_in(here: Web, context: BrowserContext) -> Page:
    """Return the gateway's page in a browser that has logged in by a code."""
    _, answer = await here.site.json("POST", "/login/codes")
    page = await context.new_page()
    async with page.expect_response("**/login") as response:
        await page.goto(f"{here.site.url}/#code={answer['code']}")
    assert (await response.value).status == 200
    return page


ME = """async () => {
    const answer = await fetch("me");
    return [answer.status, (await answer.json()).csrf];
}"""


async def test_a_code_in_the_address_logs_a_person_in_and_leaves_the_address(here: Web) -> None:
    context = await here.browser.new_context()
    page = await logged_in(here, context)
    assert page.url == f"{here.site.url}/"
    assert await page.evaluate("[document.cookie, history.length > 2]") == ["", False]
    (cookie,) = await context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (
        f"understudy-{here.site.port}",
        True,
        "Strict",
        -1,
    )
    await page.reload()
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_text("Logged out").wait_for()
    assert await context.cookies() == []


async def test_a_person_logs_in_with_a_token_and_reads_why_another_is_refused(here: Web) -> None:
    page = await at(await here.browser.new_context(), here.site.url)
    for token, text in (("w" * 43, "got another"), (TOKEN, "Logged in as the administrator")):
        await page.get_by_label("Token").fill(token)
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_text(text).wait_for()


OWN = """async ([stream]) => {
    const me = await (await fetch("me")).json();
    const headers = {"Content-Type": "application/json", "X-CSRF-Token": me.csrf};
    const body = JSON.stringify({message: "one two", stream_id: stream});
    const asked = await fetch("agents/a/stream", {method: "POST", headers, body});
    await asked.text();
    const event = new Promise((resolve) => {
        const source = new EventSource(`streams/${stream}/events`);
        source.addEventListener("complete", (event) => { source.close(); resolve(JSON.parse(event.data).content) });
    });
    const pong = new Promise((resolve) => {
        const socket = new WebSocket("ws");
        socket.onopen = () => socket.send(JSON.stringify({action: "ping"}));
        socket.onmessage = (message) => resolve(JSON.parse(message.data).type);
        socket.onclose = (closed) => resolve(closed.code);
    });
    return [asked.status, await event, await pong];
}"""


async def test_the_gateways_own_page_uses_fetch_eventsource_and_websocket_by_its_cookie(here: Web) -> None:
    await here.site.agent("echo")
    page = await logged_in(here, await here.browser.new_context())
    assert await page.evaluate(OWN, ["s"]) == [200, "one two", "pong"]


FROM_LISTED = """async ([site, token]) => {
    const headers = {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"};
    const post = async (path, body) => fetch(site + path, {method: "POST", headers, body: JSON.stringify(body)});
    const ticket = async (body) => (await (await post("/tickets", body)).json()).ticket;
    const asked = await post("/agents/a/stream", {message: "one two", stream_id: "s"});
    const text = await asked.text();
    const refused = await post("/agents/none/chat", {message: "x"});
    const address = `${site}/streams/s/events?ticket=${await ticket({stream_id: "s"})}`;
    const read = new Promise((resolve) => {
        const source = new EventSource(address);
        source.addEventListener("complete", (event) => { source.close(); resolve(JSON.parse(event.data).content) });
    });
    const socketAddress = `${site.replace("http", "ws")}/ws`;
    const answered = (address, ...messages) => new Promise((resolve) => {
        const socket = new WebSocket(address), found = [];
        socket.onopen = () => messages.forEach((each) => socket.send(JSON.stringify(each)));
        socket.onmessage = (message) => {
            found.push(JSON.parse(message.data).type);
            if (found.length === messages.length) { socket.close(); resolve(found) }
        };
        socket.onclose = () => resolve("closed");
    });
    const once = `${socketAddress}?ticket=${await ticket({})}`;
    return {
        streamed: [asked.status, asked.headers.get("X-Stream-Id"), text.includes("event: complete")],
        refused: [refused.status, (await refused.json()).error.type],
        removed: (await fetch(`${site}/agents/b`, {method: "DELETE", headers})).status,
        read: await read,
        socket: await answered(once, {action: "ping"}),
        again: await answered(once, {action: "ping"}),
        first: await answered(socketAddress, {action: "authenticate", token}, {action: "ping"}),
    };
}"""


async def test_a_listed_page_uses_fetch_eventsource_and_websocket_with_a_token_and_tickets(here: Web) -> None:
    await here.site.agent("echo")
    await here.site.agent("echo", "b")
    page = await at(await here.browser.new_context(), here.listed)
    assert await page.evaluate(FROM_LISTED, [here.site.url, TOKEN]) == {
        "streamed": [200, "s", True],
        "refused": [404, "agent_not_found"],
        "removed": 200,
        "read": "one two",
        "socket": ["pong"],
        "again": "closed",
        "first": ["answer", "pong"],
    }


RECONNECTS = """async ([site, token]) => {
    const headers = {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"};
    const answer = await fetch(site + "/tickets", {method: "POST", headers, body: JSON.stringify({stream_id: "s"})});
    const source = new EventSource(`${site}/streams/s/events?ticket=${(await answer.json()).ticket}`);
    window.seen = {ids: [], opened: 0, ended: false};
    source.onopen = () => { window.seen.opened += 1 };
    for (const name of ["start", "token", "error"]) {
        source.addEventListener(name, (event) => { if (event.lastEventId) window.seen.ids.push(event.lastEventId) });
    }
    source.addEventListener("error", (event) => { if (event.data) { window.seen.ended = true; source.close() } });
}"""


async def test_an_eventsource_with_a_ticket_reconnects_by_itself_at_its_place(here: Web) -> None:
    async with here.house.client(ANN) as ann:
        await ann.json("POST", "/agents", {"id": "a1", "model": "slow"})
        async with ann.http.post(f"{ann.url}/agents/a1/stream", json={"message": "go", "stream_id": "s"}) as response:
            await response.content.readuntil(b"event: token")
            page = await at(await here.browser.new_context(), here.listed)
            await page.evaluate(RECONNECTS, [here.site.url, ANN.token.get_secret_value()])
            await page.wait_for_function("window.seen.ids.length > 1")
            broken = [each for each in here.site.server.server_state.connections if _reads_by_ticket(each)]
            assert len(broken) == 1
            broken[0].transport.abort()
            await page.wait_for_function("window.seen.opened === 2")
            await ann.json("POST", "/streams/s/cancel")
            await page.wait_for_function("window.seen.ended")
            ids = list(map(int, await page.evaluate("window.seen.ids")))
    assert ids == sorted(set(ids))


def _reads_by_ticket(connection: Any) -> bool:
    cycle = getattr(connection, "cycle", None)
    return (
        cycle is not None
        and not cycle.response_complete
        and (b"accept", b"text/event-stream") in cycle.scope["headers"]
    )


ATTACK = """async ([site, csrf, token]) => {
    const tried = async (attempt) => { try { return await attempt() } catch (failed) { return failed.name } };
    const read = async (path, options) => (await fetch(site + path, {credentials: "include", ...options})).status;
    const json = {"Content-Type": "application/json"}, forged = {...json, "X-CSRF-Token": csrf};
    const body = JSON.stringify({message: "from another page"});
    const socket = (query) => new Promise((resolve) => {
        const socket = new WebSocket(site.replace("http", "ws") + "/ws" + query);
        socket.onopen = () => socket.send(JSON.stringify({action: "ping"}));
        socket.onmessage = (message) => resolve(JSON.parse(message.data).type);
        socket.onerror = () => resolve("refused");
    });
    return {
        read: await tried(() => read("/me")),
        write: await tried(() => read("/agents/a/chat", {method: "POST", headers: forged, body})),
        simple: await tried(() => read("/agents/a/chat", {method: "POST", mode: "no-cors", body})),
        opaque: await tried(() => read("/agents/a", {mode: "no-cors"})),
        token: await tried(() => read("/me", {headers: {"Authorization": `Bearer ${token}`}, credentials: "omit"})),
        login: await tried(() => read("/login", {method: "POST", headers: json, body: JSON.stringify({token})})),
        events: await new Promise((resolve) => {
            const source = new EventSource(site + "/streams/s/events", {withCredentials: true});
            source.onopen = () => resolve("open");
            source.onerror = () => { source.close(); resolve("refused") };
        }),
        socket: await socket(""),
        wrong: await socket("?ticket=wrong"),
    };
}"""

FOREIGN = {
    "read": "TypeError",
    "write": "TypeError",
    "simple": 0,  # sent and opaque, and without an effect
    "opaque": 0,
    "token": "TypeError",
    "login": "TypeError",
    "events": "refused",
    "socket": "refused",
    "wrong": "refused",
}


async def attacked(here: Web, origin: str) -> dict[str, Any]:
    """Return the findings of a page beside the gateway's page, in the browser of a person who has logged in there."""
    await here.site.agent("echo")
    await here.site.stream("a", "one", stream_id="s")
    context = await here.browser.new_context()
    own = await logged_in(here, context)
    status, csrf = await own.evaluate(ME)
    assert status == 200
    page = await at(context, origin)
    found: dict[str, Any] = await page.evaluate(ATTACK, [here.site.url, csrf, TOKEN])
    assert (await own.evaluate(ME))[0] == 200
    assert (await here.site.json("GET", "/agents/a"))[1]["messages"] == 2
    return found


async def test_a_foreign_page_in_the_browser_of_a_logged_in_person_gets_nothing(here: Web) -> None:
    assert await attacked(here, here.foreign) == FOREIGN


async def test_a_listed_page_gets_only_by_its_own_token_and_never_by_the_persons_cookie(here: Web) -> None:
    """Its requests with credentials fail in the browser, since no answer allows them."""
    found = await attacked(here, here.listed)
    assert found == {**FOREIGN, "token": 200, "socket": "refused"}


async def test_a_rebound_name_reaches_no_page_and_no_login(here: Web) -> None:
    context = await here.browser.new_context()
    await logged_in(here, context)
    page = await context.new_page()
    for path in ("/", next(iter(page_files())), "/me"):
        answer = await page.goto(f"http://{REBOUND}:{here.site.port}{path}")
        assert answer is not None
        assert answer.status == 421
