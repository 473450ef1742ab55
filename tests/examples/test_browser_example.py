"""The page of examples/browser, served from an origin of its own, talks to the gateway."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from pydantic import SecretStr

from agents import application
from agents.gateway import Gateway, LiveSessions, serving
from agents.gateway.page_files import FOLDER
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import GatewaySettings, Settings, ToolSettings
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import chromium, tab
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN
from tests.agents.llm.http.loopback import served
from tests.examples.test_examples import FOLDER as EXAMPLES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]
PAGE = EXAMPLES / "browser" / "index.html"
MOST_LINES = 60


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """Serve the page and a copy of client.js."""

    async def page(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def client(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / "client.js")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/client.js", client)
    async with served(app) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["allowed", "not allowed"])
async def opened(request: pytest.FixtureRequest, origin: str) -> AsyncIterator[tuple[Page, bool]]:
    """Open the page beside a gateway that allows its origin, or does not."""
    async with RehearsalServer(builtin() | parse(BUYER_AND_SLOW, "example")) as server:
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            gateway=GatewaySettings(port=0, allowed_origins=(origin,) if request.param else ()),
        )
        async with application.running(settings):
            await agent_supervisor.start_agent({"id": "helper", "model": "echo"})
            await agent_supervisor.start_agent({"id": "slow", "model": "slow"})
            async with serving(Gateway(settings, LiveSessions(), TOKEN), settings) as served, chromium() as browser:
                chat = await tab(await browser.new_context())
                await chat.page.goto(f"{origin}/?url=http://127.0.0.1:{served.port}")
                yield chat.page, request.param


async def send(page: Page, message: str, token: str = TOKEN) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_label("Message").fill(message)
    await page.get_by_role("button", name="Send").click()


async def test_the_page_streams_stops_and_names_a_refusal(opened: tuple[Page, bool]) -> None:
    page, allowed = opened
    if not allowed:
        await send(page, "one two three")
        await expect(page.get_by_role("status")).to_have_text("the daemon can't be reached")
        await expect(page.locator("#answer")).to_be_empty()
        return
    await send(page, "one two three")
    await expect(page.locator("#answer")).to_have_text("one two three")
    await expect(page.get_by_role("status")).to_have_text("complete")
    await send(page, "one", "w" * 43)
    await expect(page.get_by_role("status")).to_contain_text("expected the token")
    await page.goto(f"{page.url}&agent=slow")
    await send(page, "go")
    await expect(page.locator("#answer")).to_have_text("One two")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("status")).to_have_text("cancelled")


def test_the_page_is_short() -> None:
    assert len(PAGE.read_text().splitlines()) < MOST_LINES
