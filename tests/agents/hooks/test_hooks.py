"""Hooks decide on model calls and tool calls: on exactly what runs, and closed if they fail."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from agents import (
    Decided,
    Denied,
    Event,
    InvalidAgentConfig,
    StreamApprovalRequired,
    StreamError,
    StreamReset,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    agent,
    application,
    start_agent,
)
from agents.agent_config.kept import comes_back_whole, give, kept_config, not_given
from agents.hooks import BeforeTool, Deny, Rewrite, Run
from agents.hooks.resolve import hooks_of
from agents.rehearsal import RehearsalServer, parse
from agents.settings import Settings
from agents.settings.hooks import HookSettings
from tests.agents.hooks import sample_hooks as hooks
from tests.agents.hooks.sample_hooks import spend
from tests.agents.stage import Stage
from tests.agents.turns import answer_of

SCRIPT = """
[models.spender]
[[models.spender.turns]]
match = "much"
steps = [{ tool_calls = [{ name = "spend", arguments = { cents = 5000 } }] }, { text = "{result:0}" }]
[[models.spender.turns]]
steps = [{ tool_calls = [{ name = "spend", arguments = { cents = 60 } }] }, { text = "{result:0}" }]

[models.desk]
[[models.desk.turns]]
steps = [{ tool_calls = [{ name = "transfer_to_second", arguments = {} }] }]

[models.second]
[[models.second.turns]]
steps = [
    { text = "not asked" },
    { tool_calls = [{ name = "spend", arguments = { cents = 5000 } }] },
    { text = "{result:1}" },
]

[models.parrot]
[[models.parrot.turns]]
steps = [{ text = "You wrote: {user}" }]
"""
DEADLINE_MS = 300


async def events_of(pid: Any, message: str = "go", *, approve: str | None = None) -> list[Event]:
    events = []
    async for event in agent.stream(pid, message):
        events.append(event)
        if isinstance(event, StreamApprovalRequired):
            decided = await agent.approve(pid, event.tool_call.id, edited=approve)
            assert decided == Decided(event.tool_call.id, "approved")
    return events


def text(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


def ran_with(events: list[Event]) -> list[int]:
    return [json.loads(event.tool_call.arguments)["cents"] for event in events if isinstance(event, StreamToolStart)]


async def spender(stage: Stage, *before: Any, **hooks: Any) -> Any:
    return await stage.agent("spender", tools=[spend], hooks={"before_tool": list(before), **hooks})


@pytest.mark.parametrize("order", [[hooks.at_most_100, hooks.under_1000], [hooks.under_1000, hooks.at_most_100]])
async def test_hooks_decide_on_the_arguments_that_run_whatever_their_order(stage: Stage, order: list[Any]) -> None:
    pid = await spender(stage, *order)
    assert answer_of(await events_of(pid)) == "spent 60 on ada"
    events = await events_of(pid, "much")
    assert (answer_of(events), ran_with(events)) == ("spent 100 on ada", [100])


async def test_the_strictest_of_several_decisions_holds(stage: Stage) -> None:
    pid = await spender(stage, hooks.ask_above_50, hooks.under_1000)
    events = await events_of(pid)
    assert [event.why for event in events if isinstance(event, StreamApprovalRequired)] == ["Spend 60?"]
    assert answer_of(events) == "spent 60 on ada"
    events = await events_of(pid, "much")
    assert not [event for event in events if isinstance(event, StreamApprovalRequired)]
    assert answer_of(events) == "error: denied: too much"


async def test_a_person_is_shown_the_arguments_that_a_hook_has_written(stage: Stage) -> None:
    pid = await spender(stage, hooks.at_most_100, hooks.ask_above_50)
    events = await events_of(pid, "much")
    (asked,) = [event for event in events if isinstance(event, StreamApprovalRequired)]
    assert (json.loads(asked.tool_call.arguments), asked.why) == ({"cents": 100}, "Spend 100?")
    assert ran_with(events) == [100]


async def test_hooks_also_decide_on_the_arguments_of_the_person_who_approves(stage: Stage) -> None:
    pid = await spender(stage, hooks.ask_above_50, hooks.under_1000)
    assert answer_of(await events_of(pid, approve='{"cents": 70}')).startswith("spent 70 on ada\n\nThe user changed")
    pid = await spender(stage, hooks.ask_above_50, hooks.under_1000)
    assert answer_of(await events_of(pid, approve='{"cents": 7000}')).startswith("error: denied: too much")


@pytest.mark.parametrize(
    "broken",
    [hooks.fails, hooks.hangs, hooks.hangs_in_a_worker, hooks.dies, hooks.answers_nonsense, hooks.unfit_arguments],
)
async def test_a_hook_that_fails_or_hangs_denies_or_runs_as_it_is_set(stage: Stage, broken: Any) -> None:
    closed = await spender(stage, broken, timeout=DEADLINE_MS)
    events = await events_of(closed)
    assert answer_of(events) == f"error: denied: the hook {broken.__name__} failed"
    assert not ran_with(events)
    opened = await spender(stage, broken, timeout=DEADLINE_MS, on_failure="run")
    assert answer_of(await events_of(opened)) == "spent 60 on ada"


async def test_the_options_of_a_hook_have_precedence_over_those_of_its_agent(stage: Stage) -> None:
    pid = await spender(stage, hooks.fails_open, on_failure="deny")
    assert answer_of(await events_of(pid)) == "spent 60 on ada"


async def test_hooks_that_rewrite_each_others_values_without_an_end_deny(stage: Stage) -> None:
    pid = await spender(stage, hooks.one_more, hooks.at_most_100)
    assert answer_of(await events_of(pid)) == "spent 61 on ada"
    events = await events_of(pid, "much")
    assert answer_of(events) == "error: denied: the hooks one_more, at_most_100 rewrite each other's values"
    assert not ran_with(events)


async def test_the_result_that_a_hook_has_written_is_the_only_one(stage: Stage) -> None:
    pid = await stage.agent("spender", tools=[spend], hooks={"after_tool": [hooks.mask_result]})
    events = await events_of(pid)
    (result,) = [event.result for event in events if isinstance(event, StreamToolResult)]
    assert (result.content, result.value) == ("spent 60 on [name]",) * 2
    assert "on ada" not in repr((events, await agent.conversation(pid)))


async def test_a_denied_result_is_an_error_for_the_model(stage: Stage) -> None:
    pid = await stage.agent("spender", tools=[spend], hooks={"after_tool": [hooks.mask_result, hooks.deny_result]})
    events = await events_of(pid)
    assert answer_of(events) == "error: denied: spend is secret"


async def test_the_model_gets_the_messages_that_a_hook_has_written_and_the_conversation_stays(
    stage: Stage, api: str
) -> None:
    pid = await stage.agent("parrot", hooks={"before_model": [hooks.mask_messages]}, api_preference=api)
    assert answer_of(await events_of(pid, "I am ada")) == "You wrote: I am [name]"
    assert answer_of(await events_of(pid, "still ada")) == "You wrote: still [name]"
    assert "I am ada" in repr(await agent.conversation(pid))


async def test_a_denied_model_call_is_not_made_and_ends_the_turn(stage: Stage) -> None:
    pid = await stage.agent("parrot", hooks={"before_model": [hooks.deny_ada]})
    before = len(stage.server.requests)
    end = (await events_of(pid, "I am ada"))[-1]
    assert isinstance(end, StreamError)
    assert (end.reason, len(stage.server.requests)) == (Denied("no names"), before)
    pid = await stage.agent("parrot", hooks={"before_model": [hooks.deny_ada, hooks.mask_messages]})
    assert answer_of(await events_of(pid, "I am ada")) == "You wrote: I am [name]"


async def test_a_replaced_answer_voids_the_tokens_that_subscribers_have(stage: Stage, api: str) -> None:
    pid = await stage.agent("parrot", hooks={"after_model": [hooks.shout]}, api_preference=api)
    events = await events_of(pid, "hello")
    (reset,) = [place for place, event in enumerate(events) if isinstance(event, StreamReset)]
    assert (text(events[:reset]), text(events[reset:])) == ("You wrote: hello", "YOU WROTE: HELLO")
    assert answer_of(events) == "YOU WROTE: HELLO"
    assert "You wrote" not in repr(await agent.conversation(pid))


@pytest.mark.parametrize("hold", [True, False])
async def test_a_denied_answer_is_in_no_message_and_held_it_is_in_no_event(stage: Stage, hold: bool) -> None:
    config = {"after_model": [hooks.deny_answer], "hold_answer": hold}
    pid = await stage.agent("parrot", hooks=config)
    events = await events_of(pid, "hello")
    end = events[-1]
    assert isinstance(end, StreamError)
    assert (end.reason, end.content) == (Denied("16 characters are too many"), "")
    assert end.response is not None
    assert end.response.usage.output_tokens
    assert text(events) == ("" if hold else "You wrote: hello")
    assert "You wrote" not in repr(await agent.conversation(pid))


async def test_a_held_answer_is_shown_once_and_as_the_hooks_left_it(stage: Stage, api: str) -> None:
    config = {"after_model": [hooks.shout], "hold_answer": True}
    pid = await stage.agent("parrot", hooks=config, api_preference=api)
    events = await events_of(pid, "hello")
    assert not [event for event in events if isinstance(event, StreamReset)]
    assert text(events) == answer_of(events) == "YOU WROTE: HELLO"


async def test_calls_of_an_answer_that_a_hook_has_replaced_still_run(stage: Stage, api: str) -> None:
    pid = await stage.agent("spender", tools=[spend], hooks={"after_model": [hooks.shout]}, api_preference=api)
    assert answer_of(await events_of(pid)) == "SPENT 60 ON ADA"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"before_tool": ["nothing"]}, "hooks.before_tool[0]: expected module:function or a function, got 'nothing'"),
        (
            {"before_tool": [hooks.mask_result]},
            "expected a hook of BeforeTool, got mask_result, which is one of AfterTool",
        ),
        ({"after_tool": [lambda call: Run()]}, "hooks.after_tool[0]"),
        ({"before_tool": [spend]}, "hooks.before_tool[0]: expected a function, got the tool spend"),
        ({"before_tools": []}, "hooks.before_tools: expected one of before_model"),
        ({"timeout": 0}, "hooks.timeout"),
    ],
)
async def test_an_invalid_hook_is_refused_in_one_line(stage: Stage, given: Any, words: str) -> None:
    with pytest.raises(InvalidAgentConfig) as refused:
        await stage.agent("parrot", hooks=given)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


async def test_an_inner_async_function_is_a_hook(stage: Stage) -> None:
    seen: list[BeforeTool] = []

    async def note(call: BeforeTool) -> Rewrite | Deny:
        seen.append(call)
        return Rewrite(call.arguments)

    pid = await spender(stage, note)
    assert answer_of(await events_of(pid)) == "spent 60 on ada"
    assert [(call.tool, call.arguments, call.owner) for call in seen] == [("spend", {"cents": 60}, None)]


async def test_the_hooks_of_all_agents_and_of_an_owner_come_before_those_of_the_agent() -> None:
    named = "tests.agents.hooks.sample_hooks"
    settings = {
        "*": HookSettings(before_tool=[f"{named}:ask_above_50"]),
        "ann": HookSettings(before_tool=[f"{named}:under_1000"], after_tool=[f"{named}:mask_result"]),
    }
    own = HookSettings(before_tool=[hooks.at_most_100, f"{named}:under_1000"])
    found = hooks_of("ann", own, settings)
    assert [hook.name for hook in found.before_tool] == ["ask_above_50", "under_1000", "at_most_100"]
    assert [hook.name for hook in hooks_of("bob", HookSettings(), settings).before_tool] == ["ask_above_50"]
    assert [hook.name for hook in hooks_of(None, own, settings).before_tool] == [
        "ask_above_50",
        "at_most_100",
        "under_1000",
    ]


async def test_hooks_of_the_settings_hold_for_agents_that_name_none() -> None:
    async with RehearsalServer(parse(SCRIPT)) as server:
        rule = HookSettings(before_tool=["tests.agents.hooks.sample_hooks:at_most_100"])
        settings = Settings(base_url=server.base_url, api_key=SecretStr("any"), hooks={"ann": rule})
        async with application.running(settings):
            guarded = await start_agent(model="spender", tools=[spend], owner="ann")
            assert ran_with(await events_of(guarded, "much")) == [100]
            assert ran_with(await events_of(await start_agent(model="spender", tools=[spend]), "much")) == [5000]


async def test_the_hooks_of_the_first_agent_hold_after_a_hand_off(stage: Stage) -> None:
    second = {"name": "second", "model": "second", "tools": [spend], "hooks": {"after_tool": [hooks.mask_result]}}
    pid = await stage.agent("desk", handoffs=[second], hooks={"before_tool": [hooks.at_most_100]})
    assert answer_of(await events_of(pid)) == "spent 100 on [name]"


async def test_a_kept_agent_comes_back_only_with_hooks_that_the_program_gave() -> None:
    given = {"model": "parrot", "hooks": {"before_tool": [hooks.at_most_100], "timeout": 100}}
    kept = kept_config(given)
    assert kept is not None
    assert kept["hooks"] == {"before_tool": ["tests.agents.hooks.sample_hooks:at_most_100"], "timeout": 100}
    assert comes_back_whole(given)
    assert not comes_back_whole({"hooks": {"before_tool": [lambda call: call]}})
    async with application.running(Settings()):
        assert [fault.path for fault in not_given(kept, Settings())] == [("hooks", "before_tool", 0)]
        give(given)
        assert not [*not_given(kept, Settings())]
