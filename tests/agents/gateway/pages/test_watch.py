"""The watch page in a real browser: the tree as it changes, the timeline of a turn, and what each scope may do."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from actors import KILL, whereis
from actors import exit as send_exit
from agents import agent
from agents.agent_registry import find_agent
from agents.core.events import StreamApprovalRequired
from agents.settings import TokenSettings
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import CHROMIUM, PATIENCE_MS, WATCH, chromium
from tests.agents.gateway.users import ANN, READ, ROOT, House, house, token

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="needs chromium: apt-get install chromium"),
    pytest.mark.timeout(180),
]

AXE = Path(__file__).parents[4] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
DASHBOARD = token("dashboard", "ann", READ)
BLIND = token("blind", "ann", *())
HOSTILE = [
    "<script>ran(1)</script>",
    "<img src=x onerror=ran(2)>",
    "\"><svg onload=ran(3)>",
    "javascript:ran(4)",
    "</title><script>ran(5)</script>",
    "{{constructor.constructor('ran(6)')()}}",
]


@tool(requires_approval=True, approval_timeout_s=600.0)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@pytest.fixture
async def served() -> AsyncIterator[House]:
    async with house([ANN, DASHBOARD, BLIND, ROOT]) as of:
        yield of


@asynccontextmanager
async def watch_page(of: House, who: TokenSettings, query: str = "", **context: Any) -> AsyncIterator[Page]:
    """Yield a tab in which a person is logged in at the watch page. At its end, no script of a name has run."""
    faults: list[str] = []
    async with chromium() as browser:
        page = await (await browser.new_context(**context)).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        await page.add_init_script(WATCH)
        await page.goto(f"{of.site.url}/watch{query}")
        await page.get_by_label("Token").fill(who.token.get_secret_value())
        await page.get_by_role("button", name="Log in").click()
        await expect(page.locator("#top")).to_be_visible()
        yield page
        assert faults + await page.evaluate("window.faults") == []


async def waits_for_approval(agent_id: str = "buyer", stream_id: str = "s1", **config: Any) -> None:
    """Start a turn of ann's whose call waits for a decision."""
    pid = await agent_supervisor.start_agent(
        {"id": agent_id, "model": "buyer", "tools": [pays], "owner": "ann", **config}
    )
    async for event in agent.stream_as(pid, "buy", stream_id):
        if isinstance(event, StreamApprovalRequired):
            return


def row(page: Page, name: str) -> Any:
    return page.locator("#tree .row").filter(has_text=re.compile(rf"^{re.escape(name)}"))
