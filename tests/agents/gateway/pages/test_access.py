"""The chat page for everybody: by keyboard, by screen reader, in light and dark, on a phone, with any scope."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from playwright.async_api import expect

from agents.gateway.page_files import page_files
from supervisors import agent_supervisor
from tests.agents.clients.test_generated import NODE
from tests.agents.gateway.pages.browser import ChatPage, chat_page, chromium, tab
from tests.agents.gateway.pages.test_chat import SCRIPT as CHAT
from tests.agents.gateway.pages.test_chat import pays
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import APPROVE, READ, House, house, token

AXE = NODE / "node_modules" / "axe-core" / "axe.min.js"
SCRIPT = CHAT
LARGEST_BYTES = 110 * 1024
READER = token("reader", "rita", READ)
DECIDER = token("decider", "rita", READ, APPROVE)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]


async def faults_of(chat: ChatPage) -> list[str]:
    """Return what axe-core finds: the rule, and the elements."""
    await chat.page.evaluate(f"() => {{ {AXE.read_text()} }}")
    found = await chat.page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
async def test_axe_finds_nothing(site: Site, scheme: Literal["light", "dark"], width: int) -> None:
    await site.agent("writer")
    await site.agent("counter", "b", tools=["calculator"])
    await agent_supervisor.start_agent({"id": "c", "model": "buyer", "tools": [pays]})
    async with chromium() as browser:
        context = await browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce", bypass_csp=True
        )
        chat = await tab(context)
        await chat.open(site.url)
        assert await faults_of(chat) == []  # the login
        await chat.log_in()
        for session in ("a", "b"):
            await chat.open(site.url, session)
            await chat.say("Go.")
            await chat.ended()
            assert await faults_of(chat) == []
        await chat.open(site.url, "c")
        await chat.say("Buy.")
        await chat.page.get_by_role("button", name="Edit…").click()
        assert await faults_of(chat) == []
        if width < 760:
            await chat.page.get_by_role("button", name="Agents and sessions").click()
            assert await faults_of(chat) == []
        await chat.page.get_by_role("button", name="New agent").click()
        assert await faults_of(chat) == []


async def test_everything_is_done_with_the_keyboard(site: Site) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "buyer", "tools": [pays]})
    async with chromium() as browser:
        chat = await tab(await browser.new_context())
        keys = chat.page.keyboard
        await chat.open(site.url)
        await expect(chat.page.get_by_label("Token")).to_be_focused()
        await keys.type("t" * 43)
        await keys.press("Enter")
        await expect(chat.field).to_be_focused()
        await keys.type("Buy.")
        await keys.press("Enter")
        approve = chat.page.get_by_role("button", name="Approve")
        await expect(approve).to_be_visible()
        for _ in range(12):
            if await approve.evaluate("(button) => button === document.activeElement"):
                break
            await keys.press("Shift+Tab")
        await keys.press("Enter")
        await chat.ended()
        assert await chat.text() == "Said: paid 500."
        await expect(chat.calls.locator("summary")).to_be_focused()


async def test_a_screen_reader_hears_the_answer_once_and_no_token(site: Site) -> None:
    await site.agent("long")
    async with chat_page(site.url) as chat:
        await expect(chat.field).to_be_enabled()
        await chat.page.evaluate("""() => {
            window.heard = [];
            const live = document.querySelectorAll('[aria-live="polite"], [role=alert]');
            const hear = (changes) => changes.forEach(({ target }) => heard.push(target.textContent));
            const listen = new MutationObserver(hear);
            live.forEach((each) => listen.observe(each, { childList: true, characterData: true, subtree: true }));
        }""")
        await chat.say("Go.")
        await chat.ended()
        heard = await chat.page.evaluate("heard")
        assert sum("w3" in text for text in heard) == 1
        assert any("w0 w1" in text and "w59" in text for text in heard)
        assert await chat.page.locator("#log").get_attribute("aria-live") == "off"


async def test_a_phone_shows_the_conversation_without_sideways_scrolling(site: Site) -> None:
    await site.agent("writer")
    async with chat_page(site.url) as chat:
        await chat.page.set_viewport_size({"width": 360, "height": 640})
        await chat.say("Go.")
        await chat.ended()
        assert await chat.page.evaluate("document.documentElement.scrollWidth") == 360
        await expect(chat.page.get_by_role("link", name="agent")).to_be_hidden()
        await chat.page.get_by_role("button", name="Agents and sessions").click()
        await expect(chat.page.get_by_role("link", name="agent")).to_be_visible()
        await chat.page.keyboard.press("Escape")
        await expect(chat.page.get_by_role("link", name="agent")).to_be_hidden()


@pytest.fixture
async def of_rita() -> AsyncIterator[House]:
    async with house([READER, DECIDER], script=CHAT) as of:
        await agent_supervisor.start_agent({"id": "a", "model": "buyer", "tools": [pays], "owner": "rita"})
        yield of


async def test_a_login_without_a_scope_is_told_what_is_missing(of_rita: House) -> None:
    site = of_rita.site
    async with site.http.post(f"{site.url}/agents/a/stream", json={"message": "Buy."}), chromium() as browser:
        chat = await tab(await browser.new_context())
        await chat.open(site.url, "a")
        await chat.log_in(READER.token.get_secret_value())
        await expect(chat.page.locator("#hint")).to_contain_text("it needs the scope chat")
        await expect(chat.calls).to_contain_text("lacks the scope approve")
        await expect(chat.field).to_be_disabled()
        await chat.page.get_by_role("button", name="Log out").click()
        await chat.log_in(DECIDER.token.get_secret_value())
        await chat.open(site.url, "a")
        await chat.page.get_by_role("button", name="Approve").click()
        await chat.ended()
        assert await chat.text() == "Said: paid 500."


async def test_the_page_is_small_and_loads_everything_from_its_gateway(site: Site) -> None:
    async with chat_page(site.url) as chat:
        await expect(chat.page.get_by_role("button", name="Log out")).to_be_visible()
        loaded = await chat.page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
        files = {name.removeprefix(site.url) for name in loaded}
        assert all(name.startswith("/") for name in files)
        sizes = {path: len(file.content) for path, file in page_files().items() if path in files | {"/"}}
        assert len(sizes) > 10
        assert sum(sizes.values()) < LARGEST_BYTES
