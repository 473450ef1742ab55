"""A browser at the chat page, as a person uses it. Everything that a page must never do is a fault."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.agents.gateway.site import TOKEN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
PATIENCE_MS = 30_000
WATCH = """
window.faults = [];
window.ran = (...what) => { window.faults.push(`ran ${what}`); };
addEventListener("securitypolicyviolation", (event) => {
    window.faults.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""

expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield browser
        finally:
            await browser.close()


class ChatPage:
    """A tab with the chat page. faults: errors, dialogs, and reports of the content security policy."""

    def __init__(self, page: Page) -> None:
        self.page, self.faults = page, list[str]()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        self.field = page.get_by_role("textbox", name="Message", exact=True)
        self.answers = page.get_by_role("article", name="Answer")
        self.answer = self.answers.last
        self.calls = page.locator("details.call")
        self.state = page.locator("#top .state")

    async def open(self, url: str, session: str | None = None) -> None:
        await self.page.goto(url if session is None else f"{url}/?session={session}")

    async def log_in(self, token: str = TOKEN) -> None:
        await self.page.get_by_label("Token").fill(token)
        await self.page.get_by_role("button", name="Log in").click()

    async def say(self, message: str) -> None:
        await expect(self.field).to_be_enabled()
        await self.field.fill(message)
        await self.field.press("Enter")

    async def ended(self) -> None:
        """Wait until no answer streams."""
        await expect(self.answer).to_be_visible()
        await expect(self.page.locator(".streaming")).to_have_count(0)

    async def text(self) -> str:
        """Return the text of the last answer, without its footer."""
        return "\n".join(await self.answer.locator(".text").all_inner_texts())

    async def check(self) -> None:
        """Raise AssertionError if the page did what a page must never do."""
        assert self.faults + await self.page.evaluate("window.faults") == []


async def tab(context: BrowserContext) -> ChatPage:
    page = await context.new_page()
    await page.add_init_script(WATCH)
    return ChatPage(page)


@asynccontextmanager
async def chat_page(url: str, session: str | None = None) -> AsyncIterator[ChatPage]:
    """Yield a tab in which a person is logged in, and check it for faults at the end."""
    async with chromium() as browser:
        chat = await tab(await browser.new_context())
        await chat.open(url, session)
        await chat.log_in()
        yield chat
        await chat.check()
