"""Laws of checkpoints in parts: each is as large as what is new, and all of them together are the turn."""

import msgspec
import pytest
from msgspec.structs import replace

from agents.core.checkpoint import TurnCheckpoint, checkpoint
from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.deltas import Delta
from agents.core.effects import Steered
from agents.core.events import ToolResult
from agents.core.limits import Limits
from agents.sessions import Checkpoint, StoreDamaged
from agents.sessions.checkpoints import CheckpointWriter, read_checkpoint
from tests.agents.core.play import FINISHED, Play, calls, text
from tests.agents.sessions.keeping import QUESTION

RESULT = ToolResult("x" * 20_000, value="x" * 20_000)


class Written:
    """The checkpoints of one turn, as a store has them."""

    def __init__(self, saved: TurnCheckpoint | None = None) -> None:
        self.writer = CheckpointWriter(saved)
        self.stored: Checkpoint | None = None

    def add(self, state: TurnCheckpoint) -> int:
        """Write a checkpoint and return the number of its bytes."""
        head, parts = self.writer.written(state)
        self.stored = Checkpoint("t", 0, head, parts=parts).after(self.stored)
        return len(head) + sum(len(part.payload) for part in parts)

    @property
    def state(self) -> TurnCheckpoint:
        assert self.stored is not None
        return read_checkpoint(self.stored)


def one_round(count: int = 1) -> list[Delta]:
    return [*text("Let me see."), *calls(count), FINISHED]


def test_the_checkpoints_of_the_last_round_are_as_large_as_those_of_the_first() -> None:
    life = Play(*[one_round()] * 200, [*text("Done.")], limits=Limits(model_calls=300))
    written = Written()
    sizes: list[int] = []
    for _ in range(200):
        size = written.add(checkpoint(life.turn, (), 1.0))
        life.finish(0, RESULT)
        sizes.append(size + written.add(checkpoint(life.turn, (), 1.0)))
    assert 20_000 < sizes[-1] < sizes[0] + 100
    assert len(written.state.messages) == 1 + 2 * 200
    assert replace(written.state, parts=0) == checkpoint(life.turn, (), 1.0)


def test_each_of_many_results_of_one_model_call_is_written_once() -> None:
    life = Play(one_round(64), [*text("Done.")], limits=Limits(parallel_tools=64))
    written = Written()
    written.add(checkpoint(life.turn, (), 1.0))
    for index in reversed(range(64)):
        life.finish(index, RESULT)
        assert written.add(checkpoint(life.turn, (), 1.0)) < 22_000
    assert written.state.messages == checkpoint(life.turn, (), 1.0).messages


def test_a_claim_and_a_message_that_waits_write_nothing_of_the_turns_past() -> None:
    life = Play(one_round(), one_round(), [*text("Done.")])
    written = Written()
    life.finish(0, RESULT)
    written.add(checkpoint(life.turn, (), 1.0))
    life.happens(Steered("In French."))
    assert written.add(checkpoint(life.turn, (), 1.0)) < 1000
    life.finish(0)
    written.add(checkpoint(life.turn, (), 1.0))
    assert written.state.messages[-1] == UserMessage("In French.")


def test_a_turn_continues_from_a_checkpoint_of_an_older_version_without_parts() -> None:
    life = Play(one_round(2), [*text("Done.")])
    older = msgspec.json.encode(checkpoint(life.turn, (), 1.0))
    saved = read_checkpoint(Checkpoint("t", 0, older))
    assert saved == checkpoint(life.turn, (), 1.0)
    written = Written(saved)
    life.finish(0)
    written.add(checkpoint(life.turn, (), 1.0))
    assert replace(written.state, parts=0) == checkpoint(life.turn, (), 1.0)


def test_messages_that_do_not_follow_from_the_running_calls_are_written_as_they_are() -> None:
    life = Play(one_round(), [*text("Done.")])
    written = Written()
    running = checkpoint(life.turn, (), 1.0)
    written.add(running)
    life.finish(0)
    now = checkpoint(life.turn, (), 1.0)
    assert isinstance(running.executing, AssistantMessage)
    renamed = replace(now, messages=(now.messages[0], replace(running.executing, origin="other"), now.messages[2]))
    written.add(renamed)
    assert replace(written.state, parts=0) == renamed


def test_a_checkpoint_without_one_of_its_parts_is_damaged() -> None:
    written = Written()
    written.add(TurnCheckpoint((UserMessage(QUESTION),)))
    assert written.stored is not None
    with pytest.raises(StoreDamaged, match="expected 1 parts of a checkpoint, got 0"):
        read_checkpoint(replace(written.stored, parts=()))
