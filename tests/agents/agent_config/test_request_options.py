"""The keys of requests that every API names in its own way, or that hold for one model call of a turn."""

import json
from typing import Any

import pytest

from agents import agent, application
from agents.agent_config import agent_config
from agents.core.conversation import UserMessage
from agents.llm.request_encoder import RequestEncoder
from agents.rehearsal import RehearsalServer, parse
from agents.settings import Settings
from supervisors.agent_supervisor import start_agent

SCRIPT = parse("""
[[models.plain.turns]]
match = "first"
steps = [{ text = "no object" }]
[[models.plain.turns]]
steps = [{ text = "{}" }]
""")
OBJECT = {"type": "object"}
ALLOWED = {"mode": "required", "tools": [{"type": "function", "function": {"name": "calculator"}}]}


def sent(config: dict[str, Any], **settings: Any) -> list[Any]:
    """Return the options of each route's requests."""
    given = Settings.model_validate({"model": "m", **settings})
    return [dict(route.sent_options) for route in agent_config({"id": "ada", **config}, given).routes]


@pytest.mark.parametrize(
    ("config", "settings", "expected"),
    [
        ({}, {}, {"prompt_cache_key": "ada"}),
        ({"api_preference": "responses"}, {}, {"prompt_cache_key": "ada"}),
        ({}, {"prompt_cache_key": False}, {}),
        ({"model_options": {"prompt_cache_key": "own"}}, {}, {"prompt_cache_key": "own"}),
        ({"model_options": {"prompt_cache_key": "own"}}, {"prompt_cache_key": False}, {"prompt_cache_key": "own"}),
        ({"provider": "a"}, {"providers": {"named": {"a": {"prompt_cache_key": False}}}}, {}),
        (
            {"provider": "a"},
            {"prompt_cache_key": False, "providers": {"named": {"a": {"prompt_cache_key": True}}}},
            {"prompt_cache_key": "ada"},
        ),
    ],
)
def test_requests_name_their_session_to_the_prompt_cache(
    config: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert sent(config, **settings) == [expected]


def test_a_fallback_asks_its_own_provider_for_the_cache() -> None:
    named = {"main": {}, "strict": {"base_url": "http://strict/v1", "prompt_cache_key": False}}
    assert sent({}, providers={"named": named, "order": ["main", "strict"]}) == [{"prompt_cache_key": "ada"}, {}]


def test_the_key_of_a_long_session_is_a_short_and_stable_one() -> None:
    keys = [sent({"id": id_})[0]["prompt_cache_key"] for id_ in ("a" * 64, "a" * 65, "a" * 65, "a" * 66)]
    assert keys[0] == "a" * 64
    assert keys[1] == keys[2] != keys[3]
    assert {len(key) for key in keys} == {64}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"api_preference": "chat"}, {"reasoning_effort": "low"}),
        ({"api_preference": "responses"}, {"reasoning": {"effort": "low"}}),
        (
            {"api_preference": "responses", "model_options": {"reasoning": {"summary": "auto"}}},
            {"reasoning": {"effort": "low", "summary": "auto"}},
        ),
        ({"model_options": {"reasoning_effort": "high"}}, {"reasoning_effort": "high"}),
    ],
)
def test_a_reasoning_effort_is_sent_in_the_words_of_the_api(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent({"reasoning_effort": "low", **config}, prompt_cache_key=False) == [expected]


def test_a_fallback_has_the_agents_reasoning_effort_or_its_own() -> None:
    fallbacks = [{"api_preference": "responses"}, {"reasoning_effort": "high"}]
    assert sent({"reasoning_effort": "low", "fallbacks": fallbacks}, prompt_cache_key=False) == [
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}},
        {"reasoning_effort": "high"},
    ]


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_forced_tool_choice_holds_for_the_first_model_call_of_each_turn(api: str) -> None:
    async with RehearsalServer(SCRIPT) as server, application.running():
        config = {"model": "plain", "tools": ["calculator"], "api_preference": api, "answer_type": OBJECT}
        options = {"tool_choice": "required"}
        pid = await start_agent({**config, **server.endpoint, "model_options": options, "answer_retries": 1})
        await agent.chat(pid, "first")
        await agent.chat(pid, "second")
        choices = [each.get("tool_choice") for each in server.requests]
    assert choices == ["required", None, "required"]  # the second one asks for an object again


@pytest.mark.parametrize(
    ("choice", "later"),
    [
        ("required", None),
        ("none", "none"),
        ("auto", "auto"),
        ({"type": "function", "function": {"name": "calculator"}}, None),
        ({"type": "allowed_tools", "allowed_tools": ALLOWED}, {"type": "allowed_tools", "allowed_tools": "auto"}),
        ({"type": "allowed_tools", **ALLOWED}, {"type": "allowed_tools", "mode": "auto"}),
    ],
)
def test_a_choice_among_some_tools_keeps_its_tools_and_forces_none(choice: Any, later: Any) -> None:
    given = Settings.model_validate({"model": "m", "base_url": "http://127.0.0.1/v1"})
    (route,) = agent_config({"model_options": {"tool_choice": choice}}, given).routes
    bodies = [_body(route, first=first) for first in (True, False)]
    assert bodies[0]["tool_choice"] == choice
    if isinstance(later, dict):
        auto = {**ALLOWED, "mode": "auto"}
        later = {**later, "allowed_tools": auto} if "allowed_tools" in later else {"type": "allowed_tools", **auto}
    assert bodies[1].get("tool_choice") == later


def _body(route: Any, *, first: bool) -> dict[str, Any]:
    steps = RequestEncoder().body(route, (UserMessage("hi"),), (), stream=True, first=first)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return dict(json.loads(done.value))
