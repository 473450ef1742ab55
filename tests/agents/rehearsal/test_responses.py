"""Responses on the wire, read with OpenAI's own models."""

from typing import TYPE_CHECKING, Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from agents.rehearsal import builtin

if TYPE_CHECKING:
    from tests.agents.rehearsal.conftest import Perform, Stage

SCRIPT = """
[models.all]
[[models.all.turns]]
[[models.all.turns.steps]]
reasoning = "One, two."
text = "Now I call."
split_chars = 4
interleaved = true
tool_calls = [{ name = "add", arguments = { a = 1 } }, { name = "now", arguments = {} }]
usage = { input_tokens = 7, output_tokens = 9, reasoning_tokens = 2, cached_tokens = 1 }

[models.cut]
turns = [{ steps = [{ text = "ab", split_chars = 4, fault = { name = "length", after_tokens = 2 }, tool_calls = [
    { name = "add", arguments = { a = 1 } }] }] }]
"""

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)


@pytest.fixture
async def stage(perform: "Perform") -> "Stage":
    return await perform(SCRIPT)


def kinds(events: list[Any]) -> list[str]:
    """Return the types of the events, without their common prefix. Repeated deltas count once."""
    types = [event["type"].removeprefix("response.") for event in events]
    return [kind for kind, before in zip(types, ["", *types], strict=False) if kind != before]


@pytest.mark.parametrize("model", ["all", "cut"])
async def test_every_event_is_one_that_openai_describes(stage: "Stage", model: str) -> None:
    for event in await stage.response_events(model):
        assert EVENT.validate_python(event).type == event["type"]


async def test_events_are_numbered_without_gaps_and_named_by_their_type(stage: "Stage") -> None:
    text = await (await stage.respond("all", stream=True)).text()
    events = await stage.response_events("all")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [line[7:] for line in text.splitlines() if line.startswith("event: ")] == [e["type"] for e in events]


async def test_each_item_is_added_grows_and_is_done(stage: "Stage") -> None:
    text = ["output_item.added", "content_part.added", "{}.delta", "{}.done", "content_part.done", "output_item.done"]
    call_done = ["function_call_arguments.done", "output_item.done"]
    assert kinds(await stage.response_events("all")) == [
        "created",
        "in_progress",
        *(kind.format("reasoning_text") for kind in text),
        *(kind.format("output_text") for kind in text),
        "output_item.added",
        "function_call_arguments.delta",
        *call_done,
        *call_done,
        "completed",
    ]


async def test_the_deltas_of_an_item_join_to_its_end(stage: "Stage") -> None:
    events = await stage.response_events("all")
    done = [event for event in events if event["type"].endswith((".text.done", "_text.done", "arguments.done"))]
    assert len(done) == 4
    for end in done:
        pieces = [e["delta"] for e in events if "delta" in e and e["item_id"] == end["item_id"]]
        assert "".join(pieces) == end.get("text", end.get("arguments"))


async def test_the_completed_response_holds_every_item(stage: "Stage") -> None:
    *events, last = await stage.response_events("all", tools=[], instructions="Be brief.")
    response = last["response"]
    assert response["output"] == [e["item"] for e in sorted(_item_ends(events), key=lambda e: e["output_index"])]
    assert response["status"] == "completed"
    assert response["instructions"] == "Be brief."
    assert response["usage"]["total_tokens"] == 16


def _item_ends(events: list[Any]) -> list[Any]:
    return [event for event in events if event["type"] == "response.output_item.done"]


async def test_a_whole_answer_holds_what_its_stream_holds(stage: "Stage") -> None:
    answer = await (await stage.respond("all")).json()
    response = Response.model_validate(answer)
    assert response.output_text == "Now I call."
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call", "function_call"]


async def test_a_call_that_is_cut_by_length_is_incomplete(stage: "Stage") -> None:
    last = (await stage.response_events("cut"))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    message, call = last["response"]["output"]
    assert (message["status"], call["status"], call["arguments"]) == ("completed", "incomplete", '{"a"')


async def test_openais_client_plays_the_rehearsal_to_its_end(perform: "Perform") -> None:
    stage = await perform(builtin())
    given: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "What is new?"}]}]
    async with stage.openai.responses.stream(model="rehearsal", input=given) as stream:
        first = await stream.get_final_response()
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["calculator", "file_ops", "web_search"]
    given += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    given += [{"type": "function_call_output", "call_id": c.call_id, "output": f"<{c.name}>"} for c in calls]
    async with stage.openai.responses.stream(model="rehearsal", input=given) as stream:
        second = await stream.get_final_response()
    assert second.status == "completed"
    assert all(f"<{call.name}>" in second.output_text for call in calls)
