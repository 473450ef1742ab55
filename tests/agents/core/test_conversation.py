"""Conversation: the messages for a provider are well formed in both directions."""

from hypothesis import given
from hypothesis import strategies as st

from agents.core.conversation import (
    UNANSWERED,
    AssistantMessage,
    Function,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    well_formed,
)

ids = st.sampled_from(["a", "b", "c"])
calls = st.lists(ids, unique=True, max_size=3).map(lambda names: tuple(ToolCall(i, Function("f", "{}")) for i in names))
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(SystemMessage, st.text(max_size=3)),
    st.builds(UserMessage, st.text(max_size=3)),
    st.builds(AssistantMessage, st.text(max_size=3), calls),
    st.builds(ToolMessage, ids, st.just("f"), st.text(max_size=3)),
)


@given(st.lists(messages, max_size=12).map(tuple))
def test_each_call_is_followed_by_its_result_and_each_result_has_its_call(conversation: tuple[Message, ...]) -> None:
    open_calls: list[str] = []
    for message in well_formed(conversation):
        if isinstance(message, ToolMessage):
            assert message.tool_call_id == open_calls.pop(0)
        else:
            assert not open_calls
            open_calls = [call.id for call in message.tool_calls] if isinstance(message, AssistantMessage) else []
    assert not open_calls


@given(st.lists(messages, max_size=12).map(tuple))
def test_a_well_formed_conversation_stays_as_it_is(conversation: tuple[Message, ...]) -> None:
    once = well_formed(conversation)
    assert well_formed(once) == once


def test_an_id_that_comes_again_in_a_later_turn_gets_its_own_result() -> None:
    def turn(result: str) -> tuple[Message, ...]:
        return AssistantMessage("", (ToolCall("call_0", Function("f", "{}")),)), ToolMessage("call_0", "f", result)

    conversation = (*turn("first"), UserMessage("again"), *turn("second"))
    assert well_formed(conversation) == conversation


def test_a_call_without_a_result_is_answered_with_the_truth() -> None:
    call = ToolCall("x", Function("f", "{}"))
    said = AssistantMessage("", (call,))
    assert well_formed((said, UserMessage("and?"))) == (said, ToolMessage("x", "f", UNANSWERED), UserMessage("and?"))
