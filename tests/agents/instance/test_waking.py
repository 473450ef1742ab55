"""A kept agent: its conversation and its streams are restored, and its process may end while it is idle."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pydantic
import pytest

from actors import KILL, Mailbox, Pid, ended, send
from actors import exit as send_exit
from actors import sys as otp_sys
from agents import (
    Event,
    StoreFailed,
    StreamComplete,
    StreamError,
    StreamStart,
    StreamToken,
    StreamToolStart,
    agent,
    agent_registry,
    application,
)
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.kept import comes_back_whole, kept_config
from agents.agent_config.request import TurnRequest
from agents.core.conversation import AssistantMessage, SystemMessage, UserMessage
from agents.core.events import TERMINAL
from agents.instance.turns import Idle
from agents.instance.waking import wake
from agents.sessions import SessionError, StoreDamaged, open_journal
from agents.settings.agent import AgentSettings
from agents.tools.tool import tool
from supervisors import agent_supervisor, which_children
from tests.agents.keeping import App, ignored, journal
from tests.agents.sample_tools import Gate, pass_gate, shout

SCRIPT = """
[models.clinging]
turns = [{ steps = [{ tool_calls = [{ name = "clings", arguments = {} }] }] }]

[models.marks]
turns = [{ steps = [{ tool_calls = [{ name = "waits_long", arguments = { mark = "{user}" } }] }] }]

[models.gated]
[[models.gated.turns]]
match = "go"
steps = [{ text = "Wait. ", tool_calls = [{ name = "pass_gate", arguments = {} }] }, { text = "Passed." }]
[[models.gated.turns]]
steps = [{ text = "{user}!" }]
"""


@pytest.mark.parametrize("durability", ["batched", "sync"])
async def test_a_conversation_continues_after_the_program_restarts(app: App, durability: str) -> None:
    config = {"id": "ada", "model": "echo", "system_prompt": "Be brief."}
    async with app(durability=durability):
        await agent.chat(await agent_supervisor.start_agent(config), "one")
    async with app(durability=durability):
        pid = await agent_supervisor.start_agent({**config, "system_prompt": "Be long."})
        await agent.chat(pid, "two")
        assert await agent.conversation(pid) == (
            SystemMessage("Be long."),
            UserMessage("one"),
            AssistantMessage("one", origin=origin(await agent.conversation(pid))),
            UserMessage("two"),
            AssistantMessage("two", origin=origin(await agent.conversation(pid))),
        )


def origin(conversation: Any) -> str:
    return next(message.origin for message in conversation if isinstance(message, AssistantMessage))


@pytest.mark.parametrize("durability", ["batched", "sync"])
async def test_the_store_has_the_events_that_subscribers_got(app: App, durability: str) -> None:
    async with app(durability=durability):
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        seen = [event async for event in agent.stream(pid, "one two three")]
        store = (await journal()).store
        assert await store.events(seen[0].stream_id) == seen
        info = await store.stream(seen[0].stream_id)
        assert info is not None
        assert (info.status, info.message, info.last_seq) == ("complete", "one two three", seen[-1].seq)


async def test_in_sync_nothing_is_seen_that_is_not_on_disk(app: App) -> None:
    async with app(durability="sync"):
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        store = (await journal()).store
        async for event in agent.stream(pid, "one two three"):
            on_disk = await store.events(event.stream_id)
            assert on_disk[-1].seq >= event.seq


async def test_without_durability_nothing_is_kept(app: App, tmp_path: Path) -> None:
    async with app(durability="off"):
        await agent.chat(await agent_supervisor.start_agent({"id": "ada", "model": "echo"}), "one")
        assert await open_journal() is None
        assert await wake("bob") is None
    assert not (tmp_path / "sessions.db").exists()


async def test_an_idle_agent_ends_and_is_restored_at_the_next_message(app: App) -> None:
    async with app(idle_time=50):
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        await agent.chat(pid, "one")
        await ended(pid)
        assert agent_registry.find_agent("ada") is None
        again = await wake("ada")
        assert again is not None
        assert UserMessage("one") in await agent.conversation(again)
        assert (await agent.chat(again, "two")).answer == "two"


async def test_a_message_that_comes_as_an_idle_agent_ends_is_answered(app: App) -> None:
    async with app(idle_time=60_000), Mailbox() as box:
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        await otp_sys.suspend(pid)
        send(pid, Idle(0))
        agent.stream_chat(pid, "one")
        await otp_sys.resume(pid)
        while not isinstance(event := await box.receive(60), StreamComplete):
            assert not isinstance(event, StreamError)
        assert event.response.answer == "one"


async def test_an_agent_that_somebody_subscribes_to_does_not_sleep(app: App) -> None:
    async with app(idle_time=50):
        async with Mailbox() as box:
            pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
            agent.subscribe(pid, box.pid)
            other = await agent_supervisor.start_agent({"id": "bob", "model": "echo"})
            await ended(other)
            assert (await agent.chat(pid, "one")).answer == "one"
            while not isinstance(await box.receive(60), StreamComplete):
                pass
        await ended(pid)  # the subscriber has gone


async def test_an_old_session_with_half_a_surrogate_pair_is_read_and_its_agent_is_woken(
    app: App,
) -> None:
    async with app():
        handle = await journal()
        config = {"model": "echo", "system_prompt": "half \ud800", "model_options": {"\udfff": 1}}
        handle.begin_session("ada", "half \ud800", config)
        await handle.durable()
    async with app():
        (kept,) = await (await journal()).store.sessions(None, 10)
        assert kept.name == "half \ufffd"
        woken = await wake("ada")
        assert woken is not None
        assert await agent.conversation(woken) == (SystemMessage("half \ufffd"),)
        assert (await agent.chat(woken, "hello")).answer == "hello"


async def test_a_session_that_can_not_be_restored_affects_no_other_session(app: App) -> None:
    async with app():
        handle = await journal()
        for id_ in ("ada", "bob"):
            handle.begin_session(id_, id_, {"model": "echo"})
            recorder = handle.recorder(id_, f"stream of {id_}", "go", on_durable=ignored, on_failure=ignored)
            if id_ == "ada":
                recorder.checkpoint(b"damaged")
        await handle.durable()
    async with app():
        for child in await which_children(application.NAME):
            if child.id == "recovery" and isinstance(child.pid, Pid):
                await ended(child.pid)
        bob = agent_registry.find_agent("bob")
        assert bob is not None
        assert agent_registry.find_agent("ada") is None
        with pytest.raises(StoreDamaged):
            await wake("ada")


async def test_an_agent_that_is_asked_all_the_time_does_not_sleep(app: App) -> None:
    async with app(idle_time=200):
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        for number in range(20):
            await agent.chat(pid, str(number))
        assert pid.alive


async def test_an_idle_agent_with_its_own_key_does_not_end_because_the_key_is_not_kept(app: App) -> None:
    async with app(idle_time=50):
        sleeps = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        stays = await agent_supervisor.start_agent({"id": "bob", "model": "echo", "api_key": "own"})
        await ended(sleeps)
        assert stays.alive


async def test_an_idle_agent_of_the_settings_with_its_own_key_ends_and_is_restored(app: App) -> None:
    mine = AgentSettings.model_validate({"id": "ada", "model": "echo", "api_key": "own"})
    async with app(agents=[mine], idle_time=50):
        pid = agent_registry.find_agent("ada")
        if pid is not None:
            await ended(pid)
        again = await wake("ada")
        assert again is not None
        assert (await agent.chat(again, "one")).answer == "one"
        await ended(again)


async def test_another_agent_with_the_id_of_one_of_the_settings_keeps_its_own_configuration(app: App) -> None:
    mine = AgentSettings.model_validate({"id": "ada", "model": "echo", "api_key": "own", "system_prompt": "Mine."})
    async with app(agents=[mine]):
        await agent_supervisor.stop_agent("ada")
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo", "system_prompt": "Other."})
        await agent.chat(pid, "one")
        await agent_supervisor.stop_agent("ada")
        again = await wake("ada")
        assert again is not None
        assert (await agent.conversation(again))[0] == SystemMessage("Other.")


async def test_an_unknown_agent_can_not_be_woken(app: App) -> None:
    async with app():
        assert await wake("nobody") is None


async def test_a_killed_agent_continues_its_conversation(app: App) -> None:
    async with app():
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        await agent.chat(pid, "one")
        send_exit(pid, KILL)
        await ended(pid)
        await agent_supervisor.which_agents()  # the answer comes after the restart
        successor = agent_registry.find_agent("ada")
        assert successor is not None
        assert UserMessage("one") in await agent.conversation(successor)


async def test_messages_that_waited_when_the_agent_was_killed_are_answered_by_its_successor(app: App) -> None:
    Gate.close()
    async with app(), Mailbox() as box:
        config = {"id": "ada", "model": "gated", "tools": ["tests.agents.sample_tools:pass_gate"]}
        pid = await agent_supervisor.start_agent(config)
        first = agent.stream_chat(pid, "go")
        second = agent.stream_chat(pid, "next")
        while "Wait." not in getattr(await box.receive(60), "token", ""):
            pass
        await (await journal()).durable()
        send_exit(pid, KILL)
        await ended(pid)
        await agent_supervisor.which_agents()
        successor = agent_registry.find_agent("ada")
        assert successor is not None
        assert await agent.follow(successor, second)
        events: list[Event] = []
        while not (events and isinstance(events[-1], StreamComplete) and events[-1].stream_id == second):
            events.append(await box.receive(60))
        assert "".join(e.token for e in events if isinstance(e, StreamToken) and e.stream_id == second) == "next!"
        ends = [event for event in events if event.stream_id == first and isinstance(event, StreamError)]
        assert len(ends) == 1


async def test_a_message_that_waited_keeps_the_messages_of_its_request_over_a_crash(app: App) -> None:
    Gate.close()
    async with app():
        config = {"id": "ada", "model": "gated", "tools": ["tests.agents.sample_tools:pass_gate"]}
        pid = await agent_supervisor.start_agent(config)
        earlier = UserMessage("and"), AssistantMessage("What?"), UserMessage("this")
        async with Mailbox() as box:
            agent.stream_chat(pid, "go")
            agent.stream_chat(pid, "this", stream_id="second", request=TurnRequest(messages=earlier))
            while "Wait." not in getattr(await box.receive(60), "token", ""):
                pass
        await (await journal()).durable()
        send_exit(pid, KILL)
        await ended(pid)
        await agent_supervisor.which_agents()
        async with Mailbox() as box:
            assert await agent.follow("ada", "second", box.pid)
            while not isinstance(event := await box.receive(60), TERMINAL):
                pass
        assert isinstance(event, StreamComplete)
        assert (await agent.conversation("ada"))[-4:-1] == earlier


async def test_the_turn_of_a_crashed_agent_ends_before_its_successor_begins(app: App) -> None:
    async with app(), Mailbox() as box:
        config = {"id": "ada", "model": "clinging", "tools": ["tests.agents.sample_tools:clings"]}
        pid = await agent_supervisor.start_agent(config)
        agent.stream_chat(pid, "go")
        while not isinstance(await box.receive(60), StreamToolStart):
            pass
        await (await journal()).durable()
        send_exit(pid, KILL)
        assert isinstance(await box.receive(60), StreamError)
        await agent_supervisor.which_agents()
        successor = agent_registry.find_agent("ada")
        assert successor is not None
        assert (await agent.info(successor)).streams == ()
        assert UserMessage("go") in await agent.conversation(successor)


async def test_a_turn_whose_store_fails_ends_and_runs_no_tool(app: App, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with app(), Mailbox() as box:
        tools = ["tests.agents.sample_tools:waits_long"]
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "marks", "tools": tools})
        moved = (tmp_path / "sessions.db").rename(tmp_path / "elsewhere")
        agent.stream_chat(pid, str(mark))
        while not isinstance(event := await box.receive(60), StreamError):
            pass
        assert isinstance(event.reason, StoreFailed)
        assert not mark.exists()
        moved.rename(tmp_path / "sessions.db")
        while UserMessage(str(mark)) not in await (await journal()).store.conversation("ada"):
            with suppress(SessionError):  # a write that had begun before
                await (await journal()).durable()


def test_a_kept_configuration_has_no_secret_and_finds_its_tools_again() -> None:
    class Point(pydantic.BaseModel):
        x: int

    given = {
        "id": "ada",
        "api_key": "sk-secret",
        "tools": ["calculator", shout, pass_gate],
        "fallbacks": [{"model": "other", "api_key": "sk-other"}],
        "answer_type": Point,
    }
    kept = kept_config(given)
    assert kept is not None
    assert "secret" not in str(kept)
    assert "sk-other" not in str(kept)
    assert kept["tools"] == ["calculator", "tests.agents.sample_tools:shout", "tests.agents.sample_tools:pass_gate"]
    assert kept["answer_type"]["properties"] == {"x": {"title": "X", "type": "integer"}}


async def test_an_idle_agent_without_fallbacks_ends_and_is_restored(app: App) -> None:
    async with app(idle_time=50):
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo", "fallbacks": None})
        await ended(pid)
        again = await wake("ada")
        assert again is not None
        assert (await agent.chat(again, "one")).answer == "one"


def test_a_configuration_that_no_other_program_could_use_is_not_kept() -> None:
    @tool
    async def inner() -> str:
        """Return a text."""
        return "found by nobody else"

    assert kept_config({"tools": [object()]}) is None
    assert kept_config({"tools": [inner]}) is None


async def test_an_agent_with_a_tool_that_has_no_address_works_and_does_not_sleep(app: App) -> None:
    @tool
    async def inner() -> str:
        """Return a text."""
        return "found by nobody else"

    async with app(idle_time=50):
        sleeps = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        stays = await agent_supervisor.start_agent({"id": "bob", "model": "echo", "tools": [inner]})
        await ended(sleeps)
        assert (await agent.chat(stays, "one")).answer == "one"


async def test_a_turn_with_many_events_before_its_cut_continues_after_its_last_event(app: App) -> None:
    said = 12_000
    async with app():
        handle = await journal()
        handle.begin_session("ada", "agent", {"id": "ada", "model": "echo"})
        recorder = handle.recorder("ada", "s", "hello", on_durable=ignored, on_failure=ignored)
        recorder.event(StreamStart("ada", stream_id="s", seq=1))
        for seq in range(2, said + 1):
            recorder.event(StreamToken("a", stream_id="s", seq=seq))
        await recorder.durable()
    async with app():
        pid = await wake("ada")
        assert pid is not None
        await agent.chat(pid, "done")  # after the cut turn
        store = (await journal()).store
        info = await store.stream("s")
        assert info is not None
        events = await store.events("s", said, limit=1000)
    assert (info.status, info.last_seq) == ("complete", events[-1].seq)
    assert events[0].seq > said
    assert isinstance(events[-1], StreamComplete)


async def test_a_stored_answer_type_without_a_bounded_check_is_not_used(app: App) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/examples/0"}}, "examples": [{"pattern": "^(a+)+$"}]}
    async with app():
        handle = await journal()
        handle.begin_session("ada", "agent", {"id": "ada", "model": "echo", "answer_type": schema}, owner="bob")
        handle.recorder("ada", "s", "hello", on_durable=ignored, on_failure=ignored)
        await handle.durable()
    async with app():
        with pytest.raises(InvalidAgentConfig, match=r"answer_type: /properties/a/\$ref: expected a reference"):
            await wake("ada")
        other = await agent_supervisor.start_agent({"id": "bob", "model": "echo"})
        assert (await agent.chat(other, "one")).answer == "one"


async def test_an_idle_agent_whose_answer_type_can_not_be_restored_does_not_end(app: App) -> None:
    class Code(pydantic.BaseModel):
        digits: str = pydantic.Field(pattern="^[0-9]+$")

    assert not comes_back_whole({"answer_type": Code})
    assert comes_back_whole({"answer_type": {"type": "object", "properties": {"digits": {"type": "string"}}}})
