"""The step that answers a request, and the values that fill its placeholders."""

from typing import Any

import pytest

from agents.rehearsal import parse
from agents.rehearsal.chat import whole
from agents.rehearsal.errors import ErrorResponse
from agents.rehearsal.playback import Pace, writes
from agents.rehearsal.reply import compose, fill, find_step
from agents.rehearsal.request import ModelRequest, read_chat, read_responses
from agents.rehearsal.script import ScriptedStep
from agents.rehearsal.wire import ServerSentEvent

SCRIPT = parse(
    """
    [models.demo]
    [[models.demo.turns]]
    match = "RAIN"
    steps = [{ text = "rain 0" }, { text = "rain 1" }, { text = "rain 2" }]
    [[models.demo.turns]]
    steps = [{ text = "else" }]
    """,
    "demo.toml",
)

USER = {"role": "user", "content": "any rain?"}


def round_of(*names: str) -> list[dict[str, Any]]:
    """Return one chat round: an assistant's calls, and their results."""
    calls = [{"id": f"id_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in names]
    results = [{"role": "tool", "tool_call_id": f"id_{name}", "content": f"<{name}>"} for name in names]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


def chat(*messages: dict[str, Any]) -> ModelRequest:
    return read_chat({"model": "demo", "messages": list(messages)})


def response(*items: dict[str, Any]) -> ModelRequest:
    return read_responses({"model": "demo", "input": list(items)})


def text_for(request: ModelRequest) -> str:
    found = find_step(SCRIPT.models["demo"], request)
    assert found is not None
    message: str = whole(compose(found[1], request, key="k", created=0), request)["choices"][0]["message"]["content"]
    return message


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_the_rounds_since_the_user_message_choose_the_step(rounds: int) -> None:
    assert text_for(chat(USER, *round_of("a", "b"), USER, *round_of("a", "b") * rounds)) == f"rain {rounds}"


def test_the_last_step_answers_all_further_rounds() -> None:
    assert text_for(chat(USER, *round_of("a") * 7)) == "rain 2"


def test_the_first_turn_that_fits_the_user_message_is_played() -> None:
    assert (
        text_for(chat(USER, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "thanks"})) == "else"
    )


def test_a_round_of_responses_is_calls_and_then_their_outputs() -> None:
    def calls(*ids: str) -> list[dict[str, Any]]:
        made = [{"type": "function_call", "call_id": id_, "name": f"t{id_}", "arguments": "{}"} for id_ in ids]
        return made + [{"type": "function_call_output", "call_id": id_, "output": f"<{id_}>"} for id_ in ids]

    reasoning: dict[str, Any] = {"type": "reasoning", "id": "r", "summary": []}
    request = response(USER, reasoning, *calls("1", "2"), reasoning, *calls("3"))
    assert request.round == 2
    assert [(result.name, result.content) for result in request.results] == [
        ("t1", "<1>"),
        ("t2", "<2>"),
        ("t3", "<3>"),
    ]


def test_placeholders_are_filled_from_the_conversation() -> None:
    request = chat(USER, *round_of("clock", "sky"), *round_of("clock"))
    assert fill("{user} {tool:clock} {result:1}", request) == "any rain? <clock> <sky>"


def test_a_placeholder_without_a_value_stays_and_braces_are_text() -> None:
    text = "{tool:none} {result:9} {other} {0.__class__} {{user}"
    assert fill(text, chat(USER)) == text.replace("{user}", "any rain?")


def test_a_filled_value_is_not_filled_again() -> None:
    assert fill("{user}", chat({"role": "user", "content": "{user} {tool:x}"})) == "{user} {tool:x}"


def test_a_quote_in_the_user_message_leaves_the_arguments_json() -> None:
    step = ScriptedStep.model_validate({"tool_calls": [{"name": "t", "arguments": {"q": ["{user}"], "n": 1}}]})
    request = chat({"role": "user", "content": 'say "hi"'})
    (call,) = whole(compose(step, request, key="k", created=0), request)["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"q":["say \\"hi\\""],"n":1}'


@pytest.mark.parametrize(
    "messages",
    [
        [USER, round_of("a")[0]],
        [USER, round_of("a")[0], USER],
        [USER, round_of("a")[1]],
        [USER, *round_of("a"), round_of("a")[1]],
        [{"content": "no role"}],
        [{"role": "assistant", "tool_calls": [{"id": "x"}]}],
    ],
)
def test_a_conversation_that_openai_refuses_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(ErrorResponse) as refused:
        chat(*messages)
    assert refused.value.status == 400


def test_without_delays_a_stream_is_one_write() -> None:
    events = [ServerSentEvent({}), *(ServerSentEvent({}, token=True) for _ in range(3)), ServerSentEvent({})]
    assert len(list(writes(events, Pace()))) == 1


def test_a_delay_precedes_each_of_its_tokens() -> None:
    events = [ServerSentEvent({}), *(ServerSentEvent({}, token=True) for _ in range(3)), ServerSentEvent({})]
    assert [pause_s for pause_s, _ in writes(events, Pace(1.0, 0.5))] == [0.0, 1.0, 0.5, 0.5]
    assert [pause_s for pause_s, _ in writes(events, Pace(1.0, 0.0))] == [0.0, 1.0]
    assert [pause_s for pause_s, _ in writes(events, Pace(0.0, 0.5))] == [0.0, 0.5, 0.5]
