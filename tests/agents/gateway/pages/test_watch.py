"""The watch page in a real browser: the tree as it changes, the timeline of a turn, and what each scope may do."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from actors import KILL, Mailbox, whereis
from actors import exit as send_exit
from agents import agent
from agents.agent_registry import find_agent
from agents.core.events import TERMINAL, StreamApprovalRequired
from agents.settings import AgentRestartLimits, SupervisionSettings, TokenSettings
from agents.timeline.lane import TITLE_CHARS
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import PATIENCE_MS, WATCH, chromium
from tests.agents.gateway.pages.hostile import WITHOUT_NUL as HOSTILE
from tests.agents.gateway.site import BUYER_AND_SLOW
from tests.agents.gateway.users import ANN, CHAT, READ, ROOT, House, house, token

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
]

AXE = Path(__file__).parents[4] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
DASHBOARD = token("dashboard", "ann", READ)
BLIND = token("blind", "ann", CHAT)


@tool(requires_approval=True, approval_timeout_s=600.0)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


CALLS = ", ".join(f"{{ name = {json.dumps(name)}, arguments = {{ x = {json.dumps(name)} }} }}" for name in HOSTILE)
EVIL = f"""
[models.evil]
turns = [{{ steps = [{{ tool_calls = [{CALLS}] }}, {{ text = {json.dumps(" ".join(HOSTILE))} }}] }}]
"""


@pytest.fixture
async def served() -> AsyncIterator[House]:
    async with house([ANN, DASHBOARD, BLIND, ROOT], script=BUYER_AND_SLOW + EVIL) as of:
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
    async with Mailbox() as box:
        agent.stream_chat(pid, "buy", box.pid, stream_id=stream_id)
        while not isinstance(await box.receive(), StreamApprovalRequired):
            pass


def row(page: Page, name: str) -> Any:
    return page.locator("#tree .row").filter(has_text=re.compile(rf"^{re.escape(name)}"))


async def test_a_restart_shows_in_the_tree_as_it_happens_with_the_crash_that_caused_it(served: House) -> None:
    await agent_supervisor.start_agent({"id": "a1", "model": "echo", "owner": "ann"})
    async with watch_page(served, ROOT) as page:
        await expect(row(page, "agent:a1")).to_be_visible()
        pid = find_agent("a1")
        assert pid is not None
        send_exit(pid, KILL)
        await expect(row(page, "agent:a1").locator(".cause")).to_contain_text("killed")
        await expect(row(page, "agent:a1")).to_have_class(re.compile("fresh"))
        await expect(page.locator("#announcer")).to_contain_text("agent:a1 was restarted: killed")
        await expect(page.locator("#crashes")).to_contain_text("killed a1")
        streams = whereis("stream_supervisor")
        assert streams is not None
        send_exit(streams, KILL)
        await expect(row(page, "stream_supervisor").locator(".badge.warn")).to_have_text("restarts 1")


async def test_a_held_agent_is_shown_and_reset_on_the_page() -> None:
    at_once = SupervisionSettings(agent_supervisor=AgentRestartLimits(intensity=0))
    async with house([ANN], supervision=at_once) as of:
        pid = await agent_supervisor.start_agent({"id": "a1", "model": "echo", "owner": "ann"})
        send_exit(pid, KILL)
        async with watch_page(of, ANN) as page:
            crashed = page.locator("#crashed-agents")
            await expect(crashed).to_contain_text("a1 held crashes 1, the last one by killed")
            await expect(page.locator("#tree")).to_contain_text("held")
            await page.get_by_role("button", name="Reset a1").click()
            await expect(crashed).to_have_text("No agent has crashed.")
            await expect(row(page, "agent:a1")).to_be_visible()


async def test_a_timeline_is_drawn_while_its_turn_runs_and_ends_with_it(served: House) -> None:
    await waits_for_approval()
    async with watch_page(served, ROOT) as page:
        await page.get_by_role("button", name="Show the timeline of s1").click()
        figure = page.locator(".timeline")
        await expect(figure).to_have_attribute("data-outcome", "running")
        await expect(figure.locator("rect.approval").first).to_be_visible()
        await expect(page.locator("#approvals")).to_contain_text("pays of buyer")
        pid = find_agent("buyer")
        assert pid is not None
        call = page.locator("#approvals strong")
        await expect(call).to_have_text("pays")
        waiting = await (await page.request.get(f"{served.site.url}/approvals")).json()
        await agent.approve(pid, waiting["approvals"][0]["tool_call"]["id"])
        await expect(figure).to_have_attribute("data-outcome", "complete")
        await expect(figure.locator("rect.run").first).to_be_visible()
        await expect(page.locator("#approvals")).to_contain_text("No call waits.")
        assert page.url.endswith("?stream=s1")
        await page.reload()
        await expect(figure).to_have_attribute("data-outcome", "complete")


async def test_an_admin_suspends_resumes_cancels_and_stops_an_agent(served: House) -> None:
    await waits_for_approval()
    async with watch_page(served, ROOT) as page:
        panel = page.locator("#agent-panel")
        await page.get_by_role("button", name="agent:buyer").click()
        await panel.get_by_role("button", name="Suspend").click()
        await expect(row(page, "agent:buyer")).to_contain_text("suspended")
        await panel.get_by_role("button", name="Resume").click()
        await panel.get_by_role("button", name="Cancel s1").click()
        await expect(panel).to_contain_text("cancelled")
        await panel.get_by_role("button", name="Stop").click()
        await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        await expect(row(page, "agent:buyer")).to_have_count(0)
        assert find_agent("buyer") is None


async def test_a_reader_sees_its_agents_and_can_change_nothing(served: House) -> None:
    await waits_for_approval()
    await agent_supervisor.start_agent({"id": "bobs", "model": "echo", "owner": "bob"})
    async with watch_page(served, DASHBOARD) as page:
        await page.get_by_role("button", name="agent:buyer").click()
        panel = page.locator("#agent-panel")
        await expect(panel.get_by_role("button", name="Show the timeline of s1")).to_be_visible()
        assert await panel.get_by_role("button").count() == 2  # the stream, and close
        await expect(page.locator("#rights")).to_contain_text("needs the scope admin")
        assert "bobs" not in await page.locator("main").inner_text()


async def test_a_login_without_the_scope_read_is_told_what_it_lacks(served: House) -> None:
    async with watch_page(served, BLIND) as page:
        await expect(page.locator("#rights")).to_contain_text("To watch, it needs the scope read.")
        assert await page.locator("#tree .row").count() == 0


async def test_a_stream_that_does_not_exist_is_one_line(served: House) -> None:
    async with watch_page(served, ROOT, "?stream=nothing") as page:
        await expect(page.locator("#timeline [role=alert]")).to_contain_text(
            "expected the id of a stream, got 'nothing'"
        )


async def test_no_name_runs_as_a_script_or_becomes_an_element(served: House) -> None:
    await agent_supervisor.start_agent({"id": "evil", "model": "evil", "name": HOSTILE[0], "owner": "ann"})
    for number, name in enumerate(HOSTILE[::3]):
        await waits_for_approval(f"h{number}", f"s{number}", name=name)
        pid = find_agent(f"h{number}")
        assert pid is not None
        assert pid.process is not None
        pid.process.label = name
    evil = find_agent("evil")
    assert evil is not None
    async with Mailbox() as box:
        agent.stream_chat(evil, HOSTILE[0], box.pid, stream_id="evil")
        while not isinstance(await box.receive(), TERMINAL):
            pass
    async with watch_page(served, ROOT, "?stream=evil") as page:
        titles = page.locator(".timeline svg title")
        await expect(titles.filter(has_text=": failed")).to_have_count(len(HOSTILE))
        shown = await titles.all_text_contents()
        assert [name for name in HOSTILE if not any(name[: TITLE_CHARS - 1] in title for title in shown)] == []
        for number, name in enumerate(HOSTILE[::3]):
            await page.get_by_role("button", name=f"agent:h{number}", exact=True).click()
            await expect(page.locator("#agent-panel")).to_contain_text(" ".join(name.split()))
        assert await page.locator("#page script, #page img, #page iframe, [onload], [onerror]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_is_accessible(served: House, scheme: str, width: int) -> None:
    await waits_for_approval()
    await agent_supervisor.start_agent({"id": "a1", "model": "echo", "owner": "ann"})
    pid = find_agent("a1")
    assert pid is not None
    send_exit(pid, KILL)
    viewport = {"width": width, "height": 900}
    async with watch_page(served, ROOT, "?stream=s1", color_scheme=scheme, viewport=viewport, bypass_csp=True) as page:
        await expect(page.locator("#crashes")).to_contain_text("killed")
        await expect(page.locator(".timeline svg")).to_be_visible()
        await page.get_by_role("button", name="agent:buyer").click()
        await page.add_script_tag(path=AXE)
        found = await page.evaluate("axe.run()")
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_children_that_are_left_out_are_shown_when_a_person_asks_for_more(served: House) -> None:
    names = [f"agent-{number:03}" for number in range(120)]
    for name in names:
        await agent_supervisor.start_agent({"id": name, "model": "buyer"})
    async with watch_page(served, ROOT) as page:
        shown = page.locator("#tree .row").filter(has_text=re.compile("^agent:agent-"))
        await expect(shown).to_have_count(50)
        more = page.get_by_role("button", name="… and 70 more")
        await more.click()
        await expect(shown).to_have_count(100)
        await page.get_by_role("button", name="… and 20 more").click()
        await expect(shown).to_have_count(120)
        await expect(page.get_by_role("button", name="more")).to_have_count(0)
