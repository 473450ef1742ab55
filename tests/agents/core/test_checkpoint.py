"""A turn that is cut anywhere resumes from disk: the laws of a stream hold over both parts of the turn."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.core.checkpoint import (
    UNKNOWN,
    TurnCheckpoint,
    checkpoint,
    first_checkpoint,
    interrupted,
    resumed,
)
from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage, well_formed
from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta, TextDelta
from agents.core.effects import ApprovalAsked, Effect, RunTool, StartCompletion, Steered, ToolCleared
from agents.core.errors import Interrupted
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamReset,
    StreamStart,
    StreamToolResult,
    ToolResult,
)
from agents.core.limits import Limits
from agents.core.metrics import Tally, metrics
from agents.core.policy import TurnPolicy
from agents.core.published import PublishedPart, log_of
from agents.core.round import ToolFinished
from agents.core.step import step
from agents.core.turn import Past, Phase, Step
from agents.sessions.checkpoints import CheckpointWriter, read_checkpoint
from agents.sessions.records import Checkpoint
from tests.agents.core.play import FINISHED, TWICE, Play, call, calls, check_laws, scripts, text


class Cut(Exception):
    """The program was killed."""


class Disk:
    """The content of the disk at the cut: events, and the last checkpoint. Started calls are counted."""

    def __init__(self, cut_after: int | None = None) -> None:
        self.events: list[Event] = []
        self.checkpoints = CheckpointWriter(None)
        self.saved: Checkpoint | None = None
        self.started: Counter[str] = Counter()
        self.left = cut_after

    def save(self, state: TurnCheckpoint) -> None:
        """Write a checkpoint in parts, as a kept stream does. Reading it returns the same state."""
        if state.is_first:
            assert replace(first_checkpoint("?", self.events), tally=state.tally) == state
            return
        head, parts = self.checkpoints.written(state)
        self.saved = Checkpoint("s", 0, head, parts=parts).after(self.saved)
        assert replace(read_checkpoint(self.saved), parts=0) == state

    def tick(self) -> None:
        """Count one event, and cut the turn at its place."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Cut


class Lived(Play):
    """A turn whose events and checkpoints are written before its work is done, as in the shell."""

    def __init__(self, disk: Disk, *answers: list[Delta], parallel: int = 4, resume: Step | None = None) -> None:
        self.disk = disk
        policy = TurnPolicy(Limits(parallel_tools=parallel), retries=TWICE)
        if resume is None:
            super().__init__(*answers, limits=policy.limits, retries=TWICE)
            return
        self.events, self.running, self.most = [], [], 0
        self.answers, self.asked, self.verdicts = list(answers), [], []
        self.turn, effects = resume
        self.do(effects)

    def do(self, effects: tuple[Effect, ...]) -> None:
        events = [effect for effect in effects if hasattr(effect, "seq")]
        self.disk.events += events  # type: ignore[arg-type]  # events, by their seq
        if len(events) < len(effects) or any(isinstance(event, StreamToolResult) for event in events):
            self.disk.save(checkpoint(self.turn, (), 1.0))
        for effect in effects:
            self.disk.tick()
            if isinstance(effect, RunTool):
                self.disk.started[f"{self.turn.past.spent.model_calls}:{effect.call.index}"] += 1
            super().do((effect,))


def loaded(disk: Disk) -> tuple[TurnCheckpoint, PublishedPart, Past]:
    saved = first_checkpoint("?", disk.events) if disk.saved is None else read_checkpoint(disk.saved)
    disk.checkpoints = CheckpointWriter(saved)
    policy = TurnPolicy(Limits(parallel_tools=4), retries=TWICE)
    return saved, log_of("s", disk.events), Past("agent", (), policy, Tally(5.0))


def killed(cut_after: int, finish: int, *answers: list[Delta]) -> Disk:
    """Return the disk of a turn that was killed after some effects, when `finish` tools had their results."""
    disk = Disk(cut_after)
    try:
        life = Lived(disk, *answers)
        for _ in range(finish):
            if life.running:
                life.finish(life.running[0])
    except Cut:
        pass
    disk.left = None
    return disk


@given(st.data(), scripts(), st.integers(1, 40), st.integers(0, 8), st.booleans())
def test_the_laws_hold_over_a_crash_anywhere(
    data: st.DataObject, rounds: list[list[Delta]], cut_after: int, finish: int, idempotent: bool
) -> None:
    disk = killed(cut_after, finish, *rounds)
    if disk.events and isinstance(disk.events[-1], StreamComplete | StreamError):
        return
    saved, log, past = loaded(disk)
    names = {"search"} if idempotent else set[str]()
    spare: list[list[Delta]] = [[*text("Yes."), FINISHED]] * 9
    life = Lived(disk, *spare, resume=resumed(saved, log, past, idempotent=names, now_s=6.0))
    if data.draw(st.booleans()):
        life.happens(Steered("And?"))
    while life.running:
        life.finish(data.draw(st.sampled_from(life.running)))
    check_laws(disk.events, life.turn)
    assert idempotent or not disk.started or max(disk.started.values()) == 1


@given(scripts(), st.integers(1, 40), st.integers(0, 8))
def test_a_turn_that_is_not_resumed_ends_interrupted_with_all_that_had_arrived(
    rounds: list[list[Delta]], cut_after: int, finish: int
) -> None:
    disk = killed(cut_after, finish, *rounds)
    if disk.events and isinstance(disk.events[-1], StreamComplete | StreamError):
        return
    saved, log, past = loaded(disk)
    turn, effects = interrupted(saved, log, past, 6.0)
    disk.events += effects  # type: ignore[arg-type]  # events, all of them
    check_laws(disk.events, turn)
    end = disk.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == Interrupted()
    assert well_formed(turn.conversation)[0] == UserMessage("?")


def cut_in(*answers: list[Delta], finish: int = 0) -> Disk:
    """Return the disk of a turn that was killed when no more effects came."""
    disk = Disk()
    life = Lived(disk, *answers)
    for index in range(finish):
        life.finish(index, ToolResult(f"result {index}"))
    return disk


def test_the_output_of_a_cut_model_call_is_voided_and_requested_again() -> None:
    disk = cut_in([*text("One. "), *calls(1), FINISHED], text("Tw"), finish=1)
    life = Lived(disk, [*text("Two."), FINISHED], resume=resumed(*loaded(disk), idempotent=(), now_s=6.0))
    reset = next(event for event in life.events if isinstance(event, StreamReset))
    assert (reset.reason, reset.content, reset.attempt) == (Interrupted(), "One. ", 2)
    end = life.events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == "One. Two."


def test_a_result_that_is_on_disk_is_kept_and_its_call_not_run_again() -> None:
    disk = cut_in([*calls(2), FINISHED], finish=1)
    life = Lived(disk, [FINISHED], resume=resumed(*loaded(disk), idempotent={"search"}, now_s=6.0))
    assert life.running == [1]
    life.finish(1, ToolResult("again"))
    assert [each.content for each in life.turn.conversation if isinstance(each, ToolMessage)] == ["result 0", "again"]


def test_a_call_that_was_in_flight_is_unknown_to_the_model_and_never_run_again() -> None:
    disk = cut_in([*calls(2), FINISHED], finish=1)
    life = Lived(disk, [FINISHED], resume=resumed(*loaded(disk), idempotent=(), now_s=6.0))
    assert life.running == []
    told = [each.content for each in life.turn.conversation if isinstance(each, ToolMessage)]
    assert told == ["result 0", UNKNOWN.content]
    assert max(disk.started.values()) == 1


def test_a_call_that_waited_for_its_place_runs_after_the_restart() -> None:
    disk = Disk()
    Lived(disk, [*calls(3), FINISHED], parallel=1)
    life = Lived(disk, [FINISHED], resume=resumed(*loaded(disk), idempotent=(), now_s=6.0))
    assert life.running == [1, 2]
    assert disk.started == {"1:0": 1, "1:1": 1, "1:2": 1}


def test_a_turn_without_published_events_begins_again() -> None:
    disk = cut_in(text())
    disk.events.clear()
    life = Lived(disk, [*text("Hi"), FINISHED], resume=resumed(*loaded(disk), idempotent=(), now_s=6.0))
    check_laws(disk.events, life.turn)
    assert isinstance(life.events[-1], StreamComplete)


def test_a_steering_message_survives_the_cut() -> None:
    disk = Disk()
    life = Lived(disk, [*calls(1), FINISHED], [TextDelta("Half")])
    life.happens(Steered("In French."))
    life.finish(0)
    again = Lived(disk, [*text("Oui."), FINISHED], resume=resumed(*loaded(disk), idempotent=(), now_s=6.0))
    assert UserMessage("In French.") in again.asked[0].conversation


@pytest.mark.parametrize("partial", ["", "half an ans"])
def test_a_partial_answer_stays_in_the_conversation_marked(partial: str) -> None:
    disk = cut_in(text(*([partial] if partial else [])))
    turn, effects = interrupted(*loaded(disk), 6.0)
    end = effects[-1]
    assert isinstance(end, StreamError)
    assert end.content == partial
    kept = (AssistantMessage(partial, partial=True),) if partial else ()
    assert turn.conversation == (UserMessage("?"), *kept)


def test_calls_in_flight_of_an_interrupted_turn_are_unknown_to_the_next_one() -> None:
    disk = cut_in([*call(0, "{}"), FINISHED])
    turn, _ = interrupted(*loaded(disk), 6.0)
    assert turn.conversation[-1] == ToolMessage("call_0", "search", UNKNOWN.content)


def test_a_call_is_claimed_when_its_approval_is_settled_and_not_before() -> None:
    life = Play([*calls(2), FINISHED], approval=frozenset({"search"}))
    assert checkpoint(life.turn, (), 1.0).started == ()
    life.happens(ApprovalAsked(0, 60.0))
    assert checkpoint(life.turn, (), 1.0).started == ()
    life.happens(ToolCleared(1))
    saved = checkpoint(life.turn, (), 1.0)
    assert saved.started == (1,)
    policy = TurnPolicy(Limits(parallel_tools=4), approval=frozenset({"search"}))
    past = Past("agent", (), policy, Tally(5.0))
    turn, effects = resumed(saved, log_of("s", life.events), past, idempotent=(), now_s=6.0)
    assert [each for each in effects if isinstance(each, RunTool)] == [RunTool(life.turn.acc.tool_calls[0])]
    results = [each for each in effects if isinstance(each, StreamToolResult)]
    assert [(each.tool_call.index, each.result) for each in results] == [(1, UNKNOWN)]
    assert turn.past.round.gated == {0}


SECONDS = st.floats(0, 1e6)


@given(SECONDS, SECONDS, SECONDS, SECONDS, SECONDS, SECONDS)
def test_a_tally_in_another_program_counts_the_pause_for_the_turn_and_not_for_its_tools(
    started_s: float, first_s: float, tools_s: float, pause_s: float, boot_s: float, more_s: float
) -> None:
    unix_s = 1.7e9
    tally = Tally(started_s, unix_s, first_token_s=started_s + first_s).executing(started_s + first_s)
    kept_s = started_s + first_s + tools_s
    kept = msgspec.json.decode(msgspec.json.encode(tally.kept(kept_s)), type=Tally)
    again = kept.resumed(boot_s, unix_s + kept_s - started_s + pause_s).executing(boot_s)
    figures = metrics(again.executed(boot_s + more_s), 1, boot_s + more_s)
    assert figures.tool_time_ms == pytest.approx(1000 * (tools_s + more_s), abs=1)
    assert figures.total_time_ms == pytest.approx(1000 * (first_s + tools_s + pause_s + more_s), abs=1)
    assert figures.time_to_first_token_ms == pytest.approx(1000 * first_s, abs=1)
    assert figures.start_time == round(unix_s * 1000)
    assert again.ran_s(boot_s + more_s) == pytest.approx(first_s + tools_s + more_s, abs=0.001)


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    again = Tally(0.0, 1000.0).kept(10.0).resumed(3.0, 900.0)
    assert (again.stopped_s, again.ran_s(3.0)) == (0.0, 10.0)


def test_a_turn_that_was_cut_before_its_first_checkpoint_counts_from_its_begin() -> None:
    events = [StreamStart("agent", stream_id="s", seq=1, at=1000.0)]
    past = Past("agent", (), TurnPolicy(), Tally(5.0, 1010.0))
    turn, effects = resumed(first_checkpoint("?", events), log_of("s", events), past, idempotent=(), now_s=5.0)
    assert turn.conversation == (UserMessage("?"),)
    assert [type(effect) for effect in effects] == [StreamReset, StartCompletion]
    figures = metrics(turn.past.tally, 0, 6.0)
    assert (figures.start_time, figures.total_time_ms) == (1_000_000, 11_000.0)
    assert turn.past.tally.ran_s(6.0) == 1.0


def test_a_checkpoint_of_an_older_version_counts_from_the_restart() -> None:
    saved, log, past = loaded(cut_in([*calls(1), FINISHED]))
    turn, _ = resumed(replace(saved, tally=None), log, past, idempotent={"search"}, now_s=6.0)
    assert turn.past.tally == Tally(5.0, executing_since_s=5.0)


def test_a_turn_that_is_cut_while_it_runs_calls_still_hands_the_clients_calls_back() -> None:
    asked: list[Delta] = [CallStarted(1, "call_1", "client"), CallDelta(1, "{}"), CallDone(1, "{}")]
    play = Play([*call(0, "{}"), *asked, FINISHED], client=frozenset({"client"}))
    writer = CheckpointWriter(None)
    head, parts = writer.written(checkpoint(play.turn, (), 1.0))
    saved = read_checkpoint(Checkpoint("s", 0, head, parts=parts))
    past = Past("agent", (), TurnPolicy(), Tally(0.0))
    turn, effects = resumed(saved, log_of("s", play.events), past, idempotent={"search"}, now_s=2.0)
    assert [effect.call.name for effect in effects if isinstance(effect, RunTool)] == ["search"]
    turn, effects = step(turn, ToolFinished(0, ToolResult("found")), 3.0)
    end = effects[-1]
    assert isinstance(end, StreamComplete)
    assert [each.name for each in end.response.tool_calls] == ["search", "client"]
    assert turn.phase is Phase.ENDED


def test_the_wait_for_a_budget_is_no_time_of_the_turn_in_the_program_that_began_it_and_in_the_next_one() -> None:
    tally = Tally(0.0, 1000.0).waiting(10.0)
    assert tally.ran_s(500.0) == 10.0
    again = msgspec.json.decode(msgspec.json.encode(tally.kept(500.0)), type=Tally).resumed(3.0, 2000.0)
    assert again.ran_s(3.0) == again.ran_s(60.0) == 10.0
    assert again.waited(60.0).ran_s(61.0) == 11.0
    assert again.unix_s(3.0) == 2000.0
