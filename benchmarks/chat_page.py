"""The cost of a long answer to a person who watches it on the chat page, in Debian's chromium."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
from msgspec import Struct
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.daemon_clients import Server, daemon, running
from benchmarks.workload import QUESTION, Measured

MODEL: Final = "writer"
SECTION: Final = """\
## Part {number}

A paragraph of *some* words with a `name` and a [link](https://example.org/), as an answer of this length has them all
the time, and **one more** sentence that ends the paragraph here.

- a first item
- a second item with more words

```python
value = compute(first, second)
print("a line of code that nobody reads", value)
```

"""
WATCH_FRAMES: Final = """
window.frames_ms = [];
let before = performance.now();
requestAnimationFrame(function frame(now) {
    window.frames_ms.push(now - before);
    before = now;
    requestAnimationFrame(frame);
});
window.tasks_ms = [];
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.tasks_ms.push(task.duration);
}).observe({ entryTypes: ["longtask"] });
"""
FIRST_PAINT: Final = """
new Promise((resolve) => {
    const painted = () => performance.getEntriesByName("first-contentful-paint")[0];
    const wait = () => painted() ? resolve(painted().startTime) : requestAnimationFrame(wait);
    wait();
})
"""
PAGE_BYTES: Final = """
[...new Map(
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter((entry) => entry.initiatorType !== "fetch")
        .map((entry) => [entry.name, entry.decodedBodySize])
).values()].reduce((bytes, size) => bytes + size, 0)
"""


class Answer(Struct, frozen=True):
    """The answer that the page shows. early: the tokens after which the heap is measured for the first time."""

    tokens: int = 20_000
    every_s: float = 0.005
    early: int = 2_000
    loads: int = 10

    @property
    def sections(self) -> int:
        return self.tokens // len(SECTION.split())


async def measured(answer: Answer) -> Measured:
    """Return the page's first paint and size, and its frames and heap while the answer streams.

    The measurement needs chromium. Times are in ms, by the browser's clock.
    """
    async with _rehearsal(answer) as base_url, daemon("batched", base_url) as server, _chromium() as browser:
        await _start_agent(server)
        found = {"page_paint": median([await _paint_ms(browser, server) for _ in range(answer.loads)])}
        page = await browser.new_page()
        await page.goto(server.url)
        await page.get_by_label("Token").fill(server.token)
        await page.get_by_role("button", name="Log in").click()
        field = page.get_by_role("textbox", name="Message", exact=True)
        await field.fill(QUESTION)
        found["page_kib"] = await page.evaluate(PAGE_BYTES) / 1024
        return found | await _watched(page, answer)


async def _watched(page: Page, answer: Answer) -> Measured:
    await page.keyboard.press("Enter")
    await page.locator(".streaming").first.wait_for()
    await page.evaluate(WATCH_FRAMES)
    early_mib = await _heap_mib(page, after_s=answer.early * answer.every_s)
    await page.locator(".streaming").first.wait_for(state="detached", timeout=answer.tokens * answer.every_s * 5000)
    frames_ms, tasks_ms = await page.evaluate("[frames_ms, tasks_ms]")
    assert f"Part {answer.sections - 1}" in await page.get_by_role("article", name="Answer").last.inner_text()
    frames_ms = sorted(frames_ms[1:])
    return {
        "frame_p99": frames_ms[len(frames_ms) * 99 // 100],
        "frame_longest": frames_ms[-1],
        "frames_over": float(sum(ms > 50 for ms in frames_ms)),
        "tasks_over": float(len(tasks_ms)),
        "heap_early": early_mib,
        "heap_late": await _heap_mib(page),
    }


async def _paint_ms(browser: Browser, server: Server) -> float:
    """Return the time to the first paint with an empty cache."""
    page = await browser.new_page()
    await page.goto(server.url)
    painted_ms = float(await page.evaluate(FIRST_PAINT))
    await page.context.close()
    return painted_ms


async def _heap_mib(page: Page, after_s: float = 0.0) -> float:
    """Return the size of the page's living objects. The collection of the others is a pause of the page."""
    await asyncio.sleep(after_s)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = await devtools.send("Runtime.getHeapUsage")
    await devtools.detach()
    return float(usage["usedSize"]) / 2**20


async def _start_agent(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    body = {"id": "a", "model": MODEL}
    async with aiohttp.request("POST", f"{server.url}/agents", json=body, headers=headers) as response:
        assert response.status == 201, await response.text()


@asynccontextmanager
async def _rehearsal(answer: Answer) -> AsyncIterator[str]:
    """Yield the base URL of a provider that writes the answer at its pace, in a separate OS process."""
    text = "".join(SECTION.format(number=number) for number in range(answer.sections))
    with TemporaryDirectory() as folder:
        script = Path(folder) / "answer.toml"
        script.write_text(
            f"[models.{MODEL}]\ntoken_delay_s = {answer.every_s}\nturns = [{{ steps = [{{ text = '''{text}''' }}] }}]\n"
        )
        command = (sys.executable, "-m", "agents.rehearsal", "--script", str(script), "--port", "0")
        async with running(*command) as (_, line):
            yield line.split()[-1]


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable is not None, "expected chromium on PATH, got none: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable)
        try:
            yield browser
        finally:
            await browser.close()
