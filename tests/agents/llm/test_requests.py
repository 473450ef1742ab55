"""The request bodies of both APIs."""

import json
from typing import Any

import pytest

from agents.core.conversation import (
    UNANSWERED,
    AssistantMessage,
    Conversation,
    Function,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agents.llm.dialects import DIALECTS
from agents.llm.endpoint import Api
from tests.agents.llm.bodies import body_of

TOOL: dict[str, Any] = {"name": "f", "description": "does f", "parameters": {"type": "object", "properties": {}}}
CALL = ToolCall("c1", Function("f", '{"x":1}'), extra={"extra_content": {"google": {"thought_signature": "sig"}}})
FORM = {"name": "poem", "schema": {"type": "object"}, "strict": False}
REASONING = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}
TALK: Conversation = (
    SystemMessage("be brief"),
    UserMessage("go"),
    AssistantMessage("", (CALL,)),
    ToolMessage("c1", "f", "done"),
    AssistantMessage("ok"),
)


def chat_body(messages: Conversation = TALK, tools: list[dict[str, Any]] | None = None, **options: Any) -> Any:
    return body_of(Api.CHAT, messages, tools or [], options)


def responses_body(messages: Conversation = TALK, tools: list[dict[str, Any]] | None = None, **options: Any) -> Any:
    return body_of(Api.RESPONSES, messages, tools or [], options)


def test_a_chat_request_has_the_conversation_the_tools_and_asks_for_usage() -> None:
    assert chat_body(tools=[TOOL], temperature=0) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "extra_content": {"google": {"thought_signature": "sig"}},
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"x":1}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            {"role": "assistant", "content": "ok"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": TOOL}],
        "temperature": 0,
    }


def test_a_responses_request_has_the_conversation_as_items_and_the_tools() -> None:
    assert responses_body(tools=[TOOL], temperature=0) == {
        "model": "m",
        "input": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "go"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
            {"role": "assistant", "content": "ok"},
        ],
        "stream": True,
        "tools": [{"type": "function", "strict": False, **TOOL}],
        "temperature": 0,
    }


@pytest.mark.parametrize("body", [chat_body, responses_body])
def test_a_request_without_tools_has_no_tools_field(body: Any) -> None:
    assert "tools" not in body()


def test_an_option_replaces_a_field_and_none_removes_it() -> None:
    assert "stream_options" not in chat_body(stream_options=None)
    assert chat_body(stream=False)["stream"] is False
    assert "stream_options" not in chat_body(stream=False)
    assert responses_body(stream=False)["stream"] is False


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_c14_blank_arguments_go_back_as_an_empty_object(blank: str) -> None:
    talk: Conversation = (UserMessage("go"), AssistantMessage("", (ToolCall("c1", Function("f", blank)),)))
    assert chat_body(talk)["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert responses_body(talk)["input"][1]["arguments"] == "{}"


@pytest.mark.parametrize("said", ["", " \n"])
def test_an_answer_that_said_nothing_does_not_go_back_for_some_providers_refuse_it(said: str) -> None:
    talk: Conversation = (UserMessage("go"), AssistantMessage(said, reasoning="hm"), UserMessage("well?"))
    assert [each["content"] for each in chat_body(talk)["messages"]] == ["go", "well?"]


def test_a_call_that_was_not_answered_is_answered_in_the_request() -> None:
    talk = TALK[:3]
    assert chat_body(talk)["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": UNANSWERED}
    assert responses_body(talk)["input"][-1]["output"] == UNANSWERED


def test_c22_c23_nul_and_lone_surrogates_are_replaced_everywhere() -> None:
    bad = "a\0b\ud83c c\ud83c\udfad"
    good = "a�b� c🎭"
    talk: Conversation = (
        UserMessage(bad),
        AssistantMessage(bad, (ToolCall("c", Function("f", bad)),)),
        ToolMessage("c", "f", bad),
    )
    tool = TOOL | {"description": bad}
    for body in (chat_body(talk, [tool], user=bad), responses_body(talk, [tool], user=bad)):
        encoded = json.dumps(body, ensure_ascii=False).encode()
        assert encoded.count(good.encode()) == 6
        assert "\0" not in encoded.decode()


def test_output_items_go_back_in_their_order_and_unchanged() -> None:
    item = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "f",
        "arguments": "old",
        "status": "completed",
    }
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", (CALL,), items=(REASONING, said, item)))
    assert responses_body(talk)["input"][1:4] == [REASONING, said, item | {"arguments": '{"x":1}'}]


def kinds(talk: Conversation, **options: Any) -> list[Any]:
    return [entry.get("type", entry.get("role")) for entry in responses_body(talk, **options)["input"][1:]]


def test_a_call_that_was_removed_from_the_message_does_not_go_back_with_its_reasoning() -> None:
    item = {"type": "function_call", "call_id": "other", "name": "f", "arguments": "{}"}
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", (CALL,), items=(REASONING, item)))
    assert kinds(talk) == ["assistant", "function_call", "function_call_output"]


@pytest.mark.parametrize("stored", [True, False])
def test_reasoning_goes_back_only_right_before_its_next_item(stored: bool) -> None:
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    whole: Conversation = (UserMessage("go"), AssistantMessage("a", items=(REASONING, REASONING, said)))
    cut: Conversation = (UserMessage("go"), AssistantMessage("a", items=(said, REASONING), partial=True))
    assert kinds(whole, store=stored) == ["reasoning", "reasoning", "message"]
    assert kinds(cut, store=stored) == ["message"]


def test_d18_a_custom_call_has_no_output_unless_the_options_offered_its_tool() -> None:
    item = {"type": "custom_tool_call", "call_id": "ct_1", "name": "patch", "input": "free {text"}
    talk: Conversation = (UserMessage("go"), AssistantMessage("", items=(REASONING, item)), UserMessage("well?"))
    assert kinds(talk) == ["reasoning", "custom_tool_call", "user"]
    sent = responses_body(talk, tools=None, tool_choice="auto")["input"]
    assert sent[2] == item
    offered = body_of(Api.RESPONSES, talk, options={"tools": [{"type": "custom", "name": "patch"}]})
    assert offered["input"][3] == {"type": "custom_tool_call_output", "call_id": "ct_1", "output": UNANSWERED}
    assert offered["input"][4]["role"] == "user"


def test_reasoning_that_is_not_stored_is_requested_in_encrypted_form_and_never_referenced() -> None:
    bare = {"type": "reasoning", "id": "rs_2", "summary": []}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", items=(REASONING, bare, said)))
    kept = responses_body(talk)
    assert "include" not in kept
    assert kept["input"][1:] == [REASONING, bare, said]
    sent = responses_body(talk, store=False, include=["file_search_call.results"])
    assert sent["include"] == ["reasoning.encrypted_content", "file_search_call.results"]
    assert sent["input"][1:] == [REASONING, said]


# The reasoning of chat answers


THINKS = ({"type": "chat_reasoning_content"},)


def reasoning_sent(talk: Conversation, field: str = "reasoning_content") -> list[Any]:
    """Return the field of each assistant message in the request, or "none"."""
    return [entry.get(field, "none") for entry in chat_body(talk)["messages"] if entry["role"] == "assistant"]


def test_b14_reasoning_content_goes_back_with_every_answer_of_a_turn_that_called_tools() -> None:
    talk: Conversation = (
        UserMessage("go"),
        AssistantMessage("", (CALL,), reasoning="first", items=THINKS),
        ToolMessage("c1", "f", "done"),
        AssistantMessage("cut", reasoning="then", partial=True),
        UserMessage("and?"),
        AssistantMessage("no tool", reasoning="alone", items=THINKS),
    )
    assert reasoning_sent(talk) == ["first", "then", "none"]
    assert reasoning_sent(talk[:4]) == ["first", "then"]


def test_b14_reasoning_that_came_in_another_field_does_not_go_back() -> None:
    talk: Conversation = (UserMessage("go"), AssistantMessage("", (CALL,), reasoning="thought"))
    assert reasoning_sent(talk) == ["none"]
    assert "reasoning" not in chat_body(talk)["messages"][1]


def test_b14_reasoning_details_go_back_as_they_came() -> None:
    details = [{"type": "reasoning.encrypted", "data": "gAAA", "index": 0}]
    items = ({"type": "chat_reasoning_details", "details": details},)
    talk: Conversation = (UserMessage("go"), AssistantMessage("", (CALL,), items=items))
    assert reasoning_sent(talk, "reasoning_details") == [details]
    assert reasoning_sent(talk) == ["none"]


def test_items_of_one_api_are_not_sent_to_the_other() -> None:
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", (CALL,), reasoning="r", items=(*THINKS, REASONING)))
    assert kinds(talk) == ["assistant", "reasoning", "function_call", "function_call_output"]
    assert reasoning_sent(talk) == ["r"]
    assert "items" not in chat_body(talk)["messages"][1]


@pytest.mark.parametrize("api", Api)
def test_every_api_has_a_dialect_whose_request_can_ask_for_a_form(api: Api) -> None:
    body = body_of(api, TALK, [TOOL], DIALECTS[api].answer_form(FORM))
    assert (body["model"], body["stream"]) == ("m", True)
    assert '"poem"' in json.dumps(body)
