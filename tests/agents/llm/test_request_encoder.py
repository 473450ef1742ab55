"""The encoder of a turn's requests: the same bytes as a new encoder's, with each message encoded once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.slices import at_once
from agents.core.conversation import (
    AssistantMessage,
    Conversation,
    Function,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agents.llm.endpoint import Api, Endpoint
from agents.llm.request_encoder import RequestEncoder
from agents.llm.route import Route
from tests.agents.llm.bodies import body_of

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["\0", "\ud83d", "\ude00", '\\u0000"']
)
DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ITEMS = st.one_of(
    st.just({"type": "chat_reasoning_content"}),
    st.builds(lambda details: {"type": "chat_reasoning_details", "details": [details]}, DATA),
    st.builds(lambda data: {"type": "reasoning", "encrypted_content": "gAAA", "data": data}, DATA),
    st.just({"type": "custom_tool_call", "call_id": "ct", "name": "patch"}),
)
CALLS = st.builds(
    ToolCall,
    st.sampled_from(["a", "b"]),
    st.builds(Function, TEXTS, TEXTS),
    extra=st.none() | st.dictionaries(TEXTS, DATA, max_size=2),
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(SystemMessage, TEXTS),
    st.builds(UserMessage, TEXTS),
    st.builds(ToolMessage, st.sampled_from(["a", "b"]), TEXTS, TEXTS),
    st.builds(
        AssistantMessage,
        TEXTS,
        st.lists(CALLS, max_size=2).map(tuple),
        TEXTS,
        items=st.lists(ITEMS, max_size=2).map(tuple),
    ),
)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"store": False}, {"tools": [{"type": "custom", "name": "patch"}]}, {"tool_choice": "required"}]
)


def pauses(encoder: RequestEncoder, api: Api, talk: Conversation) -> int:
    route = Route(Endpoint("http://127.0.0.1/v1", "key"), "m", api)
    return sum(1 for _ in encoder.body(route, talk, [], stream=True))


@given(st.sampled_from(Api), st.lists(MESSAGES, max_size=12), st.lists(st.integers(0, 12)), st.data())
def test_a_request_after_earlier_ones_is_the_same_as_from_a_new_encoder(
    api: Api, messages: list[Message], lengths: list[int], data: st.DataObject
) -> None:
    encoder = RequestEncoder()
    for length in lengths:
        talk, options = tuple(messages[:length]), data.draw(OPTIONS)
        assert body_of(api, talk, options=options, encoder=encoder) == body_of(api, talk, options=options)


@pytest.mark.parametrize("api", Api)
def test_each_message_is_encoded_once_and_other_code_may_run_after_each(api: Api) -> None:
    encoder = RequestEncoder()
    call = AssistantMessage("", (ToolCall("c", Function("f", "{}")),))
    talk: Conversation = (SystemMessage("be brief"), *(UserMessage(f"question {number}") for number in range(100)))
    assert pauses(encoder, api, talk) == 101
    assert pauses(encoder, api, talk) == 0
    talk += (call, ToolMessage("c", "f", "done"))
    assert pauses(encoder, api, talk) == 2
    assert pauses(encoder, api, (*talk, UserMessage("more"))) == 1


def test_an_answer_that_changes_an_earlier_entry_of_its_turn_has_it_encoded_again() -> None:
    encoder, call = RequestEncoder(), ToolCall("c", Function("f", "{}"))
    talk: Conversation = (
        UserMessage("go"),
        AssistantMessage("", (call,), reasoning="first"),
        ToolMessage("c", "f", "1"),
    )
    assert "reasoning_content" not in body_of(Api.CHAT, talk, encoder=encoder)["messages"][1]
    talk += (AssistantMessage("a", reasoning="then", items=({"type": "chat_reasoning_content"},)),)
    assert body_of(Api.CHAT, talk, encoder=encoder)["messages"][1]["reasoning_content"] == "first"


@pytest.mark.parametrize("api", Api)
def test_another_model_gets_the_same_conversation_in_its_own_form(api: Api) -> None:
    encoder, other = RequestEncoder(), {Api.CHAT: Api.RESPONSES, Api.RESPONSES: Api.CHAT}[api]
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", (ToolCall("c", Function("f", "{}")),)))
    for each in (api, other, api):
        assert body_of(each, talk, encoder=encoder) == body_of(each, talk)


@pytest.mark.parametrize(("api", "field"), [(Api.CHAT, "messages"), (Api.RESPONSES, "input")])
def test_an_option_replaces_the_conversation_or_removes_it(api: Api, field: str) -> None:
    assert body_of(api, (UserMessage("go"),), options={field: ["own"]})[field] == ["own"]
    assert field not in body_of(api, (UserMessage("go"),), options={field: None})
    assert body_of(api, (UserMessage("go"),), options={"model": None, "stream": None}).keys() == {field}


@pytest.mark.parametrize("number", [2**64, -(2**70), 1e300, 0.1, 10**400])
@pytest.mark.parametrize("api", Api)
def test_a_number_of_the_provider_goes_back_exactly(api: Api, number: float) -> None:
    details = {"type": "chat_reasoning_details", "details": [{"n": number}]}
    item = details if api is Api.CHAT else {"type": "reasoning", "encrypted_content": "x", "n": number}
    call = ToolCall("c", Function("f", "{}"))
    body = body_of(api, (UserMessage("go"), AssistantMessage("", (call,), items=(item,))))
    sent = body["messages"][1]["reasoning_details"] if api is Api.CHAT else body["input"][1:2]
    assert sent[0]["n"] == number


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("api", Api)
def test_a_number_that_json_lacks_is_refused_in_messages_and_in_options(api: Api, number: float) -> None:
    item = {"type": "reasoning", "encrypted_content": "x", "n": number}
    call = ToolCall("c", Function("f", "{}"), extra={"n": number})
    said = AssistantMessage("", (call,), items=(item,))
    with pytest.raises(ValueError, match="Out of range float values"):
        body_of(api, (UserMessage("go"), said))
    with pytest.raises(ValueError, match="Out of range float values"):
        body_of(api, (UserMessage("go"),), options={"temperature": number})


class Shout(str):
    """A str of a program's own class."""

    __slots__ = ()


@pytest.mark.parametrize("text", ["\0", "a\ud83d", "\ud83d\ude00", '\\u0000"\n', "ß€😀", Shout("loud")])
@pytest.mark.parametrize("api", Api)
def test_any_text_arrives_with_what_providers_refuse_replaced(api: Api, text: str) -> None:
    safe = {"\0": "\ufffd", "a\ud83d": "a\ufffd", "\ud83d\ude00": "😀"}.get(text, text)
    route = Route(Endpoint("http://127.0.0.1/v1", "key"), "m", api)
    talk = (UserMessage(text), ToolMessage("c", "f", text), AssistantMessage(text))
    at_once(RequestEncoder().body(route, talk, [], stream=True)).decode()
    body = body_of(api, talk)
    assert [each["content"] for each in body["messages" if api is Api.CHAT else "input"]] == [safe, safe]
