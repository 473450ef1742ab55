"""The hosts of the examples, over real HTTP: FastAPI under uvicorn, and Django whose views run in threads."""

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from playwright.async_api import async_playwright

from tests.agents.cli.terminal import environment
from tests.agents.gateway.test_browser import CHROMIUM, QUIET
from tests.examples.test_examples import FOLDER, HOSTS

FASTAPI = ("-m", "uvicorn", "--app-dir", str(FOLDER), "fastapi_host:app", "--port", "0")
DJANGO = (str(FOLDER / "django_host.py"), "0")
URL = re.compile(rb"http://127\.0\.0\.1:\d+")
CLIENTS = 20
KEPT = 4  # ended streams that an agent keeps


def hear_ctrl_c() -> None:
    """Undo what a shell does to a program in its background, which these tests may be: it ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@asynccontextmanager
async def host(*arguments: str) -> AsyncIterator[str]:
    """Run a host, and give its address. At the end, Ctrl-C ends it without a traceback."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *arguments),
        stdout=PIPE,
        stderr=STDOUT,
        env=environment(),
        preexec_fn=hear_ctrl_c,
    )
    printed = bytearray()
    try:
        yield await address(process, printed)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        assert b"Traceback" not in printed + out, (printed + out).decode()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def address(process: Process, printed: bytearray) -> str:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        printed += line
        if found := URL.search(line):
            return found[0].decode()
    raise AssertionError(f"the host ended without its address: {printed.decode()}")


async def said(http: aiohttp.ClientSession, url: str, stream: str, after: int = 0) -> tuple[str, list[str], list[int]]:
    """Return the text of a stream, the names of its events and their ids, as EventSource reads them."""
    async with http.get(f"{url}/streams/{stream}", headers={"last-event-id": str(after)}) as response:
        assert response.content_type == "text/event-stream"
        frames = [
            dict(line.split(": ", 1) for line in frame.splitlines())
            for frame in (await response.text()).split("\n\n")
            if frame
        ]
    text = "".join(json.loads(frame["data"])["text"] for frame in frames if frame["event"] == "token")
    return text, [frame["event"] for frame in frames], [int(frame["id"]) for frame in frames]


async def test_a_fastapi_host_streams_to_several_clients_and_again_from_any_place() -> None:
    async with host(*FASTAPI) as url, aiohttp.ClientSession() as http:

        async def ask(number: int) -> str:
            async with http.post(f"{url}/messages", json=f"message {number} of many") as response:
                return str(await response.json())

        streams = await asyncio.gather(*map(ask, range(KEPT)))
        for number, stream in enumerate(streams):
            text, names, ids = await said(http, url, stream)
            assert text == f"message {number} of many"
            assert (names[0], names[-1]) == ("start", "complete")
            rest, names, later = await said(http, url, stream, after=ids[1])
            assert text.endswith(rest)
            assert min(later) > ids[1]
            assert names[-1] == "complete"


async def test_a_fastapi_host_has_a_page_and_no_stream_of_another_name() -> None:
    async with host(*FASTAPI) as url, aiohttp.ClientSession() as http:
        async with http.get(url) as page:
            assert page.content_type == "text/html"
        async with http.get(f"{url}/streams/nosuch") as response:
            assert response.status == 404


@pytest.mark.browser
async def test_the_page_shows_an_answer_as_text_and_never_as_markup() -> None:
    async with host(*FASTAPI) as url, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = await browser.new_page()
        await page.goto(url)
        for text in ("one two three", "<img src=x onerror='document.title=1'> four"):
            await page.fill("input", text)
            await page.press("input", "Enter")
            await page.wait_for_function("text => document.querySelector('pre').textContent === text", arg=text)
        assert await page.locator("pre img").count() == 0
        assert await page.title() == "Helper"
        await browser.close()


async def test_the_threads_of_a_django_host_ask_one_agent_at_the_same_time() -> None:
    async with host(*DJANGO) as url, aiohttp.ClientSession() as http:

        async def ask(number: int) -> tuple[str, str]:
            text = f"message {number} of many"
            async with http.get(f"{url}/answer?text={quote(text)}") as response:
                whole = (await response.json())["answer"]
            async with http.get(f"{url}/tokens?text={quote(text)}") as response:
                return whole, await response.text()

        answers = await asyncio.gather(*map(ask, range(CLIENTS)))
    assert answers == [(f"message {number} of many",) * 2 for number in range(CLIENTS)]


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_a_host_fits_on_a_page(name: str) -> None:
    assert len(Path(FOLDER, name).read_text(encoding="utf-8").splitlines()) < 65
