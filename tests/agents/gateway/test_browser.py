"""A real browser at the gateway: its own page, and the attempts of foreign pages in the user's browser."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, async_playwright

from agents import agent, agent_registry
from tests.agents.gateway.other_origin import empty_page
from tests.agents.gateway.site import TOKEN, Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
REBOUND = "attacker.test"

pytestmark = pytest.mark.browser

ATTACK = """
async (site) => {
    const tried = async (attempt) => { try { return await attempt() } catch (failed) { return failed.name } };
    const read = async (path, options) => (await fetch(site + path, {credentials: "include", ...options})).status;
    const message = JSON.stringify({message: "from a foreign page"});
    const json = {"content-type": "application/json"};
    const opened = (source) => new Promise((resolve) => {
        source.onopen = () => resolve("open");
        source.onerror = () => resolve("refused");
    });
    const loaded = (tag, path) => new Promise((resolve) => {
        const element = document.createElement(tag);
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        element.src = site + path;
        document.body.append(element);
    });
    return {
        read: await tried(() => read("/agents")),
        read_page: await tried(() => read("/openapi.json")),
        write: await tried(() => read("/agents/a/chat", {method: "POST", body: message, headers: json})),
        remove: await tried(() => read("/agents/a", {method: "DELETE"})),
        simple: await tried(() => read("/agents/a/chat", {method: "POST", body: message, mode: "no-cors"})),
        events: await opened(new EventSource(site + "/streams/s/events", {withCredentials: true})),
        socket: await opened(new WebSocket(site.replace("http", "ws") + "/ws")),
        script: await loaded("script", "/openapi.json"),
        image: await loaded("img", "/agents"),
    };
}
"""
ATTEMPTS = {
    "read": "TypeError",
    "read_page": "TypeError",
    "write": "TypeError",
    "remove": "TypeError",
    "simple": 0,  # sent and opaque: the test looks up its effect
    "events": "refused",
    "socket": "refused",
    "script": "refused",
    "image": "refused",
}
FORM = """
(site) => {
    document.body.innerHTML = `<form method="post" enctype="text/plain" action="${site}/agents/a/chat">
        <input name='{"message": "from a form", "x": "' value='"}'></form>`;
    document.forms[0].submit();
}
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        arguments = [*QUIET, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
        yield await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture
async def user(browser: Browser, site: Site) -> BrowserContext:
    """A browser that has the token as the password of the page."""
    context = await browser.new_context(http_credentials={"username": "", "password": TOKEN})
    page = await context.new_page()
    assert await status(page, f"{site.url}/docs") == 200
    await page.close()
    return context


@asynccontextmanager
async def foreign_page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page of another origin on the same machine."""
    async with empty_page() as origin:
        page = await context.new_page()
        await page.goto(origin)
        yield page
        await page.close()


async def status(page: Page, url: str) -> int:
    answer = await page.goto(url)
    assert answer is not None
    return answer.status


async def was_asked(agent_id: str) -> int:
    pid = agent_registry.find_agent(agent_id)
    assert pid is not None
    return len(await agent.conversation(pid))


async def test_the_page_shows_each_operation_and_type_and_loads_only_its_styles(
    user: BrowserContext, site: Site
) -> None:
    page = await user.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{site.url}/docs")
    schema = await (await user.request.get(f"{site.url}/openapi.json")).json()
    operations = [f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods]
    assert await page.locator("h3").all_inner_texts() == [*operations, *sorted(schema["components"]["schemas"])]
    assert asked == [f"{site.url}/{path}" for path in ("docs", "static/base.css", "static/docs.css")]
    await page.get_by_role("link", name="openapi.json").click()
    assert page.url == f"{site.url}/openapi.json"


async def test_the_page_asks_for_the_token_and_takes_no_other(browser: Browser, site: Site) -> None:
    page = await (await browser.new_context()).new_page()
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        await page.goto(f"{site.url}/docs")
    page = await (await browser.new_context(http_credentials={"username": "", "password": "wrong"})).new_page()
    assert await status(page, f"{site.url}/docs") == 401


async def test_a_foreign_page_reads_nothing_and_changes_nothing(user: BrowserContext, site: Site) -> None:
    await site.agent("echo")
    async with foreign_page(user) as page:
        assert await page.evaluate(ATTACK, site.url) == ATTEMPTS
        async with page.expect_navigation():
            await page.evaluate(FORM, site.url)
    assert await was_asked("a") == 0


def _frame_refused(message: ConsoleMessage) -> bool:
    return "frame-ancestors" in message.text


async def test_no_foreign_page_can_frame_the_page(user: BrowserContext, site: Site) -> None:
    async with foreign_page(user) as page, page.expect_console_message(_frame_refused):
        await page.set_content(f'<iframe src="{site.url}/docs"></iframe>')


async def test_a_name_that_was_rebound_to_loopback_reaches_nothing(user: BrowserContext, site: Site) -> None:
    page = await user.new_page()
    for path in ("/docs", "/agents", "/healthz"):
        assert await status(page, f"http://{REBOUND}:{site.port}{path}") == 421
