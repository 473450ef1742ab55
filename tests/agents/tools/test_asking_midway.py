"""A tool asks a person in the middle of its call, and runs again with the answers so far."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from actors import Pid
from agents import (
    AlreadyDecided,
    CallContext,
    Decided,
    Event,
    InvalidReply,
    OtherKind,
    OtherQuestion,
    Question,
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamToolResult,
    StreamToolStart,
    Tool,
    agent,
    tool,
)
from supervisors.agent_supervisor import start_agent
from tests.agents.scripts import call, calling
from tests.agents.stage import Stage
from tests.agents.tools import asking_midway
from tests.agents.tools.asking_midway import HOW, WHETHER
from tests.agents.turns import Answering, answer_of, turn

SCRIPT = "".join(
    (
        asking_midway.SCRIPT,
        calling("copier", call("copies", path="{user}"), text="So: {result:0}"),
        calling("soon", call("deletes_soon", path="{user}"), text="So: {result:0}"),
        calling("own", call("own"), text="So: {result:0}"),
        calling("boss", call("below", message="{user}")),
    )
)
YES = Question("Sure?", ("yes", "no"))


def answers_of(pid: Pid, *answers: Any) -> Answering:
    """Return what answers the questions of a turn, one after the other."""
    left = iter(answers)

    async def answering(asked: StreamApprovalRequired) -> None:
        assert isinstance(await agent.answer(pid, asked.tool_call.id, next(left)), Decided)

    return answering


async def nothing(_: StreamApprovalRequired) -> None:
    """Give no answer."""


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


@pytest.mark.parametrize(
    ("model", "made", "done"),
    [
        ("cleaner", asking_midway.deletes, "deleted"),
        ("mover", asking_midway.moves, "moved"),
        ("copier", asking_midway.copies, "copied"),
    ],
    ids=["process", "task", "thread"],
)
async def test_a_tool_asks_twice_and_runs_again_with_each_answer(
    stage: Stage, tmp_path: Path, model: str, made: Tool, done: str
) -> None:
    pid, file = await stage.agent(model, tools=[made]), tmp_path / "runs"
    events = await turn(pid, str(file), answers_of(pid, "yes", "fast"))
    assert answer_of(events) == f"So: {done} fast"
    assert file.read_text().splitlines() == [*[f"run 1 of {made.name}"] * 3, f"{done} fast"]
    asked = of(StreamApprovalRequired, events)
    assert [(each.kind, each.question, each.timeout_s) for each in asked] == [
        ("question", WHETHER, 300.0),
        ("question", HOW, 300.0),
    ]
    assert [each.decision for each in of(StreamApprovalDecided, events)] == ["answered", "answered"]
    assert [each.attempt_of_call for each in of(StreamToolStart, events)] == [1, 1, 1]
    (ended,) = of(StreamToolResult, events)
    assert (ended.result.error, ended.result.attempts) == (None, 1)


async def test_a_denied_question_ends_the_call_as_a_denial(stage: Stage, tmp_path: Path) -> None:
    pid = await stage.agent("cleaner", tools=[asking_midway.deletes])

    async def deny(asked: StreamApprovalRequired) -> None:
        assert await agent.deny(pid, asked.tool_call.id, "not now") == Decided(asked.tool_call.id, "denied")

    events = await turn(pid, str(tmp_path / "runs"), deny)
    assert answer_of(events) == "So: error: denied: not now"
    assert len(of(StreamToolStart, events)) == 1
    assert of(StreamToolResult, events)[0].result.error == "denied"


async def test_an_invalid_answer_gets_one_line_and_the_question_still_waits(stage: Stage, tmp_path: Path) -> None:
    pid = await stage.agent("mover", tools=[asking_midway.moves])

    async def refuse(asked: StreamApprovalRequired) -> None:
        id_ = asked.tool_call.id
        for invalid in ("maybe", "", ["yes"]):
            refused = await agent.answer(pid, id_, invalid)
            assert isinstance(refused, InvalidReply)
            assert "\n" not in refused.reason
        assert await agent.approve(pid, id_) == OtherKind(id_, "answer")
        assert await agent.answer(pid, id_, "no") == Decided(id_, "answered")
        assert isinstance(await agent.answer(pid, id_, "no"), AlreadyDecided)

    assert answer_of(await turn(pid, str(tmp_path / "runs"), refuse)) == "So: kept"


async def test_an_answer_to_an_earlier_question_is_no_answer_to_the_next_one(stage: Stage, tmp_path: Path) -> None:
    pid = await stage.agent("mover", tools=[asking_midway.moves])

    async def twice(asked: StreamApprovalRequired) -> None:
        id_, given = asked.tool_call.id, "yes" if asked.question == WHETHER else "safe"
        assert asked.question is not None
        if asked.question != WHETHER:  # the first answer arrives a second time
            late = await agent.answer(pid, id_, "fast", question=WHETHER.text)
            assert late == OtherQuestion(id_, HOW.text)
        assert await agent.answer(pid, id_, given, question=asked.question.text) == Decided(id_, "answered")

    assert answer_of(await turn(pid, str(tmp_path / "runs"), twice)) == "So: moved safe"


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(2))
async def test_after_the_deadline_the_default_is_the_answer_and_without_one_the_call_is_unanswered() -> None:
    seen: list[Any] = []

    @tool(approval_timeout_s=7.0, timeout_s=1.0)
    async def own(call: CallContext) -> str:
        """Ask how and whether."""
        seen.append(call.ask(HOW))
        return str(call.ask(WHETHER))

    events = await turn(await start_agent({"model": "own", "tools": [own]}), "go", nothing)
    assert answer_of(events) == "So: error: nobody answered within 7 s"
    assert of(StreamToolResult, events)[0].result.error == "unanswered"
    assert seen == ["safe"]
    assert [each.decision for each in of(StreamApprovalDecided, events)] == ["expired", "expired"]


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(1))
async def test_an_answer_is_no_retry_and_each_attempt_has_its_own_deadline() -> None:
    runs: list[tuple[int, int]] = []

    @tool(idempotent=True, retries=1, timeout_s=5.0, backoff_s=0.01)
    async def own(call: CallContext) -> str:
        """Fail once, ask, take long, and fail again."""
        runs.append((call.attempt, len(call.answers)))
        await asyncio.sleep(4.0)
        if call.attempt == 1:
            raise OSError("not yet")
        call.ask(YES)
        raise OSError("never")

    pid = await start_agent({"model": "own", "tools": [own]})

    async def late(asked: StreamApprovalRequired) -> None:
        await asyncio.sleep(60.0)
        await agent.answer(pid, asked.tool_call.id, "yes")

    events = await turn(pid, "go", late)
    assert answer_of(events) == "So: error: OSError: never"
    assert runs == [(1, 0), (2, 0), (2, 1)]
    (ended,) = of(StreamToolResult, events)
    assert ended.result.attempts == 2


async def test_a_question_in_a_group_of_tasks_and_in_a_helper_thread_waits_too(stage: Stage) -> None:
    @tool
    async def own(call: CallContext) -> str:
        """Ask where an exception takes a detour."""

        async def first() -> None:
            call.ask(YES)

        async with asyncio.TaskGroup() as group:
            group.create_task(first())
        toppings = await asyncio.to_thread(call.ask, Question("Toppings?", ("nuts", "figs"), several=True))
        return " and ".join(toppings)

    pid = await stage.agent("own", tools=[own])
    assert answer_of(await turn(pid, "go", answers_of(pid, "yes", ["figs", "nuts"]))) == "So: figs and nuts"


async def test_a_question_of_a_sub_agent_is_answered_at_its_caller(stage: Stage, tmp_path: Path) -> None:
    below = agent.as_tool({"model": "mover", "tools": [asking_midway.moves]}, name="below", description="Move.")
    pid = await stage.agent("boss", tools=[below])
    assert answer_of(await turn(pid, str(tmp_path / "runs"), answers_of(pid, "yes", "safe"))) == "So: moved safe"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question(" "), "ValueError: question: expected a text, got an empty one"),
        (Question("Which?", cast("Any", "ab")), "ValueError: question: Expected `array`, got `str` - at `$.choices`"),
        (Question("Which?", ("a", "b"), default="c"), "ValueError: default: expected one of 'a', 'b', got 'c'"),
        (Question("?" * 65_537), "ValueError: question: expected at most 65536 characters with its choices, got 65537"),
        (Question("\ud800?"), "ValueError: question: expected text that UTF-8 can encode"),
        (Question("Which?", timeout_s=-1), "ValueError: timeout_s: expected a number of seconds above 0, got -1"),
        ("Which?", "ValueError: question: Expected `object`, got `str`"),
    ],
)
async def test_a_question_that_no_answer_fits_is_an_error_of_the_tool(stage: Stage, question: Any, words: str) -> None:
    @tool
    async def own(call: CallContext) -> str:
        """Ask what nobody can answer."""
        return str(call.ask(question))

    pid = await stage.agent("own", tools=[own])
    assert answer_of(await turn(pid, "go", nothing)).startswith(f"So: error: {words}")


async def test_an_answer_that_no_longer_fits_is_an_error_of_the_tool(stage: Stage) -> None:
    @tool
    async def own(call: CallContext) -> str:
        """Ask something else in each run."""
        return str(call.ask(Question("Which?", ("new",) if call.answers else ("old",))))

    pid = await stage.agent("own", tools=[own])
    answer = answer_of(await turn(pid, "go", answers_of(pid, "old")))
    assert answer == "So: error: ValueError: answer 1 of the call, to 'Which?': expected one of 'new', got 'old'"


async def test_verify_can_ask_nobody(stage: Stage) -> None:
    def verify(call: CallContext) -> Any:
        return call.ask(YES)

    @tool(verify=verify)
    async def own(call: CallContext) -> str:
        """Ask, and fail."""
        call.ask(YES)
        raise OSError("lost")

    pid = await stage.agent("own", tools=[own])
    answer = answer_of(await turn(pid, "go", answers_of(pid, "yes")))
    assert answer == "So: error: OSError: lost; the call may or may not have taken effect"


def test_a_test_gives_a_tool_its_answers(tmp_path: Path) -> None:
    file = str(tmp_path / "runs")
    assert asking_midway.deletes(file, CallContext(key="k", answers=("yes", "fast"))) == "deleted fast"
    assert asking_midway.deletes(file, CallContext(key="k", answers=("no",))) == "kept"
    several = Question("Toppings?", ("nuts", "figs"), several=True)
    assert CallContext(answers=("figs",)).ask(several) == ("figs",)


def test_a_call_outside_a_turn_that_asks_without_an_answer_is_told_how_to_give_one() -> None:
    call: CallContext = CallContext(answers=("yes",))
    assert call.ask(YES) == "yes"
    with pytest.raises(RuntimeError, match=r"^no turn runs this call.*in a test, give CallContext\(answers=\.\.\.\)$"):
        call.ask(YES)
    with pytest.raises(ValueError, match="answer 1 of the call, to 'Sure\\?': expected one of 'yes', 'no', got 'x'"):
        CallContext(answers=("x",)).ask(YES)
