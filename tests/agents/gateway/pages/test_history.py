"""The chat page of a session whose earlier turns ended in different ways."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.agents.gateway.pages.browser import chat_page
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]
SCRIPT = """
[models.various]
turns = [
    { match = "well", steps = [{ text = "All is well." }] },
    { match = "cut", steps = [{ text = "Half of it is cut.", fault = { name = "error_event", after_tokens = 2 } }] },
    { match = "refuse", steps = [{ text = "Nothing of this.", fault = "html" }] },
]
"""


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Site]:
    """Serve a gateway that keeps its sessions."""
    async with house([], tmp_path / "sessions.db", script=SCRIPT) as of:
        yield of.site


async def test_a_failed_turn_of_a_history_has_its_reason(kept: Site) -> None:
    await kept.agent("various")
    reasons = []
    for question in ("Be well.", "Be cut.", "Be well.", "Refuse."):
        last = (await kept.stream("a", question))[-1]
        reasons.append(last.data.get("message", ""))
    assert [bool(reason) for reason in reasons] == [False, True, False, True]
    async with chat_page(kept.url, "a") as chat:
        await expect(chat.answers).to_have_count(4)
        for number, reason in enumerate(reasons):
            footer = chat.answers.nth(number).locator("footer")
            await expect(footer.locator(".fault")).to_have_text(reason)
            await expect(footer.get_by_text("failed", exact=True)).to_have_count(1 if reason else 0)
        await expect(chat.answers.nth(1).locator(".text")).to_have_text("Half of")
