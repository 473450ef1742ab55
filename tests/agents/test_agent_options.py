"""The options of start_agent: they are the keys of the settings, and the program may give them in its own forms."""

import enum
import operator
import types
import typing
from collections.abc import Iterator
from functools import reduce
from typing import Any, Literal

import pytest
from pydantic import BaseModel, SecretStr

from actors import InvalidArgument
from agents import AgentOptions, InvalidAgentConfig, agent, start_agent, tool
from agents.agent_config import agent_config
from agents.settings import Settings
from agents.settings.agent import AgentSettings, ContextConfig, Fallback, LimitsConfig, LoopsConfig, StreamingConfig
from agents.settings.agent_options import (
    AwsOptions,
    BudgetOptions,
    ContextOptions,
    FallbackOptions,
    HookOptions,
    LargeResultOptions,
    LimitsOptions,
    LoopsOptions,
    StreamingOptions,
)
from agents.settings.aws import AwsSettings
from agents.settings.budgets import BudgetSettings
from agents.settings.headers import GivenPairs
from agents.settings.hooks import HookSettings
from agents.settings.large_results import LargeResultSettings
from agents.settings.secret import GivenApiKey
from tests.agents.stage import Stage

OPTIONS: dict[type[BaseModel], Any] = {
    AgentSettings: AgentOptions,
    StreamingConfig: StreamingOptions,
    LimitsConfig: LimitsOptions,
    ContextConfig: ContextOptions,
    LoopsConfig: LoopsOptions,
    Fallback: FallbackOptions,
    HookSettings: HookOptions,
    LargeResultSettings: LargeResultOptions,
    AwsSettings: AwsOptions,
    BudgetSettings: BudgetOptions,
}


OWN_FORMS: dict[str, Any] = {"api_key": GivenApiKey, "headers": GivenPairs, "query": GivenPairs}
"""The fields that a program may give in more forms than their type says."""


def accepted(field: Any) -> Any:
    """Return the type of the values that a program may give for a field of the settings."""
    inner = [accepted(each) for each in typing.get_args(field)]
    if typing.get_origin(field) in (typing.Union, types.UnionType):
        return reduce(operator.or_, inner)
    if typing.get_origin(field) is list:
        return list.__class_getitem__(*inner) | tuple.__class_getitem__((*inner, ...))
    if field is SecretStr:
        return SecretStr | str
    if isinstance(field, type) and issubclass(field, enum.StrEnum):
        return field | Literal[tuple(map(str, field))]
    return OPTIONS.get(field, field)


@pytest.mark.parametrize("settings", OPTIONS)
def test_the_options_agree_with_the_settings_in_names_and_types(settings: type[BaseModel]) -> None:
    fields = {name: typing.get_type_hints(settings)[name] for name in settings.model_fields}
    types_ = {name: OWN_FORMS.get(name) or accepted(field) for name, field in fields.items()}
    assert typing.get_type_hints(OPTIONS[settings]) == types_
    assert OPTIONS[settings].__required_keys__ == frozenset()


async def test_an_agent_starts_by_keywords_or_by_a_dict(stage: Stage) -> None:
    config: AgentOptions = {"id": "bob", "model": "echo"}
    for pid in (await start_agent(id="ada", model="echo"), await start_agent(config)):
        assert (await agent.chat(pid, "Hello")).content == "Hello"
    assert (await start_agent(model="echo")).alive


async def test_the_words_of_an_option_are_its_values(stage: Stage) -> None:
    pid = await start_agent(model="echo", when_busy="reject", api_preference="responses", api_key="own")
    info = await agent.info(pid)
    assert (info.when_busy, info.api) == ("reject", "responses")


async def test_tools_and_fallbacks_may_be_tuples(stage: Stage) -> None:
    def shout(text: str) -> str:
        """Return the text in capitals."""
        return text.upper()

    named = (tool(isolation="thread")(shout), "calculator")
    pid = await start_agent(model="echo", tools=named, fallbacks=({"model": "brief"},))
    assert (await agent.info(pid)).tools == ("shout", "calculator")


async def test_an_unknown_option_is_refused_with_the_nearest_one(stage: Stage) -> None:
    with pytest.raises(InvalidAgentConfig, match=r"^agent config: modle: expected one of .*; did you mean 'model'\?$"):
        await start_agent(modle="echo")  # type: ignore[call-arg]  # the mistake
    with pytest.raises(InvalidAgentConfig, match=r"did you mean 'cost'\?$"):
        await start_agent(limits={"costs": 1})  # type: ignore[typeddict-unknown-key]  # the mistake


async def test_a_dict_and_keywords_together_are_refused(stage: Stage) -> None:
    with pytest.raises(InvalidArgument, match=r"^expected a dict or keywords, got both: as in start_agent\(model="):
        await start_agent({"model": "echo"}, id="ada")
    with pytest.raises(InvalidArgument, match="expected the configuration of an agent as a mapping, got 'gpt-4o'"):
        await start_agent("gpt-4o")  # type: ignore[arg-type]  # the mistake


def sections() -> Iterator[tuple[str, Any]]:
    """Yield each key of an agent whose value has keys of its own, with a value that has an unknown one."""
    for name, field in AgentSettings.model_fields.items():
        annotation = str(field.annotation)
        if any(f".{model.__name__}" in annotation for model in OPTIONS if model is not AgentSettings):
            unknown: dict[str, Any] = {"nothing_like_it": 1}
            yield name, [unknown] if "list[" in annotation else unknown


@pytest.mark.parametrize(("key", "value"), list(sections()), ids=lambda each: each if isinstance(each, str) else "")
async def test_an_unknown_key_of_any_section_is_one_line_with_the_known_ones(key: str, value: Any) -> None:
    with pytest.raises(InvalidAgentConfig, match=rf"^agent config: {key}.*nothing_like_it: expected one of \w+, "):
        agent_config({"model": "m", key: value}, Settings())
