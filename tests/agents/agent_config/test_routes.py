"""The routes of an agent: named providers, their order, and the agent's own keys, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from agents import StreamComplete, agent, application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.core.limits import Price
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import ModelPrice, NamedProvider, ProviderSettings, Settings
from supervisors import agent_supervisor

PRICE = ModelPrice(input=1, output=1)
DEARER = ModelPrice(input=2, output=2)


def settings(**given: Any) -> Settings:
    named = {
        "main": NamedProvider(base_url="http://main/v1", api_key=SecretStr("main-key"), prices={"m": DEARER}),
        "local": NamedProvider(base_url="http://local/v1", model="small"),
    }
    providers = ProviderSettings(named=named, order=given.pop("order", ("main", "local")))
    return Settings(
        model="m", base_url="http://own/v1", api_key=SecretStr("own"), prices={"m": PRICE}, providers=providers, **given
    )


def asked(config: dict[str, Any], **given: Any) -> list[tuple[str | None, str | None, str]]:
    routes = agent_config(config, settings(**given)).routes
    return [(route.endpoint.base_url, route.endpoint.api_key, route.model) for route in routes]


MAIN = ("http://main/v1", "main-key")
LOCAL = ("http://local/v1", "own")
OWN = ("http://own/v1", "own")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, [(*MAIN, "m"), (*LOCAL, "small")]),
        ({"model": "x"}, [(*MAIN, "x"), (*LOCAL, "small")]),
        ({"provider": "local"}, [(*LOCAL, "small"), (*MAIN, "m")]),
        ({"fallbacks": []}, [(*MAIN, "m")]),
        ({"base_url": "http://else/v1"}, [("http://else/v1", "own", "m")]),
        ({"fallbacks": [{"model": "y"}]}, [(*MAIN, "m"), (*MAIN, "y")]),
        ({"fallbacks": [{"provider": "local"}]}, [(*MAIN, "m"), (*LOCAL, "small")]),
        ({"fallbacks": [{"provider": "local", "model": "z"}]}, [(*MAIN, "m"), (*LOCAL, "z")]),
        (
            {"api_key": "mine", "fallbacks": [{"provider": "local"}, {"model": "y"}]},
            [("http://main/v1", "mine", "m"), (*LOCAL, "small"), ("http://main/v1", "mine", "y")],
        ),
    ],
)
def test_an_agent_asks_its_provider_and_then_its_fallbacks(config: dict[str, Any], expected: list[Any]) -> None:
    assert asked(config) == expected


def test_without_an_order_all_ask_the_settings_endpoint() -> None:
    assert asked({}, order=()) == [(*OWN, "m")]
    assert asked({"fallbacks": [{"provider": "main"}]}, order=()) == [(*OWN, "m"), (*MAIN, "m")]


def test_a_providers_own_price_comes_before_the_general_one() -> None:
    def prices(**config: Any) -> list[Any]:
        return [candidate.price for candidate in agent_config(config, settings()).policy.models]

    assert prices() == [Price(2, 2), None]
    assert prices(base_url="http://else/v1") == [Price(1, 1)]


def test_an_unknown_provider_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidAgentConfig, match=r"provider: expected one of .*\(main, local\), got 'man'"):
        asked({"provider": "man"})
    with pytest.raises(InvalidAgentConfig, match=r"got 'elsewhere'"):
        asked({"fallbacks": [{"provider": "elsewhere"}]})


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(RehearsalServer(builtin()))


async def test_a_turn_continues_with_the_next_provider_of_the_order(server: RehearsalServer) -> None:
    named = {
        "gone": NamedProvider(base_url="http://127.0.0.1:1/v1", model="echo"),
        "here": NamedProvider(base_url=server.base_url, api_key=SecretStr("rehearsal")),
    }
    providers = ProviderSettings(named=named, order=("gone", "here"))
    given = Settings(model="echo", api_key=SecretStr("none"), providers=providers)
    async with application.running(given):
        pid = await agent_supervisor.start_agent({"streaming_config": {"max_retries": 0}})
        last = [event async for event in agent.stream(pid, "hello")][-1]
    assert isinstance(last, StreamComplete)
    assert last.response.answer == "hello"
