"""Makes pictures of the pages: the demo's turn on the page to chat in, and on the page to watch.

`make pictures` runs it, with Debian's chromium.
"""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory

from playwright.async_api import Page, ViewportSize, async_playwright, expect
from pydantic import SecretStr

from actors import Mailbox
from agents import StreamToolStart, agent, application, start_agent
from agents.cli.demo import FILES, MODEL, QUESTION, SCRIPT, VICTIM
from agents.cli.demo_tools import search_archive
from agents.gateway import Gateway, LiveSessions, serving
from agents.rehearsal import RehearsalServer, parse
from agents.settings import GatewaySettings, Settings, ToolSettings
from agents.tools.pool_server import open_pool

HERE = Path(__file__).parent
SIZE: ViewportSize = {"width": 1080, "height": 720}
PATIENCE_MS = 60_000  # the whole turn takes eight seconds, and longer on a busy machine


async def main() -> None:
    token = token_urlsafe(32)
    with TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (Path(folder) / name).write_text(text)
        async with RehearsalServer(parse(SCRIPT.read_text(), str(SCRIPT))) as server:
            settings = Settings(
                base_url=server.base_url,
                api_key=SecretStr("rehearsal"),
                model=MODEL,
                tools=ToolSettings(workers=4, file_ops_root=Path(folder)),
                gateway=GatewaySettings(port=0),
            )
            async with application.running(settings):
                tools = ["calculator", "file_ops", search_archive]
                await start_agent(id="stage-manager", name="Stage manager", tools=tools)
                async with serving(Gateway(settings, LiveSessions(), token), settings) as served:
                    await _pictures(f"http://127.0.0.1:{served.port}", token)


async def _pictures(url: str, token: str) -> None:
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        expect.set_options(timeout=PATIENCE_MS)
        browser = await playwright.chromium.launch(executable_path=executable)
        try:
            page = await browser.new_page(viewport=SIZE)
            stream_id = await _chat(page, url, token)
            await _watch(page, f"{url}/watch?stream={stream_id}")
        finally:
            await browser.close()


async def _chat(page: Page, url: str, token: str) -> str:
    """Ask the demo's question on the page, and return the id of the stream."""
    await page.goto(f"{url}/?session=stage-manager")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Log in").click()
    field = page.get_by_role("textbox", name="Message", exact=True)
    await expect(field).to_be_enabled()
    async with Mailbox() as box:
        agent.subscribe("stage-manager", box.pid)
        await field.fill(QUESTION)
        await field.press("Enter")
        stream_id = await _kill_the_victim(box)
    await expect(page.get_by_role("article", name="Answer").last).to_contain_text("says the archive")
    await expect(page.locator(".streaming")).to_have_count(0)
    await page.screenshot(path=HERE / "chat.png")
    return stream_id


async def _kill_the_victim(box: Mailbox) -> str:
    """Kill the OS process of one call, as the demo does. Return the id of the stream."""
    while True:
        event = await box.receive(30.0)
        if isinstance(event, StreamToolStart) and event.tool_call.function.name == VICTIM:
            break
    pool = await open_pool()
    os.kill(next(pid for pid, tool in pool.running.items() if tool == VICTIM), signal.SIGKILL)
    return event.stream_id


async def _watch(page: Page, url: str) -> None:
    await page.goto(url)
    await expect(page.locator(".timeline")).to_have_attribute("data-outcome", "complete")
    await page.evaluate("scrollTo(0, 0)")
    await page.screenshot(path=HERE / "watch.png")


if __name__ == "__main__":
    asyncio.run(main())
