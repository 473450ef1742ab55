"""client.js and the Markdown of the pages in a real browser."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Page

from tests.agents.gateway.pages.browser import chromium, tab
from tests.agents.gateway.pages.hostile import HOSTILE
from tests.agents.gateway.site import Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]

WORDS = " ".join(f"w{number}" for number in range(40))
SCRIPT = f"""
[models.counts]
token_delay_s = 0.02
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]
"""
SPLITS = r"""
async () => {
    const { SseDecoder } = await import("/static/client.js");
    const source = "\uFEFF:x\r\nid: 1\r\nevent: token\r\ndata: gr\u00FCn \u{1F422}\r\n\r\n"
        + "data: a\ndata: b\r\rid: 2\ndata: c\n\n";
    const bytes = new TextEncoder().encode(source);
    const wrong = [];
    for (let at = 0; at <= bytes.length; at += 1) {
        const decoder = new SseDecoder();
        const found = [bytes.subarray(0, at), bytes.subarray(at)].flatMap((piece) => decoder.feed(piece));
        const said = found.map(({ event, data, id }) => `${id} ${event} ${data}`).join("|");
        if (said !== "1 token gr\u00FCn \u{1F422}|null message a\nb|2 message c") wrong.push([at, said]);
    }
    return wrong;
}
"""
STREAMS = """
async ([url, token]) => {
    const { Client } = await import("/static/client.js");
    const client = new Client({ url, token });
    await client.startAgent({ id: "a", model: "counts" });
    const texts = [];
    const read = async (events) => {
        let text = "";
        for await (const { type, data } of events) if (type === "token") text += data.text;
        texts.push(text);
    };
    const both = [client.stream("a", "go", { streamId: "s" }), client.stream("a", "go", { streamId: "s" })];
    await Promise.all(both.map(read));
    await read(client.events("s"));
    const partial = [];
    for await (const { data, seq } of client.events("s", { after: 3 })) partial.push(seq);
    return { texts, last: partial.at(-1), cancelled: await client.cancel("s") };
}
"""
GROWS = """
async ([text, width]) => {
    const { Markdown } = await import("/static/markdown.js");
    const [whole, grown] = [document.createElement("div"), document.createElement("div")];
    new Markdown(whole).append(text);
    const markdown = new Markdown(grown);
    for (let at = 0; at < text.length; at += width) markdown.append(text.slice(at, at + width));
    for (const each of [whole, grown]) each.normalize();
    return [whole.innerHTML, grown.innerHTML];
}
"""
STAYS = """
async () => {
    const { Markdown } = await import("/static/markdown.js");
    const element = document.createElement("div");
    const markdown = new Markdown(element);
    const earlier = "# Title\\n\\nA paragraph.\\n\\n- a\\n- b\\n\\n```\\ncode\\n```\\n\\n";
    markdown.append(earlier);
    const kept = [...element.children];
    markdown.append("The last **block**");
    const observer = new MutationObserver(() => {});
    const everything = { childList: true, characterData: true, subtree: true };
    kept.slice(0, -1).forEach((each) => observer.observe(each, everything));
    for (let number = 0; number < 2000; number += 1) markdown.append(` word${number} *and*`);
    return { changes: observer.takeRecords().length, same: kept.every((each) => element.contains(each)) };
}
"""

PIECES = st.sampled_from(
    [
        *HOSTILE,
        *("# a", "- x", "  - y", "1. z", "> q", "```\n", "~~~\n", "|a|b|\n|-|-|\n", "---\n", "- [x] t"),
        *("**", "*", "_", "~~", "`", "\\", "[x](https://a.test/)", "![i](https://a.test/i.png)", "https://a.test/"),
        *("\n", "\n\n", " ", "  \n", "a", "é🐢", "long " * 500),
    ]
)


@pytest.fixture
async def page(site: Site) -> AsyncIterator[Page]:
    """A page of the gateway, on which nobody is logged in."""
    async with chromium() as browser:
        chat = await tab(await browser.new_context())
        await chat.open(site.url)
        yield chat.page
        await chat.check()


async def test_any_split_of_the_bytes_gives_the_same_events(page: Page) -> None:
    assert await page.evaluate(SPLITS) == []


async def test_a_stream_is_read_by_two_readers_and_again(page: Page, site: Site) -> None:
    found = await page.evaluate(STREAMS, [site.url, site.http.headers["authorization"].removeprefix("Bearer ")])
    _, stream = await site.json("GET", "/streams/s")
    assert found == {"texts": [WORDS] * 3, "last": stream["seq"], "cancelled": False}


async def test_markdown_that_grows_is_the_markdown_of_the_whole_text(page: Page) -> None:
    @given(st.lists(PIECES, max_size=12), st.integers(1, 9))
    @settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
    def example(pieces: list[str], width: int) -> None:
        cases.append(("".join(pieces), width))

    cases: list[tuple[str, int]] = []
    example()
    for text, width in cases:
        whole, grown = await page.evaluate(GROWS, [text, width])
        assert grown == whole, text


async def test_growing_text_changes_only_the_last_block(page: Page) -> None:
    found = await page.evaluate(STAYS)
    assert (found["changes"], found["same"]) == (0, True)
