"""Files on the chat page in a real browser: chosen, pasted and dropped, previewed, removed, sent, and shown again."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Locator, expect

from agents.parts.given import Image
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import ChatPage, chat_page
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import house
from tests.agents.parts.samples import PDF, PNG, seen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]
SCRIPT = """
[models.seeing]
turns = [{ steps = [{ text = "{user} -> {parts}" }] }]

[models.slow]
token_delay_s = 0.05
turns = [{ steps = [{ text = "One two three four five", fault = { name = "stall", after_tokens = 4 } }] }]

[models.paints]
turns = [{ steps = [{ tool_calls = [{ name = "paints", arguments = {} }] }, { text = "Painted." }] }]
"""
GIVE = """
([kind, files]) => {
    const data = new DataTransfer();
    for (const [name, type, text] of files) {
        data.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], name, { type }));
    }
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector(kind === "paste" ? "#message" : "#log").dispatchEvent(event);
    return event.defaultPrevented;
}
"""
WIDTH = "(image) => image.decode().then(() => image.naturalWidth)"


@tool
async def paints() -> Image:
    """Return a picture."""
    return Image(PNG, "art.png")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with house([], tmp_path / "sessions.db", script=SCRIPT) as of:
        yield of.site


def files_of(chat: ChatPage) -> Locator:
    return chat.page.get_by_role("list", name="Files of the message").get_by_role("listitem")


async def give(chat: ChatPage, kind: str, *files: tuple[str, str, bytes]) -> None:
    """Paste or drop files: their names, types and bytes."""
    await expect(chat.field).to_be_enabled()
    given = [(name, type_, b64encode(data).decode()) for name, type_, data in files]
    assert await chat.page.evaluate(GIVE, [kind, given])


async def test_pasted_dropped_and_chosen_files_are_sent_in_order_and_shown_again(site: Site) -> None:
    await site.agent("seeing")
    async with chat_page(site.url, "a") as chat:
        await give(chat, "paste", ("image.png", "image/png", PNG))
        await expect(files_of(chat)).to_have_count(1)
        await give(chat, "drop", ("doc.pdf", "application/pdf", PDF), ("wrong.txt", "text/plain", b"Hi"))
        await expect(files_of(chat)).to_have_count(3)
        async with chat.page.expect_file_chooser() as chooser:
            await chat.page.get_by_role("button", name="Attach files").click()
        notes: FilePayload = {"name": "notes.md", "mimeType": "text/markdown", "buffer": "Grün".encode()}
        await (await chooser.value).set_files([notes])
        await expect(files_of(chat)).to_have_count(4)
        await expect(files_of(chat).first.locator("canvas")).to_be_visible()
        await chat.page.get_by_role("button", name="Remove wrong.txt").click()
        await chat.say("Look:")
        await chat.ended()
        places = [
            (await chat.text()).find(each)
            for each in ("Look:", "Grün", seen("image/png", PNG), seen("application/pdf", PDF))
        ]
        assert places == sorted(places)
        assert min(places) >= 0
        await expect(files_of(chat)).to_have_count(0)
        said = chat.page.get_by_role("article", name="You")
        await expect(said.locator("li span")).to_have_text(["image.png", "doc.pdf", "notes.md"])
        await chat.page.reload()
        assert await said.locator("img[alt='image.png']").evaluate(WIDTH) == 1
        await expect(said.locator("a[download]")).to_have_text(["doc.pdf", "notes.md"])
        async with chat.page.expect_download() as download:
            await said.get_by_role("link", name="doc.pdf").click()
        assert Path(await (await download.value).path()).read_bytes() == PDF


async def test_a_file_that_the_gateway_would_refuse_is_refused_in_words_and_the_others_stay(site: Site) -> None:
    await site.agent("seeing")
    async with chat_page(site.url, "a") as chat:
        large = b"%PDF-" + bytes(5 * 1024 * 1024)
        wrong = ("photo.heic", "image/heic", b"\0\1"), ("large.pdf", "application/pdf", large)
        await give(chat, "paste", *wrong, ("image.png", "image/png", PNG))
        await expect(files_of(chat)).to_have_count(1)
        hint = chat.page.locator("#hint")
        await expect(hint).to_contain_text(
            "photo.heic: expected PNG, JPEG, GIF, WebP, WAV, MP3, PDF, text, got image/heic"
        )
        await expect(hint).to_contain_text("large.pdf: expected at most 5242880 bytes, got 5242885 bytes")
        await chat.field.press("Enter")
        await expect(hint).to_have_text("Write a message to send with the files.")
        await expect(files_of(chat)).to_have_count(1)
        await give(chat, "drop", *((f"{number}.png", "image/png", PNG) for number in range(20)))
        await expect(hint).to_contain_text("19.png: expected at most 20 files in a message")
        await expect(files_of(chat)).to_have_count(20)


async def test_files_come_back_with_the_text_when_the_gateway_refuses_them(site: Site) -> None:
    await site.agent("slow")
    async with chat_page(site.url, "a") as chat:
        await chat.say("Go.")
        await expect(chat.answer.locator(".text")).to_contain_text("One two")
        await give(chat, "paste", ("broken.png", "image/png", b"not a picture"))
        await expect(files_of(chat)).to_have_count(1)
        await chat.say("And this?")
        await expect(chat.page.locator("#hint")).to_contain_text("expected a PNG, JPEG, GIF or WebP image")
        await expect(chat.field).to_have_value("And this?")
        await expect(files_of(chat)).to_have_count(1)


async def test_a_picture_that_a_tool_returned_is_in_its_card_at_once_and_in_the_history(site: Site) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "paints", "tools": [paints]})
    async with chat_page(site.url, "a") as chat:
        await chat.say("Paint.")
        await chat.ended()
        for _ in range(2):
            await chat.calls.locator("summary").click()
            assert await chat.calls.locator("img[alt='art.png']").evaluate(WIDTH) == 1
            await chat.page.reload()
