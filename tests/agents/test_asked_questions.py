"""Questions of a turn to a person: each is answered by its id, and the answer is the result of its call."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import (
    AlreadyDecided,
    Decided,
    InvalidReply,
    InvalidTool,
    NotAsked,
    OtherKind,
    Question,
    StreamApprovalRequired,
    StreamToolResult,
    StreamToolStart,
    agent,
    tool,
)
from supervisors.agent_supervisor import start_agent
from tests.agents.sample_tools import pays
from tests.agents.scripts import call, calling
from tests.agents.stage import Stage
from tests.agents.turns import answer_of, turn

NESTED: list[Any] = []
NESTED.append(NESTED)

SCRIPT = "".join(
    (
        calling(
            "host",
            call("ask_user", question="Which colour?", choices=["red", "blue"], default="blue"),
            call("ask_user", question="Your name?"),
            call("ask_user", question="Toppings?", choices=["nuts", "figs"], several=True),
            text="{result:0} / {result:1} / {result:2}",
        ),
        calling("tailor", call("pick_size", article="shirt")),
        calling("payer", call("pays", euros=500)),
        calling(
            "careless",
            call("ask_user", question="Which?", choices=["a", "b"], default="c"),
            call("ask_user", question="Which?", choices=["a", "a"]),
            call("ask_user", question=" "),
            call("ask_user", question="Which?", several=True),
            call("ask_user"),
            text="Sorry.",
        ),
    )
)


@tool(asks=True, approval_timeout_s=5.0)
def pick_size(article: str) -> Question:
    """Ask for a size."""
    return Question(f"Which size of {article}?", ("S", "M"), default="M")


def question_of(event: StreamApprovalRequired) -> Question:
    assert event.question is not None
    return event.question


async def test_each_question_is_answered_by_its_id(stage: Stage, api: str) -> None:
    pid = await stage.agent("host", tools=["ask_user"], api_preference=api)
    asked: list[StreamApprovalRequired] = []

    async def collect(event: StreamApprovalRequired) -> None:
        asked.append(event)
        if len(asked) < 3:
            return
        by_text = {question_of(each).text: each.tool_call.id for each in asked}
        for text, answer in {"Toppings?": ["figs", "nuts"], "Which colour?": "red", "Your name?": "Ada"}.items():
            assert await agent.answer(pid, by_text[text], answer) == Decided(by_text[text], "answered")

    events = await turn(pid, "begin", collect)
    colour, name, toppings = map(question_of, asked)
    assert (colour.choices, colour.default, name.choices, toppings.several) == (("red", "blue"), "blue", (), True)
    assert {each.timeout_s for each in asked} == {86_400.0}
    assert answer_of(events) == 'red / Ada / ["figs","nuts"]'
    values = {each.tool_call.index: each.result.value for each in events if isinstance(each, StreamToolResult)}
    assert values == {0: "red", 1: "Ada", 2: ["figs", "nuts"]}
    assert not any(isinstance(each, StreamToolStart) for each in events)


async def test_an_invalid_answer_gets_one_line_and_the_question_still_waits(stage: Stage) -> None:
    pid = await stage.agent("host", tools=["ask_user"])
    invalid: dict[str, list[Any]] = {
        "Which colour?": ["green", "", ["red"], []],
        "Your name?": ["  ", ["Ada"]],
        "Toppings?": [[], ["nuts", "nuts"], ["nuts", "jam"], "jam"],
    }
    valid = {"Which colour?": "blue", "Your name?": "Bob", "Toppings?": "nuts"}

    async def refuse(event: StreamApprovalRequired) -> None:
        call_id, text = event.tool_call.id, question_of(event).text
        for answer in invalid[text]:
            refused = await agent.answer(pid, call_id, answer)
            assert isinstance(refused, InvalidReply)
            assert refused.reason.startswith("expected ")
            assert "\n" not in refused.reason
        assert await agent.approve(pid, call_id) == OtherKind(call_id, "answer")
        assert await agent.answer(pid, call_id, valid[text], stream_id="other") == NotAsked(call_id)
        assert await agent.answer(pid, call_id, valid[text]) == Decided(call_id, "answered")
        assert await agent.answer(pid, call_id, valid[text]) == AlreadyDecided(call_id, "answered")

    assert answer_of(await turn(pid, "begin", refuse)) == 'blue / Bob / ["nuts"]'


async def test_a_person_may_decline_to_answer(stage: Stage) -> None:
    pid = await stage.agent("host", tools=["ask_user"])

    async def decline(event: StreamApprovalRequired) -> None:
        await agent.deny(pid, event.tool_call.id, "not now")

    declined = "error: denied: not now"
    assert answer_of(await turn(pid, "begin", decline)) == " / ".join([declined] * 3)


async def test_an_approval_can_not_be_answered(stage: Stage) -> None:
    pid = await stage.agent("payer", tools=[pays])
    async for event in agent.stream(pid, "buy"):
        if isinstance(event, StreamApprovalRequired):
            call_id = event.tool_call.id
            assert event.question is None
            assert await agent.answer(pid, call_id, "yes") == OtherKind(call_id, "approval")
            await agent.deny(pid, call_id)


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(3))
async def test_after_the_deadline_the_default_is_the_answer_and_the_model_reads_that_nobody_answered() -> None:
    pid = await start_agent({"model": "host", "tools": ["ask_user"], "limits": {"time": None}})

    async def nothing(event: StreamApprovalRequired) -> None:
        """Give no answer."""

    results = [each.result for each in await turn(pid, "begin", nothing) if isinstance(each, StreamToolResult)]
    by_error = {result.error: result for result in results}
    assert by_error[None].value == "blue"
    assert by_error[None].content == "nobody answered within 86400 s; this is the default answer: blue"
    assert by_error["unanswered"].content == "error: nobody answered within 86400 s"


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(1))
async def test_a_tool_of_a_program_may_ask_with_a_deadline_of_its_own() -> None:
    pid = await start_agent({"model": "tailor", "tools": [pick_size]})
    asked: list[StreamApprovalRequired] = []

    async def note(event: StreamApprovalRequired) -> None:
        asked.append(event)

    events = await turn(pid, "begin", note)
    assert [(question_of(each).text, each.timeout_s) for each in asked] == [("Which size of shirt?", 5.0)]
    assert answer_of(events) == "nobody answered within 5 s; this is the default answer: M"


async def test_a_question_that_no_answer_fits_is_an_error_of_its_call(stage: Stage) -> None:
    pid = await stage.agent("careless", tools=["ask_user"])
    results = [each.result async for each in agent.stream(pid, "ask") if isinstance(each, StreamToolResult)]
    assert {result.error for result in results} == {"invalid_arguments"}
    assert all("expected" in result.content for result in results)


@pytest.mark.parametrize(
    ("text", "choices", "fault"),
    [
        ("Which?", (1, 2), "Expected `str`, got `int`"),
        (object(), (), "Encoding objects of type object is unsupported"),
        ("Which?", NESTED, "maximum recursion depth exceeded while serializing an object"),
    ],
)
async def test_a_faulty_question_of_a_program_is_an_error_of_its_call(
    stage: Stage, text: Any, choices: Any, fault: str
) -> None:
    @tool(asks=True, name="pick_size")
    def faulty(article: str) -> Question:
        """Ask what no person can read."""
        return Question(text, choices)

    pid = await stage.agent("tailor", tools=[faulty])
    (result,) = [each.result async for each in agent.stream(pid, "ask") if isinstance(each, StreamToolResult)]
    assert (result.error, result.content.partition(" - ")[0]) == ("invalid_arguments", f"error: question: {fault}")


async def test_a_tool_that_exits_instead_of_asking_ends_only_its_call(stage: Stage) -> None:
    @tool(asks=True, name="pick_size")
    def exits(article: str) -> Question:
        """End the program."""
        sys.exit(f"no {article}")

    pid = await stage.agent("tailor", tools=[exits])
    (result,) = [each.result async for each in agent.stream(pid, "ask") if isinstance(each, StreamToolResult)]
    assert (result.error, result.content) == ("raised", "error: SystemExit: no shirt")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"eager": True, "idempotent": True}, "eager"),
        ({"requires_approval": True}, "requires_approval"),
        ({"isolation": "process"}, "isolation"),
        ({"asks": "yes"}, "asks"),
    ],
)
def test_a_tool_that_asks_has_no_option_of_a_run(options: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidTool, match=word):
        tool(**{"asks": True, **options})(pick_size.function)


@given(st.lists(st.text(min_size=1).filter(str.strip), unique=True, min_size=1), st.data())
def test_every_choice_is_an_answer_and_nothing_else_is(choices: list[str], data: st.DataObject) -> None:
    question = Question("Which?", tuple(choices))
    assert question.fault(data.draw(st.sampled_from(choices))) is None
    other = data.draw(st.text().filter(lambda text: text not in choices))
    fault = question.fault(other)
    assert fault is not None
    assert "\n" not in fault
