"""Chat Completions on the wire, read with OpenAI's own models."""

from typing import TYPE_CHECKING, Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

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
tool_calls = [{ name = "add", arguments = { a = 1 } }, { name = "now", arguments = {} }]
usage = { input_tokens = 7, output_tokens = 9, reasoning_tokens = 2, cached_tokens = 1 }
[[models.all.turns.steps]]
text = "{tool:add} at {result:1}"

[models.crossed]
turns = [{ steps = [{ split_chars = 4, interleaved = true, tool_calls = [
    { name = "add", arguments = { a = 1 } }, { name = "now", arguments = '{"zone":' }] }] }]
"""


@pytest.fixture
async def stage(perform: "Perform") -> "Stage":
    return await perform(SCRIPT)


async def deltas(stage: "Stage", model: str) -> list[Any]:
    return [event["choices"][0]["delta"] for event in await stage.chat_events(model)]


async def test_every_chunk_is_one_that_openai_describes(stage: "Stage") -> None:
    events = await stage.chat_events("all", stream_options={"include_usage": True})
    chunks = [ChatCompletionChunk.model_validate(event, strict=True) for event in events]
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"all"}


async def test_a_stream_begins_with_the_role_and_ends_with_the_reason(stage: "Stage") -> None:
    events = await stage.chat_events("all")
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * (len(events) - 1) + ["tool_calls"]


async def test_words_and_thoughts_are_tokens_that_join_to_the_text(stage: "Stage") -> None:
    sent = await deltas(stage, "all")
    assert [delta["reasoning_content"] for delta in sent if "reasoning_content" in delta] == ["One,", " two."]
    assert [delta["content"] for delta in sent if delta.get("content")] == ["Now", " I", " call."]


async def test_a_call_begins_with_its_name_and_empty_arguments(stage: "Stage") -> None:
    first, *rest = [delta["tool_calls"][0] for delta in await deltas(stage, "all") if "tool_calls" in delta]
    assert first["type"] == "function"
    assert first["id"].startswith("call_")
    assert first["function"] == {"name": "add", "arguments": ""}
    assert rest[0] == {"index": 0, "function": {"arguments": '{"a"'}}


async def test_calls_come_one_after_another_or_take_turns(stage: "Stage") -> None:
    for model, order in (("all", [0, 0, 0, 1, 1]), ("crossed", [0, 1, 0, 1, 0, 1])):
        calls = [delta["tool_calls"][0] for delta in await deltas(stage, model) if "tool_calls" in delta]
        assert [call["index"] for call in calls] == order


async def test_a_string_of_arguments_is_sent_unchanged(stage: "Stage") -> None:
    calls = [delta["tool_calls"][0] for delta in await deltas(stage, "crossed") if "tool_calls" in delta]
    assert "".join(call["function"]["arguments"] for call in calls if call["index"] == 1) == '{"zone":'


async def test_usage_is_a_chunk_without_choices_and_only_on_request(stage: "Stage") -> None:
    *others, last = await stage.chat_events("all", stream_options={"include_usage": True})
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 7
    assert last["usage"]["total_tokens"] == 16
    assert {event["usage"] for event in others} == {None}
    assert not any("usage" in event for event in await stage.chat_events("all"))


async def test_a_whole_answer_holds_what_its_stream_holds(stage: "Stage") -> None:
    answer = await (await stage.chat("all")).json()
    message = ChatCompletion.model_validate(answer, strict=True).choices[0].message
    assert message.content == "Now I call."
    assert answer["choices"][0]["message"]["reasoning_content"] == "One, two."
    assert [call["function"] for call in answer["choices"][0]["message"]["tool_calls"]] == [
        {"name": "add", "arguments": '{"a":1}'},
        {"name": "now", "arguments": "{}"},
    ]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


async def test_openais_client_plays_the_rehearsal_to_its_end(perform: "Perform") -> None:
    stage = await perform(builtin())
    messages: list[Any] = [{"role": "user", "content": "What is new?"}]
    async with stage.openai.chat.completions.stream(model="rehearsal", messages=messages) as stream:
        first = (await stream.get_final_completion()).choices[0]
    calls = first.message.tool_calls or []
    assert [call.function.name for call in calls] == ["calculator", "file_ops", "web_search"]
    assert calls[2].function.arguments == '{"query":"What is new?"}'
    messages.append(first.message.model_dump(exclude_none=True, exclude={"parsed"}))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"<{call.function.name}>"} for call in calls]
    async with stage.openai.chat.completions.stream(model="rehearsal", messages=messages) as stream:
        second = (await stream.get_final_completion()).choices[0]
    assert second.finish_reason == "stop"
    assert all(f"<{call.function.name}>" in (second.message.content or "") for call in calls)
