"""config/sys.config has every key, with its default and its unit, and can be loaded unchanged."""

import re
from pathlib import Path

import pytest

from agents.configuration import load
from agents.configuration.erlang import parse
from agents.configuration.shipped import text
from agents.configuration.sources.files import APPLICATIONS
from agents.configuration.walking import keys
from agents.settings import Durability, ScheduleSettings, SessionSettings, Settings
from agents.settings.agent import AgentSettings, ContextConfig, Fallback, LimitsConfig, StreamingConfig
from agents.settings.hooks import HookSettings
from agents.settings.large_results import LargeResultSettings
from tests.agents.configuration.conftest import Loader

SHIPPED = Path(__file__).parents[3] / "config" / "sys.config"
HOOKS = "tests.agents.hooks.sample_hooks"
UNITS = {"ms", "bytes"}

KEYS = ["/".join(map(str, leaf.path)) for leaf in keys(Settings())]


def test_it_is_what_is_written_by_init() -> None:
    assert text() == SHIPPED.read_text(encoding="utf-8")


def test_it_is_equal_to_the_defaults_of_a_daemon() -> None:
    kept = SessionSettings(durability=Durability.BATCHED)
    assert load(SHIPPED, {}).settings == Settings(sessions=kept)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_in_it(key: str) -> None:
    assert tuple(key.split("/")) in load(SHIPPED, {}).marks


@pytest.mark.parametrize("key", [key for key in KEYS if not key.startswith("supervision")])
def test_every_unit_is_beside_its_key(key: str) -> None:
    leaf = next(each for each in keys(Settings()) if "/".join(map(str, each.path)) == key)
    number = int(load(SHIPPED, {}).marks[leaf.path].where.line)
    line = text().splitlines()[number - 1]
    for unit in UNITS:
        if f", in {unit}" in leaf.kind.words:
            assert f"% {unit}, " in line


@pytest.mark.parametrize(
    "model", [AgentSettings, StreamingConfig, LimitsConfig, ContextConfig, Fallback, HookSettings, LargeResultSettings]
)
def test_every_key_of_an_agent_is_in_its_example(model: type[AgentSettings]) -> None:
    for name in model.model_fields:
        assert re.search(rf"\{{{name}, |\b{name} => ", _example()), name


def test_the_example_of_an_agent_can_be_loaded(loading: Loader) -> None:
    named = '{providers, [{named, #{main => #{base_url => "http://a"}, local => #{base_url => "http://b"}}}]}'
    example = _example().replace('"module:function"', '"tests.agents.sample_tools:shout"')
    example = re.sub('"module:(before|after)_', f'"{HOOKS}:\\1_', example)
    tools = '{tools, [{file_ops_root, "notes"}]}'
    found = loading(
        f"[{{agents, [{named}, {tools}]}}, {{understudy, [{{agents, [{example}\n]}}]}}].", {"NAME": "a key"}
    )
    (agent,) = found.settings.agents
    assert set(agent.given()) == set(AgentSettings.model_fields)


def test_every_key_of_a_schedule_is_in_its_example_which_can_be_loaded(loading: Loader) -> None:
    shown = text().partition("{agents, []}")[2].partition("{schedules, []}")[0].splitlines()
    example = "\n".join(line.strip().removeprefix("%%") for line in shown if line.startswith("     %%     "))
    for name in ScheduleSettings.model_fields:
        assert re.search(rf"\{{{name}, ", example), name
    one = re.sub(r"\{every, .*\n", "\n", example)  # it has a cron expression, too
    (schedule,) = loading(f"[{{understudy, [{{schedules, [{one}\n]}}]}}].").settings.schedules
    assert (schedule.name, schedule.timezone) == ("news", "Europe/Berlin")


def test_every_setting_belongs_to_one_application() -> None:
    placed = [name for names in APPLICATIONS.values() for name in names]
    assert sorted(placed) == sorted(Settings.model_fields)


def _example() -> str:
    """Return the agent in the comments above `agents`, as a term."""
    shown = text().partition("     {agents, []}")[0].splitlines()
    lines = [line.strip().removeprefix("%%") for line in shown if line.startswith("     %%      ")]
    first = next(number for number, line in enumerate(lines) if "{id, " in line)
    above = next(line for line in text().splitlines() if "[{name, " in line).strip().removeprefix("%%")
    example = "\n".join((above, *lines[first:]))
    parse(f"{example}\n.")
    return example
