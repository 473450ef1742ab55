"""The reasoning of a chat answer, from its deltas into the next request."""

from typing import Any

from agents import agent
from agents.core.conversation import AssistantMessage, Conversation, Function, ToolCall, UserMessage
from agents.core.deltas import Finished
from agents.llm.chat import ChatReader
from agents.llm.endpoint import Api
from tests.agents.llm.answer import answer_of, events, ids
from tests.agents.llm.bodies import body_of
from tests.agents.llm.corpus import recordings
from tests.agents.llm.test_chat_reader import STOP, chunk, text
from tests.agents.stage import Stage

SCRIPT = """
[models.thinker]
turns = [{ steps = [
    { reasoning = "I need the tool.", tool_calls = [{ name = "calculator", arguments = { expression = "6 * 7" } }] },
    { reasoning = "There it is.", text = "42" },
] }]
"""


def finished(body: bytes) -> Finished:
    reader = ChatReader(ids())
    end = answer_of(reader.feed(body) + reader.end()).finished
    assert end is not None
    return end


def details_of(*deltas: list[Any]) -> Any:
    """Return the reasoning_details that go back after these deltas."""
    end = finished(events(*[chunk({"reasoning_details": delta}) for delta in deltas], text("a"), STOP))
    call = ToolCall("c1", Function("f", "{}"))
    talk: Conversation = (UserMessage("go"), AssistantMessage("a", (call,), items=end.items))
    return body_of(Api.CHAT, talk)["messages"][1].get("reasoning_details")


def test_b14_the_field_in_which_reasoning_came_is_noted() -> None:
    def items(field: str) -> tuple[dict[str, Any], ...]:
        return finished(events(chunk({field: "why"}), text("a"), STOP)).items

    assert items("reasoning_content") == ({"type": "chat_reasoning_content"},)
    assert items("reasoning") == items("reasoning_text") == items("refusal") == ()


def test_b14_the_pieces_of_a_reasoning_detail_are_put_together_and_a_signature_kept() -> None:
    piece = {"type": "reasoning.text", "index": 0, "format": "x"}
    assert details_of([{**piece, "text": "a"}], [{**piece, "text": "b"}], [{**piece, "signature": "Evs"}]) == [
        {**piece, "text": "ab", "signature": "Evs"}
    ]
    assert details_of([{**piece, "text": "a", "signature": ""}], [{**piece, "text": "b", "signature": "Evs"}]) == [
        {**piece, "text": "ab", "signature": "Evs"}
    ]


def test_b16_unrelated_details_stay_separate() -> None:
    encrypted = {"type": "reasoning.encrypted", "data": "gAAA", "index": 0}
    summary = {"type": "reasoning.summary", "summary": "Locating", "index": 0}
    assert details_of([summary], [encrypted], [encrypted]) == [summary, encrypted, encrypted]
    assert details_of([summary, {**summary, "index": 1}]) == [summary, {**summary, "index": 1}]
    assert details_of([{"text": 7}, "odd", None, {"text": "a"}]) == [{"text": 7}, {"text": "a"}]
    assert details_of([]) is None


def test_the_details_of_every_recording_say_what_its_reasoning_says() -> None:
    checked = 0
    for recording in recordings("chat"):
        reader = ChatReader(ids())
        answer = answer_of(reader.feed(recording.body) + reader.end())
        for item in answer.finished.items if answer.finished else ():
            details = item.get("details", [])
            said = "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
            assert said in ("", answer.reasoning), recording.name
            checked += bool(said)
    assert checked > 10


async def test_an_answer_that_called_tools_goes_back_with_its_reasoning(stage: Stage) -> None:
    pid = await stage.agent("thinker", tools=["calculator"])
    assert (await agent.chat(pid, "go")).answer == "42"
    await agent.chat(pid, "again")
    said = [each for each in stage.server.requests[-1]["messages"] if each["role"] == "assistant"]
    first = ["I need the tool.", "There it is."]
    assert [each.get("reasoning_content") for each in said] == [*first, "I need the tool."]
