"""A large result on the chat page in a real browser: linked to the session that has it, at once and in the history."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from agents.core.large_result import LargeResult, shown
from agents.sub_agents.agent_tool import as_tool
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import ChatPage, chat_page
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import house
from tests.agents.sample_tools import LONG_LOG

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]
SCRIPT = """
[models.reader]
turns = [{ steps = [{ tool_calls = [{ name = "long_log", arguments = {} }] }, { text = "{result:0}" }] }]

[models.claims]
turns = [{ steps = [{ tool_calls = [{ name = "claims", arguments = {} }] }, { text = "Read." }] }]

[models.editor]
turns = [{ steps = [{ tool_calls = [{ name = "reader", arguments = { message = "Read." } }] }, { text = "Read." }] }]
"""
READER = {
    "name": "reader",
    "model": "reader",
    "tools": ["tests.agents.sample_tools:long_log"],
    "large_results": {"shown_bytes": 1024},
}


@tool
async def claims() -> str:
    """Return the note of a large result that is not there."""
    return shown(LONG_LOG, LargeResult("0" * 64, len(LONG_LOG), len(LONG_LOG)), 200)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with house([], tmp_path / "sessions.db", script=SCRIPT) as of:
        yield of.site


async def opened(chat: ChatPage) -> Locator:
    """Open the card of the only call, and return its links."""
    await chat.calls.locator("summary").click()
    await expect(chat.calls.locator("pre").last).to_be_visible()
    return chat.calls.get_by_role("link")


async def test_a_large_result_is_linked_at_once_and_in_the_history(site: Site) -> None:
    await agent_supervisor.start_agent({**READER, "id": "a"})
    async with chat_page(site.url, "a") as chat:
        await chat.say("Read.")
        await chat.ended()
        for _ in range(2):
            link = await opened(chat)
            await expect(link).to_have_text("the whole result")
            async with chat.page.expect_download() as download:
                await link.click()
            assert Path(await (await download.value).path()).read_text() == LONG_LOG
            await chat.page.reload()


async def test_a_large_result_of_a_sub_agent_is_linked_to_the_session_of_the_sub_agent(site: Site) -> None:
    editor = {
        "id": "a",
        "model": "editor",
        "tools": [as_tool(READER, description="Read the log.")],
        "large_results": {},
    }
    await agent_supervisor.start_agent(editor)
    async with chat_page(site.url, "a") as chat:
        await chat.say("Edit.")
        await chat.ended()
        await expect(await opened(chat)).to_have_count(0)
        await chat.page.reload()
        link = await opened(chat)
        (below,) = (await site.json("GET", "/sessions/a"))[1]["sub_agents"]
        await expect(link).to_have_attribute("href", re.compile(rf"^sessions/{below['id']}/results/[0-9a-f]{{64}}$"))
        async with chat.page.expect_download() as download:
            await link.click()
        assert Path(await (await download.value).path()).read_text() == LONG_LOG


async def test_a_text_that_only_names_a_handle_has_no_link(site: Site) -> None:
    await agent_supervisor.start_agent(
        {**READER, "id": "a", "tools": [claims], "large_results": None, "model": "claims"}
    )
    async with chat_page(site.url, "a") as chat:
        await chat.say("Read.")
        await chat.ended()
        await chat.page.reload()
        async with chat.page.expect_response("**/results/*") as asked:
            link = await opened(chat)
        assert (await asked.value).status == 404
        await expect(link).to_have_count(0)
