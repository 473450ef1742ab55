"""Leaves of unexpected types: arguments, indices, reasoning, content and calls in unusual shapes."""

import json
from typing import Any

import pytest

from agents.core.errors import ParseError
from agents.llm.chat import ChatReader
from agents.llm.leaf import key_of
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import Answer, answer_of, events, ids

OBJECT = {"a": 1, "b": [2]}
WRITTEN = '{"a":1,"b":[2]}'
ARGUMENTS = [
    (OBJECT, WRITTEN),
    ([1], "[1]"),
    (5, "5"),
    (0, "0"),
    (False, "false"),
    (1.5, "1.5"),
    (None, ""),
    ({}, "{}"),
]
KEYS = [("0", "1"), (0.0, 1.0), (False, True), ("a", "b"), (-1, -2), (10**30, 10**31), ("call_0", "call_1"), (None, 1)]


def item(arguments: Any, id_: str = "id1", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "id": f"fc_{id_}", "call_id": id_, "name": "add", "arguments": arguments} | fields


def event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": f"response.{kind}", **fields})


def completed(*output: dict[str, Any]) -> str:
    return event("completed", response={"id": "r1", "status": "completed", "output": list(output)})


def responses(*data: str) -> Answer:
    return _read(ResponsesReader(ids()), events(*data))


def chat(*deltas: dict[str, Any], finish: str = "stop") -> Answer:
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return _read(ChatReader(ids()), events(*map(json.dumps, chunks), "[DONE]"))


def chat_document(message: dict[str, Any], finish: str = "stop") -> Answer:
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return _read(ChatReader(ids()), json.dumps(whole).encode())


def _read(reader: StreamReader, body: bytes) -> Answer:
    return answer_of(reader.feed(body) + reader.end(), exact=False)


def one(answer: Answer) -> str:
    assert answer.fault is None
    (call,) = answer.calls
    assert answer.done == [0]
    return call["arguments"]


@pytest.mark.parametrize(("arguments", "written"), ARGUMENTS)
def test_d22_arguments_of_any_type_are_written_as_json(arguments: Any, written: str) -> None:
    added = event("output_item.added", output_index=0, item=item(""))
    assert one(responses(event("output_item.done", output_index=0, item=item(arguments)), completed())) == written
    assert one(responses(event("output_item.added", output_index=0, item=item(arguments)), completed())) == written
    assert one(responses(completed(item(arguments)))) == written
    done = event("function_call_arguments.done", output_index=0, arguments=arguments)
    assert one(responses(added, done, completed())) == written
    delta = event("function_call_arguments.delta", output_index=0, delta=arguments)
    assert one(responses(added, delta, completed())) == written
    whole = {"id": "r", "object": "response", "status": "completed", "output": [item(arguments)]}
    assert one(_read(ResponsesReader(ids()), json.dumps(whole).encode())) == written


def test_d22_deltas_and_snapshots_replace_the_arguments_of_an_added_item() -> None:
    added = event("output_item.added", output_index=0, item=item({}))
    delta = event("function_call_arguments.delta", output_index=0, delta=WRITTEN)
    assert one(responses(added, delta, completed())) == WRITTEN
    assert one(responses(added, completed(item(OBJECT)))) == WRITTEN


@pytest.mark.parametrize(("arguments", "written"), ARGUMENTS)
def test_c15_arguments_of_any_type_are_written_as_json(arguments: Any, written: str) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}
    assert one(chat({"tool_calls": [call]}, finish="tool_calls")) == written
    assert one(chat_document({"tool_calls": [call]})) == written


@pytest.mark.parametrize(("first", "second"), KEYS)
def test_c2_a_call_index_may_be_any_scalar(first: Any, second: Any) -> None:
    def begun(index: Any, id_: str, name: str) -> dict[str, Any]:
        return {"index": index, "id": id_, "function": {"name": name, "arguments": ""}}

    calls = [begun(first, "id1", "add"), begun(second, "id2", "list_files")]
    pieces = [{"index": first, "id": "id1" if first is None else None, "function": {"arguments": WRITTEN}}]
    answer = chat({"tool_calls": calls}, {"tool_calls": pieces}, finish="tool_calls")
    assert [(call["id"], call["arguments"]) for call in answer.calls] == [("id1", WRITTEN), ("id2", "")]


@pytest.mark.parametrize(("first", "second"), KEYS[:-1])
def test_d5_an_output_index_may_be_any_scalar(first: Any, second: Any) -> None:
    data = [
        event("output_item.added", output_index=key, item=item("", id_)) for key, id_ in ((first, "a"), (second, "b"))
    ]
    data += [
        event("function_call_arguments.delta", output_index=key, delta=f'{{"k":{n}}}')
        for n, key in enumerate((first, second))
    ]
    answer = responses(*data, completed())
    assert [(call["id"], call["arguments"]) for call in answer.calls] == [("a", '{"k":0}'), ("b", '{"k":1}')]


def test_d5_one_index_in_two_spellings_is_one_key() -> None:
    added = event("output_item.added", output_index="0", item=item("", "a"))
    other = event("output_item.added", output_index=1, item=item("", "b"))
    answer = responses(
        added, other, event("function_call_arguments.delta", output_index=0.0, delta=WRITTEN), completed()
    )
    assert [(call["id"], call["arguments"]) for call in answer.calls] == [("a", WRITTEN), ("b", "")]


@pytest.mark.parametrize("index", [{"a": 1}, [0], "", "null"])
def test_an_index_that_is_not_a_scalar_counts_as_missing(index: Any) -> None:
    assert key_of(index) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": {"text": "Hm"}},
        {"reasoning_content": [{"type": "text", "text": "Hm"}]},
        {"reasoning": {"content": "Hm"}},
        {"reasoning": {"summary": [{"type": "summary_text", "text": "Hm"}]}},
        {"thinking": "Hm"},
        {"thinking": {"thinking": "Hm", "signature": "s"}},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm"}], "reasoning_content": "Hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm"}, {"type": "redacted_thinking", "data": "x"}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}]},
        {"content": [{"type": "reasoning", "text": "Hm"}]},
        {"content": [{"type": "reasoning", "reasoning": "Hm"}]},
        {"content": [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]}]},
        {"content": [{"type": "thinking", "thinking": "Hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
        {"content": {"type": "reasoning", "text": "Hm"}},
    ],
    ids=str,
)
def test_b14_reasoning_is_read_in_every_shape(fields: dict[str, Any]) -> None:
    answer = chat(fields, {"content": "Hi"})
    assert (answer.reasoning, answer.content) == ("Hm", "Hi")
    message = fields | {"content": [*_parts(fields.get("content")), {"type": "text", "text": "Hi"}]}
    whole = chat_document(message)
    assert (whole.reasoning, whole.content) == ("Hm", "Hi")


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content] if content else []


@pytest.mark.parametrize("part", [{"type": "text", "text": "Hm"}, {"type": "thinking", "thinking": "Hm"}, "Hm"])
@pytest.mark.parametrize("field", ["summary", "content"])
def test_a_reasoning_item_says_reasoning_whatever_its_parts_are_called(field: str, part: Any) -> None:
    reasoning = {"type": "reasoning", field: part if isinstance(part, str) else [part]}
    answer = responses(completed(reasoning, {"type": "message", "content": "Hi"}))
    assert (answer.reasoning, answer.content) == ("Hm", "Hi")


@pytest.mark.parametrize("content", [{"type": "text", "text": "Hi"}, {"text": "Hi"}, [{"text": "H"}, "i"]])
def test_b15_content_may_be_an_object(content: Any) -> None:
    assert chat({"content": content}).content == "Hi"
    assert chat_document({"content": content}).content == "Hi"


def test_b15_content_that_is_json_data_is_the_answer_as_json() -> None:
    assert chat_document({"content": {"answer": 1}}).content == '{"answer":1}'


def test_b24_a_choice_may_have_its_text_where_completions_have_it() -> None:
    chunks = [
        {"choices": [{"index": 0, "text": text, "finish_reason": finish}]}
        for text, finish in (("H", None), ("i", "stop"))
    ]
    answer = _read(ChatReader(ids()), events(*map(json.dumps, chunks), "[DONE]"))
    assert answer.content == "Hi"
    assert _read(ChatReader(ids()), json.dumps(chunks[1]).encode()).content == "i"


def test_c29_tool_calls_may_be_one_object() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert one(chat({"tool_calls": call}, finish="tool_calls")) == "{}"
    assert one(chat_document({"tool_calls": call})) == "{}"


def test_c29_a_function_call_in_the_older_form_is_a_call() -> None:
    pieces = [{"function_call": {"name": "f", "arguments": '{"x"'}}, {"function_call": {"arguments": ":1}"}}]
    assert one(chat(*pieces, finish="function_call")) == '{"x":1}'
    assert one(chat_document({"function_call": {"name": "f", "arguments": "{}"}}, "function_call")) == "{}"


def test_c29_a_call_that_only_the_message_of_the_finish_chunk_has_is_a_call() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    said = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
    message = {"content": "Hi", "tool_calls": [call]}
    end = {"choices": [{"index": 0, "delta": {}, "message": message, "finish_reason": "tool_calls"}]}
    answer = _read(ChatReader(ids()), events(json.dumps(said), json.dumps(end), "[DONE]"))
    assert (answer.content, one(answer)) == ("Hi", "{}")


@pytest.mark.parametrize("finish", ["tool_calls", "function_call"])
def test_c29_an_answer_that_ends_for_a_call_without_a_call_fails(finish: str) -> None:
    fault = chat(finish=finish).fault
    assert isinstance(fault, ParseError)
    assert "expected a tool call" in fault.message
