"""Webhooks: a signed message is with its event in the store, and is sent until the receiver has it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from actors import Mailbox
from agents import (
    CallContext,
    Decided,
    InvalidArgument,
    Question,
    StreamApprovalRequired,
    StreamError,
    agent,
    application,
    start_agent,
    tool,
)
from agents.configuration import InvalidConfiguration, load
from agents.daemon.reload import reload
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, SessionSettings, Settings, ToolSettings, WebhookEvent, WebhookSettings
from agents.webhooks import sender
from tests.agents.sample_tools import pays
from tests.agents.webhooks.receiver import SECRET, Receiver, receiving

SCRIPT = """
[models.host]
[[models.host.turns]]
[[models.host.turns.steps]]
text = "A private text. "
tool_calls = [
    { name = "ask_user", arguments = { question = "Which?", choices = ["red", "blue"] } },
    { name = "pays", arguments = { euros = 500 } },
]
[[models.host.turns.steps]]
text = "{result:0}, {result:1}"

[models.cleaner]
turns = [{ steps = [{ tool_calls = [{ name = "cleans", arguments = {} }] }, { text = "{result:0}" }] }]

[models.fails]
turns = [{ steps = [{ text = "One two.", fault = { name = "error_event", after_tokens = 1 } }] }]
"""

Running = Callable[..., AbstractAsyncContextManager[Receiver]]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a function that starts the application with one webhook, several times, on one store."""
    async with RehearsalServer(builtin() | parse(SCRIPT, "webhooks")) as server, receiving() as receiver:

        @asynccontextmanager
        async def start(**webhook: Any) -> AsyncIterator[Receiver]:
            hook = WebhookSettings(url=f"{receiver.url}/hook?key=hidden", secret=SECRET, **webhook)
            settings = Settings(
                base_url=server.base_url,
                api_key=SecretStr("rehearsal"),
                sessions=SessionSettings(url=f"sqlite:///{tmp_path / 'sessions.db'}", durability=Durability.SYNC),
                tools=ToolSettings(workers=1),
                webhooks=(hook,),
            )
            async with application.running(settings):
                yield receiver

        yield start


async def turn(pid: Any) -> str:
    """Answer the question and approve the call of one turn. Return its stream's id."""
    async for event in agent.stream(pid, "My secret is 1234."):
        if isinstance(event, StreamApprovalRequired) and event.question is not None:
            await agent.answer(pid, event.tool_call.id, "red")
        elif isinstance(event, StreamApprovalRequired):
            await agent.approve(pid, event.tool_call.id)
    return event.stream_id


async def test_each_event_of_a_turn_is_one_signed_message_without_the_conversation(running: Running) -> None:
    async with running() as receiver:
        pid = await start_agent(id="h", name="Host", model="host", tools=["ask_user", pays], owner="ann")
        stream_id = await turn(pid)
        place = {"stream_id": stream_id, "session_id": "h", "agent": "Host", "owner": "ann"}
        question = await receiver.having("turn.question")
        asked = {"text": "Which?", "choices": ["red", "blue"], "several": False, "default": None}
        assert question["question"] == {**asked, "timeout_s": 86_400.0}
        approval = await receiver.having("turn.approval")
        assert approval == {**place, "call_id": approval["call_id"], "name": "pays", "timeout_s": 0.25}
        assert await receiver.having("turn.complete") == place
        assert len(set(receiver.ids)) == len(receiver.ids) == 3
    assert not any(word in str(receiver.messages) for word in ("private", "1234", "paid", "euros"))


async def test_each_question_of_a_call_is_a_message_of_its_own(running: Running) -> None:
    @tool
    async def cleans(call: CallContext) -> str:
        """Ask twice."""
        return f"{call.ask(Question('Really?', ('red', 'no')))} {call.ask(Question('And?', ('red', 'no')))}"

    async with running(events=(WebhookEvent.QUESTION, WebhookEvent.COMPLETE)) as receiver:
        await turn(await start_agent(model="cleaner", tools=[cleans]))
        await receiver.until(3)
        assert len(set(receiver.ids)) == 3
        asked = [each["data"]["question"]["text"] for each in receiver.messages if each["type"] == "turn.question"]
        assert asked == ["Really?", "And?"]


async def test_a_webhook_gets_the_events_and_the_agents_that_it_names(running: Running) -> None:
    events = (WebhookEvent.APPROVAL, WebhookEvent.FAILED)
    async with running(events=events, agents=("Host", "f"), arguments=True) as receiver:
        await turn(await start_agent(id="other", model="host", tools=["ask_user", pays]))
        await turn(await start_agent(id="h", name="Host", model="host", tools=["ask_user", pays]))
        failing = await start_agent(id="f", model="fails", streaming_config={"max_retries": 0})
        assert [event async for event in agent.stream(failing, "go")]
        assert (await receiver.having("turn.failed"))["reason"] == "api_error"
        assert [(each["type"], each["data"].get("arguments")) for each in receiver.messages] == [
            ("turn.approval", '{"euros":500}'),
            ("turn.failed", None),
        ]


async def test_a_reached_budget_is_one_approval(running: Running) -> None:
    async with running(events=(WebhookEvent.APPROVAL,)) as receiver, Mailbox() as box:
        pid = await start_agent(id="b", model="echo", budget=[{"turn": "*", "tokens": 1}])
        agent.stream_chat(pid, "hello", box.pid)
        approval = await receiver.having("turn.approval")
        assert (approval["name"], approval["timeout_s"]) == ("budget", 300.0)
        assert await agent.deny("b", approval["call_id"]) == Decided(approval["call_id"], "denied")
        while not isinstance(await box.receive(10), StreamError):
            pass
        assert len(receiver.ids) == 1


@pytest.mark.parametrize("status", [500, 302, 404])
async def test_a_failed_message_is_repeated_with_its_id_and_no_redirect_is_followed(
    running: Running, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(sender, "PAUSES_S", (0.01,) * 3)
    async with running(events=(WebhookEvent.COMPLETE,)) as receiver:
        receiver.statuses = [status, status]
        await agent.chat(await start_agent(model="echo"), "hello")
        await receiver.until(3)
        assert len(set(receiver.ids)) == 1
        assert len({str(each) for each in receiver.messages}) == 1


async def test_a_message_that_never_succeeds_is_given_up_and_the_next_one_is_sent(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "PAUSES_S", (0.01,) * 2)
    async with running(events=(WebhookEvent.COMPLETE,)) as receiver:
        receiver.statuses = [500] * 3
        pid = await start_agent(model="echo")
        await agent.chat(pid, "first")
        await receiver.until(3)
        await agent.chat(pid, "second")
        await receiver.until(4)
        assert [receiver.ids.count(each) for each in dict.fromkeys(receiver.ids)] == [3, 1]


async def test_410_ends_an_endpoint_until_the_next_start(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with running(events=(WebhookEvent.COMPLETE,)) as receiver:
        receiver.statuses = [410]
        pid = await start_agent(id="e", model="echo")
        await agent.chat(pid, "first")
        await receiver.until(1)
        await agent.chat(pid, "second")
    async with running(events=(WebhookEvent.COMPLETE,)) as receiver:
        await agent.chat(await start_agent(id="e", model="echo"), "third")
        await receiver.until(2)
        first, third = receiver.messages
        assert first["data"]["stream_id"] != third["data"]["stream_id"]
    assert "webhook_failed" in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_abc", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "whsec_AAAA"])
def test_a_faulty_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WebhookSettings(url="https://example.com/", secret=secret)
    assert "whsec_ and 24 to 64 bytes" in str(refused.value)


async def test_webhooks_need_a_store(tmp_path: Path) -> None:
    hook = WebhookSettings(url="https://example.com/", secret=SECRET)
    with pytest.raises(InvalidArgument, match=r"webhooks: none while sessions\.durability is off"):
        await application.start(Settings(webhooks=(hook,)))
    file = tmp_path / "sys.config"
    file.write_text(
        "[{understudy, [{sessions, [{durability, off}]},"
        ' {webhooks, [[{url, "https://example.com/"}, {secret, {env, "HOOK"}}]]}]}].'
    )
    with pytest.raises(InvalidConfiguration, match=r"sys\.config:1:.*webhooks: expected none while"):
        load(file, {"HOOK": SECRET})


async def test_a_reload_adds_changes_and_removes_webhooks_without_a_restart(tmp_path: Path) -> None:
    async with RehearsalServer(builtin()) as server, receiving() as first, receiving() as second:

        def having(*receivers: Receiver, **more: Any) -> Settings:
            hooks = [{"url": each.url, "secret": SECRET, "events": ["complete"], **more} for each in receivers]
            kept = {"url": f"sqlite:///{tmp_path / 'sessions.db'}", "durability": "sync"}
            given = {"base_url": server.base_url, "api_key": SecretStr("rehearsal"), "tools": {"workers": 1}}
            return Settings.model_validate({**given, "sessions": kept, "webhooks": hooks})

        async def turn_of(id_: str) -> str:
            *_, end = [event async for event in agent.stream(await start_agent(id=id_, model="echo"), "hello")]
            return end.stream_id

        settings = having()
        async with application.running(settings):
            settings = await applied(settings, having(first))
            one = await turn_of("a")
            await first.until(1)
            settings = await applied(settings, having(first, second))
            two = await turn_of("b")
            await first.until(2)
            await second.until(1)
            settings = await applied(settings, having(second, agents=["d"]))
            await turn_of("c")
            four = await turn_of("d")
            await second.until(2)
            settings = await applied(settings, having())
            await turn_of("e")
            settings = await applied(settings, having(first))
            six = await turn_of("f")
            await first.until(3)
    assert [each["data"]["stream_id"] for each in first.messages] == [one, two, six]
    assert [each["data"]["stream_id"] for each in second.messages] == [two, four]


async def applied(old: Settings, new: Settings) -> Settings:
    """Reload, and return the settings in force."""
    done = await reload(old, lambda: new)
    assert [str(change) for change in (*done.applied, *done.needs_restart, *done.rejected)] == [
        "webhooks: applies to messages on their way, and to agents that start from now on"
    ]
    assert done.settings == new
    return done.settings


async def test_a_reload_refuses_webhooks_without_a_store() -> None:
    async with application.running(settings := Settings()):
        hooks = (WebhookSettings(url="https://example.com/", secret=SECRET),)
        done = await reload(settings, lambda: Settings(webhooks=hooks))
    (refused,) = done.rejected
    assert str(refused).startswith("webhooks: expected none while sessions.durability is off")
    assert done.settings == settings
