"""The chat page of a daemon that is killed in the middle of an answer."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import expect

from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import daemon
from tests.agents.gateway.pages.browser import chromium, tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
]
TEXT = "go one two three four five six seven eight nine ten eleven twelve thirteen."


async def test_the_page_goes_on_without_losing_or_repeating_a_token(server: RehearsalServer, folder: Path) -> None:
    async with chromium() as browser:
        chat = await tab(await browser.new_context())
        async with daemon(server, folder) as first:
            async with first.client() as client:
                await client.post("/agents", {"id": "a", "model": "slow"})
            await chat.open(first.url, "a")
            await chat.log_in(first.token)
            await chat.say("go")
            await expect(chat.answer).to_contain_text("three")
            first.signal(signal.SIGKILL)
            await first.ended()
        await expect(chat.state).to_have_text("reconnecting…")
        async with daemon(server, folder, port=int(first.url.rpartition(":")[2])) as second:
            await expect(chat.page.get_by_text("Your login has ended.")).to_be_visible()
            await chat.log_in(second.token)
            await chat.ended()
            assert await chat.text() == TEXT
            await chat.page.reload()
            await expect(chat.answer.locator(".text")).to_have_text(TEXT)
            await expect(chat.answers).to_have_count(1)
            await chat.check()
            assert await second.stopped() == 0
