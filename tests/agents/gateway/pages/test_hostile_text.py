"""Hostile texts in every place of the chat page: none runs, and none becomes an element."""

import json

import pytest
from playwright.async_api import expect

from agents.tools.progress import progress
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import ChatPage, chat_page
from tests.agents.gateway.pages.hostile import WITHOUT_NUL as HOSTILE
from tests.agents.gateway.site import Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
]


def calls(*named: tuple[str, str]) -> str:
    return ", ".join(
        f"{{ name = {json.dumps(name)}, arguments = {json.dumps(arguments)} }}" for name, arguments in named
    )


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


ARGUMENTS = [(name, json.dumps({"text": text})) for text in HOSTILE for name in ("repeats", "fails")]
SCRIPT = f"""
[models.hostile]
[[models.hostile.turns]]
match = "begin"
[[models.hostile.turns.steps]]
reasoning = {toml(" ".join(HOSTILE))}
tool_calls = [{calls(*((text, text) for text in HOSTILE))}]
[[models.hostile.turns.steps]]
tool_calls = [{calls(*ARGUMENTS)}]
[[models.hostile.turns.steps]]
text = {toml(chr(10).join(f"{text}{chr(10)}" for text in HOSTILE))}
[[models.hostile.turns]]
steps = [{{ text = "{{user}}" }}]

[models.refused]
turns = [{{ steps = [{{ fault = "html" }}] }}]
"""
FORBIDDEN = """
#page :is(script, iframe, object, embed, img, image, style, link, base, math, video, audio, marquee, template, xss),
#turns svg, #page svg:not(.icon), #page [onerror], #page [onload], #page [onclick], #page [onfocus], #page [style],
#page a[href^="javascript:" i], #page a[href^="data:" i], #page a[href^="vbscript:" i], #page a[href^="file:" i]
"""


@tool(isolation="task")
async def repeats(text: str) -> str:
    """Return and report the text."""
    progress(text)
    return text


@tool(isolation="task")
async def fails(text: str) -> str:
    """Raise the text."""
    raise ValueError(text)


async def harmless(chat: ChatPage) -> None:
    await expect(chat.page.locator(FORBIDDEN)).to_have_count(0)
    await chat.check()


async def test_no_text_of_a_model_or_a_tool_runs(site: Site) -> None:
    tools = [repeats, fails]
    await agent_supervisor.start_agent({"id": "a", "model": "hostile", "tools": tools, "name": HOSTILE[0]})
    async with chat_page(site.url) as chat:
        await chat.say("begin")
        await chat.ended()
        await expect(chat.calls).to_have_count(3 * len(HOSTILE))
        await harmless(chat)
        for card in await chat.calls.all():
            await card.evaluate("(card) => { card.open = true; }")
        results = await chat.page.get_by_label("result").all_text_contents()
        assert all(any(text in result for result in results) for text in HOSTILE)
        await harmless(chat)
        await chat.page.reload()
        await expect(chat.calls).to_have_count(3 * len(HOSTILE))
        await harmless(chat)


async def test_no_text_of_a_person_runs(site: Site) -> None:
    await site.agent("hostile")
    for text in HOSTILE:
        await site.json("POST", "/agents/a/chat", {"message": text})
    async with chat_page(site.url, "a") as chat:
        await chat.page.get_by_role("button", name="Show earlier messages").click()
        await expect(chat.page.locator(".user")).to_have_count(len(HOSTILE))
        assert await chat.page.locator(".user").all_text_contents() == [text.replace("\r\n", "\n") for text in HOSTILE]
        await harmless(chat)
        for link in await chat.page.locator(".text a").all():
            assert str(await link.get_attribute("href")).startswith(("https://", "mailto:"))


async def test_no_name_of_an_agent_runs(site: Site) -> None:
    for number, text in enumerate(HOSTILE):
        await site.agent("echo", f"a{number}", name=text)
    await site.json("PATCH", "/sessions/a0", {"title": HOSTILE[1]})
    async with chat_page(site.url, "a7") as chat:
        await expect(chat.page.locator("#lists a")).to_have_count(len(HOSTILE))
        await expect(chat.page.get_by_role("heading", level=1)).to_have_text(HOSTILE[7])
        await harmless(chat)


async def test_no_error_runs(site: Site) -> None:
    await site.agent("refused", streaming_config={"max_retries": 0})
    async with chat_page(site.url, f"a&x={HOSTILE[2]}") as chat:
        await expect(chat.field).to_be_enabled()
        await chat.say(HOSTILE[2])
        await chat.ended()
        await expect(chat.answer.locator(".fault")).not_to_be_empty()
        await harmless(chat)
        await chat.open(site.url, HOSTILE[2])
        await expect(chat.page.locator("#turns .fault")).not_to_be_empty()
        await harmless(chat)
