"""Every recorded stream, cut after each of its events: the received text is kept, and no call runs too early."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest

from agents.core.asking import begin
from agents.core.conversation import AssistantMessage, UserMessage
from agents.core.deltas import Delta
from agents.core.effects import Effect, RunTool
from agents.core.errors import ConnectionClosed
from agents.core.events import StreamError
from agents.core.limits import Limits
from agents.core.metrics import Tally
from agents.core.policy import TurnPolicy
from agents.core.retry import RetryPolicy
from agents.core.step import step
from agents.core.turn import Turn
from agents.llm.chat import ChatReader
from agents.llm.reader import StreamReader
from agents.llm.responses import ResponsesReader
from tests.agents.llm.answer import ids
from tests.agents.llm.corpus import Recording, recordings

ONCE = TurnPolicy(retries=RetryPolicy(max_retries=0))
READERS: dict[str, Callable[[Callable[[], str]], StreamReader]] = {"chat": ChatReader, "responses": ResponsesReader}

LINE_END = re.compile(rb"\r\n?")


def events_of(recording: Recording) -> Iterator[bytes]:
    body = LINE_END.sub(b"\n", recording.body)
    return (event + b"\n\n" for event in body.split(b"\n\n") if event.strip())


class Reading:
    """A turn that reads a recording event by event."""

    def __init__(self, reader: StreamReader) -> None:
        self.reader = reader
        self.turn, _ = begin("s", "agent", (UserMessage("go"),), ONCE, Tally(0.0))
        self.effects: list[Effect] = []

    def feed(self, event: bytes) -> None:
        self._step(self.reader.feed(event))

    def cut(self) -> "Reading":
        """Return a copy of the turn after the connection closed here."""
        cut = Reading(deepcopy(self.reader))
        cut.turn, cut.effects = self.turn, []
        cut._step(cut.reader.end())
        return cut

    def _step(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self.turn, effects = step(self.turn, delta, 0.0)
            self.effects += effects

    @property
    def ran(self) -> list[str]:
        return [effect.call.id for effect in self.effects if isinstance(effect, RunTool)]


def answered(turn: Turn) -> str:
    """Return the conversation's part of the answer, which must be marked as partial."""
    message = turn.conversation[-1]
    if isinstance(message, UserMessage):
        return ""
    assert isinstance(message, AssistantMessage)
    assert message.partial
    assert not message.tool_calls
    return message.content


@pytest.mark.parametrize("kind", READERS)
def test_a_recording_cut_after_any_event_keeps_its_text_and_runs_no_call_that_was_not_finished(kind: str) -> None:
    for recording in recordings(kind):
        whole = Reading(READERS[kind](ids()))
        kept: list[str] = []
        for event in events_of(recording):
            whole.feed(event)
            if whole.reader.settled:
                break
            kept.append(interrupted(whole.cut(), recording.name))
        assert not whole.ran or whole.reader.ended, recording.name
        assert all(whole.turn.content.startswith(text) for text in kept), recording.name


def interrupted(cut: Reading, name: str) -> str:
    """Return the text that was kept."""
    outcome = cut.turn.outcome
    assert isinstance(outcome, StreamError), name
    assert outcome.reason == ConnectionClosed(), name
    assert cut.ran == [], name
    assert answered(cut.turn) == outcome.content == cut.turn.content, name
    return outcome.content


@pytest.mark.parametrize("kind", READERS)
def test_a_recording_cut_after_its_finish_runs_its_calls_unless_they_were_cut(kind: str) -> None:
    for recording in recordings(kind):
        whole = Reading(READERS[kind](ids()))
        for event in events_of(recording):
            whole.feed(event)
            if whole.reader.settled:
                break
        cut = whole if whole.reader.ended else whole.cut()
        failed = isinstance(cut.turn.outcome, StreamError)
        calls = [call.id for call in cut.turn.acc.tool_calls]
        assert cut.ran == ([] if failed else calls[: Limits().parallel_tools]), recording.name
