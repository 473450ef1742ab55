"""The answer type: over both APIs, as a type and as a schema, streamed and in one piece."""

import dataclasses
from typing import Any

import pydantic
import pytest

from agents import InvalidAnswer, StreamError, StreamReset, agent
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.core.conversation import UserMessage
from tests.agents.stage import Stage

SCRIPT = """
[models.poet]
[[models.poet.turns]]
match = "corrected"
steps = [{ text = '{"title": "Rain", "lines": 3}' }]
[[models.poet.turns]]
match = "fenced"
steps = [{ text = '''```json
{"title": "Rain", "lines": 3}
```''' }]
[[models.poet.turns]]
match = "never"
steps = [{ text = 'I can not.' }]
[[models.poet.turns]]
steps = [{ text = '{"title": "Rain", "lines": "three"}' }]

[models.stubborn]
[[models.stubborn.turns]]
steps = [{ text = "No JSON today." }]
"""


class Poem(pydantic.BaseModel):
    title: str
    lines: int


@dataclasses.dataclass
class Verse:
    title: str
    lines: int


SCHEMA = {
    "title": "poem",
    "type": "object",
    "properties": {"title": {"type": "string"}, "lines": {"type": "integer"}},
    "required": ["title", "lines"],
    "additionalProperties": False,
}
KINDS: list[Any] = [Poem, Verse, SCHEMA]
RAIN = {"title": "Rain", "lines": 3}


@pytest.mark.parametrize("given", KINDS, ids=["model", "dataclass", "schema"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_wrong_answer_is_asked_for_again_and_the_right_one_is_data(
    stage: Stage, api: str, given: Any, stream: bool
) -> None:
    pid = await stage.agent("poet", api_preference=api, answer_type=given, stream=stream)
    response = await agent.chat(pid, "a poem")
    assert (response.value, response.content) == (RAIN, '{"title": "Rain", "lines": 3}')
    asked = [message.content for message in await agent.conversation(pid) if isinstance(message, UserMessage)]
    assert asked[0] == "a poem"
    assert "lines" in asked[1]


async def test_a_reset_voids_a_wrong_answer(stage: Stage, api: str) -> None:
    pid = await stage.agent("poet", api_preference=api, answer_type=Poem)
    events = [event async for event in agent.stream(pid, "a poem")]
    (reset,) = [event for event in events if isinstance(event, StreamReset)]
    assert (reset.content, reset.attempt) == ("", 2)
    assert isinstance(reset.reason, InvalidAnswer)


async def test_the_model_is_shown_the_type(stage: Stage, api: str) -> None:
    pid = await stage.agent("poet", api_preference=api, answer_type=Poem)
    await agent.chat(pid, "fenced")
    body = stage.server.requests[-1]
    shown = body["response_format"]["json_schema"] if api == "chat" else body["text"]["format"]
    assert (shown["name"], shown["schema"]["required"]) == ("Poem", ["title", "lines"])


async def test_a_fence_around_the_whole_answer_does_no_harm(stage: Stage) -> None:
    pid = await stage.agent("poet", answer_type=Poem, answer_retries=0)
    assert (await agent.chat(pid, "fenced")).value == RAIN


async def test_after_its_retries_a_wrong_answer_is_an_error(stage: Stage, api: str) -> None:
    pid = await stage.agent("stubborn", api_preference=api, answer_type=Poem, answer_retries=1)
    events = [event async for event in agent.stream(pid, "a poem")]
    end = events[-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, InvalidAnswer)
    assert end.content == "No JSON today."
    assert len(stage.server.requests) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "expected a type that pydantic can check, got 3"),
        ("Poem", "expected a type that pydantic can check, got 'Poem'"),
        ("1 +", "expected a type that pydantic can check, got '1 +'"),
        (list[int], "expected a type or a JSON schema of an object"),
        ({"type": "array"}, "expected a type or a JSON schema of an object"),
        ({"type": "objekt"}, "expected a JSON schema, got a fault at $.type"),
    ],
)
async def test_an_invalid_type_is_refused_at_the_start(stage: Stage, given: Any, said: str) -> None:
    with pytest.raises(InvalidAgentConfig) as refused:
        await stage.agent("poet", answer_type=given)
    (fault,) = refused.value.faults
    assert str(fault).startswith(f"answer_type: {said}")


@pytest.mark.parametrize("text", ["", "null", "[" * 5000, '{"title": 1}', '{"title": "x", "lines": NaN}', "\ud800"])
@pytest.mark.parametrize("given", KINDS, ids=["model", "dataclass", "schema"])
def test_whatever_a_model_says_is_a_value_or_faults(given: Any, text: str) -> None:
    assert AnswerType.of(given).check(text).faults


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\udfff": 1}', '{"a": NaN}'])
def test_a_value_that_no_encoder_accepts_is_refused_as_json(text: str) -> None:
    (fault,) = AnswerType.of({"type": "object"}).check(text).faults
    assert fault.startswith("answer: expected JSON, got")


@pytest.mark.parametrize("reference", ["#/nowhere", "http://127.0.0.1:1/schema"])
def test_a_reference_out_of_the_schema_is_a_fault_and_fetches_nothing(reference: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": reference}}}
    (fault,) = AnswerType.of(schema).check('{"a": 1}').faults
    assert reference in fault


def test_the_faults_of_a_huge_answer_are_short() -> None:
    faults = AnswerType.of(SCHEMA).check(f'{{"title": 1, "lines": "{"x" * 100_000}"}}').faults
    assert len(faults) == 2
    assert max(map(len, faults)) <= 200


def test_an_answer_that_is_nested_too_deep_for_its_schema_is_a_fault() -> None:
    schema = {"type": "object", "additionalProperties": {"$ref": "#"}}
    assert AnswerType.of(schema).check('{"a":' * 900 + "{}" + "}" * 900).faults


def test_a_type_whose_value_can_not_be_shown_again_is_a_fault() -> None:
    class Odd(pydantic.BaseModel):
        n: int

        @pydantic.field_serializer("n")
        def never(self, n: int) -> int:
            raise LookupError(n)

    (fault,) = AnswerType.of(Odd).check('{"n": 3}').faults
    assert "LookupError" in fault


def test_a_check_that_raises_is_a_fault() -> None:
    with pytest.raises(InvalidAnswerType):
        AnswerType.of(object())
