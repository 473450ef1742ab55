"""Requests and answers between nodes: each value is read as it was written, and an unknown one is refused."""

from typing import Any, get_args

import pytest

from agents.agent_config.request import TurnRequest
from agents.cluster.errors import Garbage
from agents.cluster.requests import (
    OPENINGS,
    REQUESTS,
    AskStream,
    FollowStream,
    Opening,
    RemoteRequest,
    SubscribeTo,
    packed_answer,
    packed_request,
    unpacked_answer,
    unpacked_request,
)
from agents.core.conversation import AssistantMessage, Function, SystemMessage, ToolCall, ToolMessage, UserMessage
from agents.core.errors import ContentRefused
from agents.core.events import StreamToken, StreamToolResult, ToolResult
from agents.core.outcome import Happened
from agents.core.parts import ImagePart, TextPart
from agents.core.running_turn import RunningCall, RunningTurn
from agents.instance.elsewhere import Control, ResumeFar, StopFar, SuspendFar
from agents.instance.info import AgentHistory, AgentInfo, StreamInfo
from agents.instance.requests import (
    AgentRequest,
    AnswerQuestion,
    Approve,
    Cancel,
    Deny,
    Follow,
    Full,
    GetConversation,
    GetEvents,
    GetHistory,
    GetInfo,
    GetPart,
    Retire,
    Settle,
    Steer,
)
from agents.llm.endpoint import Api
from agents.tools.approval import AlreadyDecided, Decided, NotAsked, OtherArguments, OtherKind, OtherQuestion
from agents.tools.questions import InvalidReply

IMAGE = ImagePart("ab", "image/png", 5, "cat.png")
REQUEST = TurnRequest(
    (UserMessage("hi"), ToolMessage("c", "look", "7")),
    ({"name": "look", "description": "", "parameters": {"type": "object"}},),
    "Be brief.",
    {Api.CHAT: {"temperature": 0.5}},
    70,
)

CALL = ToolCall("c", Function("f", '{"x": 1}'), extra={"signature": "s"})
TALK = (
    SystemMessage("be kind"),
    UserMessage("half a pair: \ud83d"),
    AssistantMessage("", (CALL,), "thought", items=({"type": "reasoning"},), origin="m"),
    ToolMessage("c", "f", "42"),
)
INFO = AgentInfo("id", "Name", "gpt", "chat", ("f",), "queue", 4, (StreamInfo("s", "running", "streaming", 7),), "ann")
RUNNING = RunningTurn("s", "executing", 7, 1.5, "hi", "text", "", (RunningCall(CALL, "executing", 1),))
EVENTS = (
    StreamToken("a", stream_id="s", seq=1),
    StreamToolResult(CALL, ToolResult("42", {"n": 2**70}), stream_id="s", seq=2),
)

EXCHANGES: list[tuple[RemoteRequest, list[Any]]] = [
    (Cancel("s"), [True, False]),
    (Cancel(), [True]),
    (Steer("more \ud83d", "s"), [True, False, Full(3)]),
    (
        Approve("c", "{}", stream_id="s"),
        [Decided("c", "approved"), AlreadyDecided("c", "expired"), OtherArguments("c", "{}")],
    ),
    (Deny("c", "no"), [Decided("c", "denied"), NotAsked("c")]),
    (Settle("k", Happened({"paid": 5})), [True, False]),
    (
        AnswerQuestion("c", ("x", "y"), "s", question="Which?"),
        [
            Decided("c", "answered"),
            InvalidReply("c", "why"),
            OtherKind("c", "approval"),
            OtherQuestion("c", "Who?"),
        ],
    ),
    (Retire(), [True, False]),
    (StopFar(), [True, False]),
    (SuspendFar(), [True, False]),
    (ResumeFar(), [True, False]),
    (GetInfo(), [INFO]),
    (GetConversation(), [TALK, ()]),
    (GetHistory(), [AgentHistory(INFO, TALK, (1.0, None, 2.5, None), RUNNING), AgentHistory(INFO, (), (), None)]),
    (GetEvents("s"), [EVENTS, (), None]),
    (GetPart("ab"), [b"\x89PNG\xff", None]),
    (Steer((TextPart("Look:"), IMAGE), "s", {"ab": b"\x89PNG\xff"}), [True, ContentRefused("too large")]),
]


def test_every_request_to_an_agent_but_the_follow_has_a_name() -> None:
    assert {request for request, _ in REQUESTS.values()} | {Follow} == {*get_args(AgentRequest), *get_args(Control)}
    assert {type(request) for request, _ in EXCHANGES} | {Follow} == {*get_args(AgentRequest), *get_args(Control)}


@pytest.mark.parametrize(("request_", "answers"), EXCHANGES, ids=lambda each: type(each).__name__)
def test_a_request_and_its_answers_are_read_as_they_were_written(request_: RemoteRequest, answers: list[Any]) -> None:
    assert unpacked_request(packed_request(request_)) == request_
    for answer in answers:
        read = unpacked_answer(request_, packed_answer(answer))
        assert read == answer
        assert type(read) is type(answer)


@pytest.mark.parametrize(
    "opening",
    [
        AskStream("s", "hi \ud83d", {"type": "object"}),
        AskStream("s", (TextPart("Look: \ud83d"), IMAGE), request=REQUEST, blobs={"ab": b"\x89PNG\xff"}),
        FollowStream("s", 7),
        SubscribeTo(),
        SubscribeTo("s", 7),
    ],
)
def test_an_opening_is_read_as_it_was_written(opening: Opening) -> None:
    assert OPENINGS.unpacked(OPENINGS.packed(opening)) == opening


@pytest.mark.parametrize(
    "received", [b"", b"{}", b"teleport\n{}", b"steer\n{}", b"steer\n7", b"steer\n", b"\xff\n{}", b"STEER\n{}"]
)
def test_a_request_of_another_form_is_refused_in_one_line(received: bytes) -> None:
    with pytest.raises(Garbage) as refused:
        unpacked_request(received)
    assert "\n" not in str(refused.value)


def test_a_field_that_a_later_version_adds_is_skipped() -> None:
    assert unpacked_request(b'cancel\n{"stream_id": "s", "why": "late"}') == Cancel("s")


@pytest.mark.parametrize("answer", [Decided("c", "approved"), "text", None])
def test_an_answer_to_another_request_is_refused(answer: Any) -> None:
    with pytest.raises(Garbage):
        unpacked_answer(Steer("more"), packed_answer(answer))
