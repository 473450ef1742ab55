"""The routes of an agent: named providers, their order, and the agent's own keys, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from agents import StreamComplete, agent, application
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.core.limits import Price
from agents.llm.aws import REGIONS, Aws
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


def asked(config: dict[str, Any], **given: Any) -> list[tuple[str | None, Any, str]]:
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


# What belongs to an address

HEADERS = {"x-key": "sk-of-the-settings"}


@pytest.mark.parametrize(
    ("config", "named", "expected"),
    [
        ({"fallbacks": []}, {}, (("x-key", "sk-of-the-settings"),)),
        ({"fallbacks": []}, {"headers": {"x-key": "of the provider"}}, (("x-key", "of the provider"),)),
        ({"fallbacks": []}, {"headers": {}}, ()),
        ({"fallbacks": []}, {"base_url": "http://else/v1"}, ()),
        ({"base_url": "http://else/v1"}, {}, ()),
        ({"base_url": "http://else/v1", "headers": {"x-key": "own"}}, {}, (("x-key", "own"),)),
        ({"headers": {"x-key": "own"}, "fallbacks": []}, {"headers": {"x-key": "no"}}, (("x-key", "own"),)),
    ],
)
def test_headers_belong_to_an_address_and_are_sent_to_no_other(
    config: dict[str, Any], named: dict[str, Any], expected: Any
) -> None:
    providers = {"named": {"main": named}, "order": ["main"]}
    given = Settings.model_validate(
        {"model": "m", "base_url": "http://own/v1", "headers": HEADERS, "query": {"q": "1"}, "providers": providers}
    )
    (route,) = agent_config(config, given).routes
    assert route.endpoint.headers == expected
    assert (route.endpoint.query == (("q", "1"),)) == (route.endpoint.base_url == "http://own/v1")


def test_a_deployment_of_azure_is_the_model_of_each_route() -> None:
    given = Settings.model_validate(
        {
            "base_url": "https://r.openai.azure.com",
            "api_version": "2024-10-21",
            "providers": {"named": {"local": {"base_url": "http://local/v1", "model": "small"}}},
        }
    )
    config = {"model": "large", "fallbacks": [{"model": "other"}, {"provider": "local"}]}
    endpoints = [route.endpoint for route in agent_config(config, given).routes]
    assert [(each.api_version, each.deployment) for each in endpoints] == [
        ("2024-10-21", "large"),
        ("2024-10-21", "other"),
        (None, ""),
    ]


SIGNED = Aws("eu-west-1")
MANTLE = "https://bedrock-mantle.eu-west-1.api.aws/openai/v1"


@pytest.mark.parametrize(
    ("config", "url", "key", "aws"),
    [
        ({"provider": "bedrock"}, MANTLE, None, SIGNED),
        ({"provider": "bedrock", "api_key": "mine"}, MANTLE, "mine", None),
        (
            {"provider": "bedrock", "aws": {"region": "us-east-2", "profile": "bots"}},
            None,
            None,
            Aws("us-east-2", "bots"),
        ),
        ({"provider": "main", "aws": {"region": "eu-west-1"}}, MANTLE, None, SIGNED),
        ({"provider": "bedrock", "base_url": "http://else/v1", "api_key": "mine"}, "http://else/v1", "mine", None),
        ({"provider": "own-host"}, "http://vpce/v1", None, SIGNED),
    ],
)
def test_a_signature_belongs_to_an_address_and_the_nearest_of_key_and_aws_counts(
    config: dict[str, Any], url: str | None, key: str | None, aws: Aws | None
) -> None:
    given = settings()
    signed = {"region": "eu-west-1"}
    named = {
        **given.providers.named,
        "bedrock": NamedProvider.model_validate({"aws": signed}),
        "own-host": NamedProvider.model_validate({"aws": signed, "base_url": "http://vpce/v1"}),
    }
    given = given.model_copy(update={"providers": ProviderSettings(named=named)})
    (route, *_) = agent_config(config, given).routes
    assert (route.endpoint.api_key, route.endpoint.aws) == (key, aws)
    assert url is None or route.endpoint.url == url


def test_fallbacks_have_the_signature_of_their_agent_unless_they_have_a_key_or_an_address() -> None:
    config = {
        "model": "a",
        "aws": {"region": "eu-west-1"},
        "fallbacks": [{"model": "b"}, {"api_key": "mine"}, {"base_url": "http://else/v1"}, {"provider": "main"}],
    }
    endpoints = [route.endpoint for route in agent_config(config, settings()).routes]
    assert [(each.url, each.api_key, each.aws) for each in endpoints] == [
        (MANTLE, None, SIGNED),
        (MANTLE, None, SIGNED),
        (MANTLE, "mine", None),
        ("http://else/v1", "own", None),
        ("http://main/v1", "main-key", None),
    ]
    (alone,) = agent_config({"aws": {"region": "eu-west-1"}}, settings()).routes
    assert (alone.model, alone.endpoint.aws) == ("m", SIGNED)
    (_, signing) = agent_config({"api_key": "mine", "fallbacks": [{"aws": {"region": "eu-west-1"}}]}, settings()).routes
    assert (signing.endpoint.api_key, signing.endpoint.aws) == (None, SIGNED)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"aws": {"region": "eu-west-1"}, "api_key": "sk-secret"}, "api_key: expected none with aws, got one"),
        ({"aws": {"region": "eu-west-1"}, "api_version": "1"}, "api_version: expected none with aws, got one"),
        ({"aws": {"region": "moon"}}, "aws.region: expected a region of AWS, such as us-east-1"),
        ({"aws": {"region": "eu-west-1", "secret": "sk-secret"}}, "aws.secret: expected one of region, profile"),
        ({"fallbacks": [{"aws": {"zone": "a"}}]}, "fallbacks[0].aws.zone: expected one of region, profile"),
        ({"aws": {}}, "aws.region: expected a region of AWS, here or in AWS_REGION, got none"),
        ({"fallbacks": [{"aws": {}, "api_key": "sk-secret"}]}, "fallbacks[0].api_key: expected none with aws, got one"),
    ],
)
def test_a_signature_that_can_not_be_made_is_one_line(
    config: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in REGIONS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidAgentConfig) as refused:
        agent_config({"model": "m", **config}, Settings())
    (line,) = str(refused.value).splitlines()
    assert said in line
    assert "sk-secret" not in line


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("headers", {"x y": "1"}, "headers: expected names of headers, got 'x y'"),
        ("headers", {"Content-Length": "1"}, "headers that the client does not write itself, got 'Content-Length'"),
        ("headers", {"a": "1", "A": "2"}, "headers: expected every header once, got A again"),
        ("headers", {"a": "sk-secret\r\nHost: b"}, "headers.a: expected printable ASCII, got other characters"),
        ("headers", {"a": 7}, "headers.a: "),
        ("headers", "sk-secret: 1", "headers: "),
        ("query", {"": "sk-secret"}, "query: expected names of parameters, got ''"),
        ("headerz", {"x-key": "sk-secret"}, "headerz: expected one of "),
        ("api_key", lambda: "sk-secret", ""),
        ("api_key", 7, "api_key: "),
    ],
)
def test_what_no_request_can_carry_is_one_line_without_its_value(key: str, value: Any, said: str) -> None:
    if not said:
        assert agent_config({"model": "m", key: value}, Settings()).routes
        return
    with pytest.raises(InvalidAgentConfig) as refused:
        agent_config({"model": "m", key: value}, Settings())
    (line,) = str(refused.value).splitlines()
    assert said in line
    assert "sk-secret" not in line


def test_no_text_of_a_configuration_shows_its_headers_query_or_key() -> None:
    secret = {"x-key": "sk-secret"}
    given = Settings.model_validate({"headers": secret, "query": secret, "api_key": lambda: "sk-secret"})
    config = agent_config({"headers": secret, "query": secret, "fallbacks": [{"headers": secret}]}, given)
    for each in (given, given.model_dump(mode="json"), given.model_dump_json(), config, config.routes):
        assert "sk-secret" not in repr(each) + str(each)


async def test_an_agent_asks_with_a_key_of_a_function() -> None:
    async with RehearsalServer(builtin(), api_key="rehearsal") as server, application.running(Settings()):
        pid = await agent_supervisor.start_agent(
            {"model": "echo", "base_url": server.base_url, "api_key": lambda: "rehearsal", "headers": {"x-a": "b"}}
        )
        assert (await agent.chat(pid, "hello")).content == "hello"
