"""The chat page in a real browser: a person talks to an agent, decides about its calls, and stops it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from agents import CallContext, Question
from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.pages.browser import chat_page, chromium, tab
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]

MARKDOWN = """\
## Rain

It is **very** *wet*, see [here](https://example.org/).

1. One
   - inner
2. Two

| Day | Rain |
|----:|:----:|
| Mon | `3` |

```python
print("wet")
```

> quoted
"""
SCRIPT = f"""
[models.writer]
turns = [{{ steps = [{{ reasoning = "I think of rain.", text = '''{MARKDOWN}''' }}] }}]

[models.counter]
[[models.counter.turns]]
[[models.counter.turns.steps]]
text = "At once."
interleaved = true
tool_calls = [
    {{ name = "calculator", arguments = {{ expression = "6 * 7" }} }},
    {{ name = "calculator", arguments = {{ expression = "1 / 0" }} }},
    {{ name = "nothing", arguments = {{}} }},
]
[[models.counter.turns.steps]]
text = "It is {{result:0}}."

[models.asker]
turns = [{{ steps = [{{ tool_calls = [{{ name = "nothing", arguments = {{}} }}] }}, {{ text = "{{result:0}}" }}] }}]

[models.buyer]
turns = [{{ steps = [
    {{ tool_calls = [{{ name = "pays", arguments = {{ euros = 500 }} }}] }},
    {{ text = "Said: {{result:0}}." }},
] }}]

[models.exact]
turns = [{{ steps = [{{ tool_calls = [
    {{ name = "pays", arguments = '{{"euros": 12345678901234567890}}' }},
    {{ name = "pays", arguments = '{{"euros": 1, "euros": 2}}' }},
] }}, {{ text = "Done." }}] }}]

[models.host]
[[models.host.turns]]
[[models.host.turns.steps]]
tool_calls = [
    {{ name = "ask_user", arguments = {{ question = "Which colour?", choices = ["red", "blue"] }} }},
    {{ name = "ask_user", arguments = {{ question = "Your name?" }} }},
    {{ name = "ask_user", arguments = {{ question = "Toppings?", choices = ["nuts", "figs"], several = true }} }},
]
[[models.host.turns.steps]]
text = "{{result:0}} / {{result:1}} / {{result:2}}"

[models.endless]
token_delay_s = 0.05
turns = [{{ steps = [{{ text = "{" ".join(f"w{number}" for number in range(2000))}" }}] }}]

[models.long]
token_delay_s = 0.05
turns = [{{ steps = [{{ text = "{" ".join(f"w{number}" for number in range(60))}" }}] }}]

[models.flaky]
turns = [{{ steps = [{{ text = "Well then.", fault = {{ name = "server_error", times = 1 }} }}] }}]
"""
LONG = " ".join(f"w{number}" for number in range(60))


@tool(requires_approval=True, approval_timeout_s=60.0)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Site]:
    """Serve a gateway that keeps its sessions."""
    async with house([], tmp_path / "sessions.db", script=SCRIPT) as of:
        yield of.site


async def test_an_answer_streams_as_markdown_with_its_usage(site: Site) -> None:
    await site.agent("writer")
    async with chat_page(site.url) as chat:
        await chat.say("Will it rain?")
        await chat.ended()
        text = chat.answer.locator(".text")
        await expect(text.get_by_role("heading", name="Rain")).to_be_visible()
        await expect(text.get_by_role("link", name="here")).to_have_attribute("href", "https://example.org/")
        await expect(text.get_by_role("cell")).to_have_text(["Mon", "3"])
        assert await text.locator("li").all_text_contents() == ["Oneinner", "inner", "Two"]
        assert [await text.locator(tag).inner_text() for tag in ("strong", "em", "pre", "blockquote")] == [
            "very",
            "wet",
            'print("wet")',
            "quoted",
        ]
        await expect(chat.answer.get_by_text("I think of rain.")).to_be_hidden()
        await chat.answer.get_by_text("Reasoning").click()
        await expect(chat.answer.get_by_text("I think of rain.")).to_be_visible()
        await expect(chat.answer.locator("footer")).to_contain_text("tokens in")
        await expect(chat.page.locator("#announcer")).to_contain_text("It is very wet")


async def test_a_code_block_is_copied(site: Site) -> None:
    await site.agent("writer")
    async with chat_page(site.url) as chat:
        await chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await chat.say("Will it rain?")
        await chat.ended()
        await chat.page.get_by_role("button", name="Copy the code").click()
        await expect(chat.page.get_by_text("Copied")).to_be_visible()
        assert await chat.page.evaluate("navigator.clipboard.readText()") == 'print("wet")'


async def test_parallel_calls_are_cards_with_arguments_status_and_result(site: Site) -> None:
    await site.agent("counter", tools=["calculator"])
    async with chat_page(site.url) as chat:
        await chat.say("Count.")
        await chat.ended()
        assert (await chat.text()).splitlines() == ["At once.", "It is 42."]
        statuses = [text.split(",")[0] for text in await chat.calls.locator(".status").all_inner_texts()]
        assert statuses == ["complete", "error: raised", "error: unknown_tool"]
        await chat.calls.first.locator("summary").click()
        await expect(chat.calls.first.get_by_label("arguments")).to_have_text('{\n  "expression": "6 * 7"\n}')
        await expect(chat.calls.first.get_by_label("result")).to_have_text("42")
        await chat.page.reload()
        await expect(chat.calls.locator("strong")).to_have_text(["calculator", "calculator", "nothing"])


@pytest.mark.parametrize(
    ("buttons", "said"),
    [
        (["Approve"], "Said: paid 500."),
        (["Deny"], "Said: error: denied."),
        (["Edit…", "Approve"], "Said: paid 5"),
    ],
)
async def test_a_call_is_approved_denied_or_run_with_edited_arguments(
    site: Site, buttons: list[str], said: str
) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "buyer", "tools": [pays]})
    async with chat_page(site.url) as chat:
        await chat.say("Buy it.")
        await expect(chat.calls.first).to_contain_text("waits for approval")
        for button in buttons:
            await chat.page.get_by_role("button", name=button).click()
            if button == "Edit…":
                await chat.page.get_by_label("Edited arguments").fill('{"euro":5}')
                await chat.page.get_by_role("button", name="Approve").click()
                await expect(chat.page.get_by_role("alert")).to_contain_text("edited: ")
                await chat.page.get_by_label("Edited arguments").fill('{"euros":5}')
        await chat.ended()
        assert said in await chat.text()
        run = '"euros": 5' if "Edit…" in buttons else '"euros": 500'
        await expect(chat.calls.first.get_by_label("arguments", exact=True)).to_contain_text(run)


async def test_questions_are_answered_by_a_button_by_boxes_and_by_text(site: Site) -> None:
    await site.agent("host", tools=["ask_user"])
    async with chat_page(site.url) as chat:
        await chat.say("Begin.")
        await expect(chat.calls.first).to_contain_text("waits for an answer")
        await expect(chat.page.locator(".question")).to_have_text(["Which colour?", "Your name?", "Toppings?"])
        await chat.page.get_by_role("button", name="Answer", exact=True).first.click()
        await expect(chat.page.get_by_role("alert").nth(1)).to_contain_text("answer: expected a text")
        await chat.page.get_by_role("button", name="red").click()
        await chat.page.get_by_role("textbox", name="Answer").fill("Ada")
        await chat.page.get_by_role("textbox", name="Answer").press("Enter")
        await chat.page.get_by_label("figs").check()
        await chat.page.get_by_role("button", name="Answer", exact=True).click()
        await chat.ended()
        assert 'red / Ada / ["figs"]' in await chat.text()


async def test_the_questions_of_one_call_are_answered_one_after_the_other(site: Site) -> None:
    @tool
    async def nothing(call: CallContext) -> str:
        """Ask twice, with the same choices."""
        return " / ".join(str(call.ask(Question(text, ("yes", "no")))) for text in ("Really?", "Sure?"))

    await site.agent("asker", tools=[nothing])
    async with chat_page(site.url) as chat:
        await chat.say("Begin.")
        for text, answer in {"Really?": "yes", "Sure?": "no"}.items():
            await expect(chat.page.locator(".question")).to_have_text([text])
            await chat.page.get_by_role("button", name=answer, exact=True).click()
        await chat.ended()
        assert "yes / no" in await chat.text()


async def test_a_person_decides_about_the_exact_arguments(site: Site) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "exact", "tools": [pays]})
    async with chat_page(site.url) as chat:
        await chat.say("Buy it.")
        shown = chat.page.get_by_label("arguments", exact=True)
        await expect(shown).to_have_text(['{"euros": 12345678901234567890}', '{"euros": 1, "euros": 2}'])
        for _ in range(2):
            await chat.page.get_by_role("button", name="Deny").first.click()
        await chat.ended()


async def test_an_answer_is_steered_and_stopped_with_the_keyboard(site: Site) -> None:
    await site.agent("endless")
    async with chat_page(site.url) as chat:
        await chat.say("Begin.")
        await expect(chat.answer).to_contain_text("w3")
        await expect(chat.answer.locator(".cursor")).to_have_count(1)
        await chat.say("Be brief.")
        await expect(chat.page.get_by_text("to the running turn")).to_be_visible()
        await expect(chat.page.locator(".user")).to_have_count(2)
        await chat.field.press("Escape")
        await chat.ended()
        await expect(chat.answer.locator("footer")).to_contain_text("stopped")
        await expect(chat.page.locator(".cursor")).to_have_count(0)
        await expect(chat.answers).to_have_count(1)


async def test_a_failed_turn_says_why_and_is_tried_again(site: Site) -> None:
    await site.agent("flaky", streaming_config={"max_retries": 0})
    async with chat_page(site.url) as chat:
        await chat.say("Well?")
        await chat.ended()
        await expect(chat.answer.locator(".fault")).to_contain_text("500")
        await chat.page.get_by_role("button", name="Retry").click()
        await expect(chat.answer.locator(".text")).to_have_text("Well then.")


async def test_a_turn_in_progress_is_shown_whole_after_a_reload(kept: Site) -> None:
    site = kept
    await site.agent("long")
    async with chat_page(site.url) as chat:
        await chat.say("Go.")
        await expect(chat.answer).to_contain_text("w5")
        await chat.page.reload()
        await expect(chat.page.locator(".user")).to_have_text("Go.")
        await chat.ended()
        assert await chat.text() == LONG


async def test_two_tabs_show_one_stream(kept: Site) -> None:
    site = kept
    await site.agent("long")
    async with chat_page(site.url, "a") as one:
        await expect(one.field).to_be_enabled()
        two, three = await tab(one.page.context), await tab(one.page.context)
        await two.open(site.url, "a")
        await expect(two.field).to_be_enabled()
        await one.say("Go.")
        await expect(two.answer).to_contain_text("w5")
        await three.open(site.url, "a")
        for each in (one, two, three):
            await each.ended()
            assert await each.text() == LONG
            await expect(each.page.locator(".user")).to_have_count(1)


async def test_a_page_that_was_offline_goes_on_where_it_was(site: Site) -> None:
    await site.agent("long")
    async with chat_page(site.url) as chat:
        await chat.say("Go.")
        await expect(chat.answer).to_contain_text("w5")
        await chat.page.context.set_offline(True)
        for connection in list(site.server.server_state.connections):
            connection.transport.abort()
        await expect(chat.state).to_have_text("reconnecting…")
        await chat.page.context.set_offline(False)
        await chat.ended()
        assert await chat.text() == LONG


async def test_agents_are_started_and_sessions_are_renamed_and_deleted(site: Site) -> None:
    async with chat_page(site.url) as chat:
        page = chat.page
        await page.get_by_role("button", name="New agent").click()
        await page.get_by_label("Name").fill("Ada")
        await page.get_by_label("Model").fill("echo")
        await page.get_by_label("calculator").check()
        await page.get_by_role("button", name="Start").click()
        await chat.say("Hello")
        await chat.ended()
        assert await chat.text() == "Hello"
        _, listed = await site.json("GET", "/agents")
        status, info = await site.json("GET", f"/agents/{listed['agents'][0]['id']}")
        assert (status, info["name"], info["tools"]) == (200, "Ada", ["calculator"])
        await page.get_by_role("button", name="Delete the session").click()
        await page.get_by_role("button", name="Delete", exact=True).click()
        await expect(page.get_by_role("heading", name="No agent yet")).to_be_visible()
        assert await site.json("GET", "/agents") == (200, {"agents": []})


async def test_a_wrong_token_is_refused_in_place_and_a_logout_ends_the_session(site: Site) -> None:
    await site.agent("echo")
    async with chromium() as browser:
        chat = await tab(await browser.new_context())
        await chat.open(site.url)
        await expect(chat.page.get_by_label("Token")).to_be_focused()
        for _ in range(3):
            await chat.page.keyboard.press("Escape")
        await chat.log_in("w" * 43)
        await expect(chat.page.get_by_role("alert")).to_contain_text("expected the token")
        await chat.log_in()
        await expect(chat.field).to_be_enabled()
        await chat.page.get_by_role("button", name="Log out").click()
        await expect(chat.page.get_by_label("Token")).to_be_visible()
        await chat.check()
