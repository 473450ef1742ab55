"""The content of a store is data: code and addresses come only from this program, never from a session's row."""

import sys
from typing import Any

import pytest
from pydantic import SecretStr

from actors import Mailbox, Pid, ended, get_state
from agents import StreamComplete, StreamError, agent, agent_registry, application
from agents.agent_config import InvalidAgentConfig
from agents.instance.waking import wake
from agents.settings.agent import Fallback, LimitsConfig, StreamingConfig
from agents.settings.aws import AwsSettings
from agents.tools.registry import BUILTIN
from supervisors import agent_supervisor, which_children
from tests.agents.keeping import App, ignored, journal
from tests.agents.sample_tools import shout

LOOK = "tests.agents.sample_tools:whoami"
CODE = "expected a built-in tool, or code that this program gave an agent, got "
TAMPERED: list[tuple[dict[str, Any], str]] = [
    ({"tools": ["subprocess:getoutput"]}, f"tools[0]: {CODE}'subprocess:getoutput'"),
    ({"tools": ["calculator", LOOK]}, f"tools[1]: {CODE}'{LOOK}'"),
    ({"base_url": "http://127.0.0.1:9/v1"}, "base_url: expected an address that this program gave an agent"),
    ({"fallbacks": [{"model": "x", "base_url": "http://127.0.0.1:9/v1"}]}, "base_url: expected an address that"),
    ({"base_url": "http://me:swordfish@127.0.0.1:9/v1"}, "got 'http://***@127.0.0.1:9/v1'"),
    ({"base_url": ["http://127.0.0.1:9/v1"]}, "base_url: expected an address that this program gave an agent"),
    ({"aws": {"region": "us-east-1"}}, "aws: expected an address that this program gave an agent"),
    ({"fallbacks": [{"model": "x", "aws": {"profile": "theirs"}}]}, "aws: expected an address that"),
    ({"api_key": "sk-theirs"}, "api_key: expected none with a session, got a secret"),
    ({"fallbacks": [{"model": "x", "api_key": "sk-theirs"}]}, "api_key: expected none with a session"),
    ({"headers": {"x-key": "sk-theirs"}}, "headers: expected none with a session, got a secret"),
    ({"fallbacks": [{"model": "x", "query": {"key": "sk-theirs"}}]}, "query: expected none with a session"),
    ({"provider": "theirs"}, "provider: expected one of the settings' providers"),
    ({"tools": "subprocess:getoutput"}, "tools: expected a valid list"),
    ({"tools": [["subprocess:getoutput"]]}, "tools[0]: expected a name, a Tool or a function"),
    (
        {"tools": ["subprocess.getoutput"]},
        "tools[0]: expected ask_user, calculator, file_ops, web_search or module:function",
    ),
]


@pytest.mark.parametrize(("config", "line"), TAMPERED)
async def test_code_and_addresses_that_only_the_store_names_are_refused_and_the_session_stays_readable(
    app: App, config: dict[str, Any], line: str
) -> None:
    async with app():
        (await journal()).begin_session("evil", "evil", {"model": "echo", **config})
        await (await journal()).durable()
    async with app():
        other = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        with pytest.raises(InvalidAgentConfig) as refused:
            await wake("evil")
        assert line in str(refused.value)
        assert "sk-theirs" not in str(refused.value)
        assert "swordfish" not in str(refused.value)
        assert agent_registry.find_agent("evil") is None
        store = (await journal()).store
        assert {each.id for each in await store.sessions(None, 10)} == {"ada", "evil"}
        assert await store.conversation("evil") == ()
        assert (await agent.chat(other, "hello")).answer == "hello"


async def test_a_module_that_only_the_store_names_is_not_imported(app: App) -> None:
    async with app():
        (await journal()).begin_session("evil", "evil", {"model": "echo", "tools": ["antigravity:fly"]})
        await (await journal()).durable()
        with pytest.raises(InvalidAgentConfig):
            await wake("evil")
    assert "antigravity" not in sys.modules


async def test_code_is_restored_if_this_program_has_given_it_to_an_agent(app: App) -> None:
    tools = ["calculator", "tests.agents.sample_tools:shout"]
    async with app():
        await agent_supervisor.start_agent({"id": "ada", "model": "echo", "tools": tools})
    async with app():
        with pytest.raises(InvalidAgentConfig, match="code that this program gave an agent"):
            await wake("ada")
        await agent_supervisor.stop_agent(
            await agent_supervisor.start_agent({"id": "bob", "model": "echo", "tools": [shout]})
        )
        woken = await wake("ada")
        assert woken is not None
        assert (await agent.info(woken)).tools == ("calculator", "shout")


async def test_a_built_in_tool_that_was_given_as_a_function_is_restored(app: App) -> None:
    async with app():
        (await journal()).begin_session("ada", "ada", {"model": "echo", "tools": [*BUILTIN.values()][:1]})
        await (await journal()).durable()
        woken = await wake("ada")
        assert woken is not None
        assert (await agent.info(woken)).tools == ("ask_user",)


async def test_an_address_is_restored_unless_it_had_its_own_key(app: App) -> None:
    async with app():
        for id_, more in (("ada", {}), ("bob", {"api_key": "own"})):
            address = {"model": "echo", "base_url": f"http://127.0.0.1:9/{id_}"}
            await agent_supervisor.stop_agent(await agent_supervisor.start_agent({"id": id_, **address, **more}))
        assert await wake("ada") is not None
        with pytest.raises(InvalidAgentConfig, match="base_url: expected an address that this program gave an agent"):
            await wake("bob")


async def test_signed_requests_are_restored_only_to_the_address_for_which_they_were_given(app: App) -> None:
    base_url, aws = "http://127.0.0.1:9/v1", {"region": "us-east-1", "profile": "bots"}
    async with app():
        given = {"id": "ada", "model": "echo", "fallbacks": [{"base_url": base_url, "aws": AwsSettings(**aws)}]}
        await agent_supervisor.stop_agent(await agent_supervisor.start_agent(given))
        assert await wake("ada") is not None
        for id_, config in (("bob", {"base_url": base_url}), ("eve", {"aws": aws}), ("fay", {"aws": {}})):
            (await journal()).begin_session(id_, id_, {"model": "echo", **config})
            await (await journal()).durable()
            with pytest.raises(InvalidAgentConfig, match="expected an address that this program gave an agent"):
                await wake(id_)


async def test_the_address_of_the_settings_may_be_in_a_session(app: App) -> None:
    async with app():
        own = await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        address = (await get_state(own)).config.routes[0].endpoint.base_url
        (await journal()).begin_session("bob", "bob", {"model": "echo", "base_url": address})
        await (await journal()).durable()
        woken = await wake("bob")
        assert woken is not None
        assert (await agent.chat(woken, "hello")).answer == "hello"


async def test_a_turn_whose_code_only_the_store_names_waits_until_the_program_starts_its_agent(app: App) -> None:
    config = {"id": "ada", "model": "echo", "tools": ["tests.agents.sample_tools:shout"]}
    async with app():
        handle = await journal()
        handle.begin_session("ada", "ada", config)
        handle.recorder("ada", "cut", "go", on_durable=ignored, on_failure=ignored)
        await handle.durable()
    async with app():
        for child in await which_children(application.NAME):
            if child.id == "recovery" and isinstance(child.pid, Pid):
                await ended(child.pid)
        assert agent_registry.find_agent("ada") is None
        async with Mailbox() as box:
            pid = await agent_supervisor.start_agent(config)
            assert await agent.follow(pid, "cut", box.pid)
            while not isinstance(event := await box.receive(10), StreamComplete):
                assert not isinstance(event, StreamError)
        assert event.response.answer == "go"


async def test_sections_that_were_given_as_instances_are_kept_like_mappings(app: App) -> None:
    options = {"limits": {"tokens": 5}, "streaming_config": {"max_retries": 0}}
    sections = {"limits": LimitsConfig(tokens=5), "streaming_config": StreamingConfig(max_retries=0)}
    fallback = {"model": "other", "base_url": "http://127.0.0.1:9/v1", "model_options": {"top_p": 0.5}}
    async with app():
        for id_, more in (
            ("ada", {**options, "fallbacks": [fallback]}),
            ("bob", {**sections, "fallbacks": [Fallback(**fallback)]}),  # type: ignore[arg-type]
            ("eve", {**sections, "fallbacks": (fallback, Fallback(model="third"))}),
        ):
            await agent_supervisor.stop_agent(
                await agent_supervisor.start_agent({"id": id_, "name": "a", "model": "echo", **more})
            )
        sessions = [await (await journal()).store.session(id_) for id_ in ("ada", "bob", "eve")]
        ada, bob, eve = [session.config for session in sessions if session is not None and session.config is not None]
        assert {**bob, "id": "ada"} == ada
        assert eve["fallbacks"] == [fallback, {"model": "third"}]
        for id_ in ("ada", "bob", "eve"):
            assert await wake(id_) is not None


async def test_the_key_of_a_fallback_instance_is_not_kept(app: App) -> None:
    own = Fallback(model="other", base_url="http://127.0.0.1:9/own", api_key=SecretStr("sk-own"))
    async with app():
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "echo", "fallbacks": [own]})
        await agent_supervisor.stop_agent(pid)
        session = await (await journal()).store.session("ada")
        assert session is not None
        assert session.config is not None
        assert session.config["fallbacks"] == [{"model": "other", "base_url": "http://127.0.0.1:9/own"}]
        with pytest.raises(InvalidAgentConfig, match="base_url: expected an address that this program gave an agent"):
            await wake("ada")
