"""A turn as a value: one user message until its final answer.

This module has the parts of a turn's steps that several steps share; step.py decides when they apply.
"""

from enum import Enum
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from agents.core.accumulator import Accumulator
from agents.core.charge import Charge, Totals, charge_of, reported
from agents.core.compacting import estimate
from agents.core.compaction import NOTHING_LEFT_OUT, Compaction
from agents.core.context import text_tokens
from agents.core.conversation import AssistantMessage, Conversation, ToolCall, UserMessage
from agents.core.deltas import Failed, Finished, Usage
from agents.core.effects import Effect
from agents.core.errors import Fault
from agents.core.events import Event, StreamApprovalDecided, StreamComplete, StreamError
from agents.core.limits import Spent, added, cost
from agents.core.metrics import Tally, metrics
from agents.core.parts import Content
from agents.core.policy import Candidate, TurnPolicy
from agents.core.response import Response
from agents.core.retry import Tries
from agents.core.round import Round
from agents.core.waiting import Ruling


class Phase(Enum):
    STREAMING = "streaming"
    EXECUTING = "executing"
    CHECKING = "checking"
    COMPACTING = "compacting"
    WAITING = "waiting"
    ENDED = "ended"


class Past(Struct, frozen=True):
    """The part of a turn that tokens leave unchanged.

    ended_text: the text of ended model calls. tries: those of the present model call. steered: messages that the user
    added since the present model call began. round: the calls of the present model call, once it has ended; before
    that, its eager calls. question: the position of the message that the turn answers. compaction: what the model gets
    in place of a long conversation. compacted: it was made in this turn. asked: the estimated tokens of the last
    request; 0 if they are not needed. refitted: the provider refused this model call as too long.
    charges: those of the model calls that this program has made for the turn. before: the sum of the session's earlier
    ones.
    """

    agent_id: str
    conversation: Conversation
    policy: TurnPolicy
    tally: Tally
    spent: Spent = Spent()
    ended_text: str = ""
    tries: Tries = Tries()
    steered: tuple[Content, ...] = ()
    answer_tries: int = 0
    round: Round = Round()
    calls: tuple[ToolCall, ...] = ()
    question: int = 0
    compaction: Compaction = NOTHING_LEFT_OUT
    compacted: bool = False
    asked: int = 0
    refitted: bool = False
    charges: tuple[Charge, ...] = ()
    before: Totals = Totals()

    @property
    def model(self) -> Candidate:
        """The model that is asked."""
        return self.policy.models[self.tries.route]


class Turn(Struct, frozen=True, gc=False):
    """A turn. acc: the present model call. past: the other state. outcome: the terminal event, once ENDED."""

    phase: Phase
    acc: Accumulator
    past: Past
    outcome: StreamComplete | StreamError | None = None

    @property
    def conversation(self) -> Conversation:
        return self.past.conversation

    @property
    def content(self) -> str:
        """The turn's valid text so far: the joined tokens without those that a stream_reset voided."""
        return self.past.ended_text + self.acc.content


Step: TypeAlias = tuple[Turn, tuple[Effect, ...]]

STREAMING: Final = Phase.STREAMING


def fail(turn: Turn, fault: Fault, now_s: float) -> Step:
    """Return the step that ends the turn with stream_error, in any phase.

    The text that had arrived stays in the conversation, marked as partial.
    """
    if turn.phase is Phase.ENDED:
        return turn, ()
    end = turn.acc.end
    if turn.phase is STREAMING and not isinstance(end, Finished):
        turn = model_call_counted(turn, Usage())
    past, content = turn.past, turn.content
    conversation = past.conversation
    if turn.phase is Phase.EXECUTING:
        conversation = with_results(turn)
    elif turn.acc.content:
        whole = isinstance(end, Finished) and end.complete and not turn.acc.calls
        answer = AssistantMessage(turn.acc.content, reasoning=turn.acc.reasoning, partial=not whole)
        conversation = (*conversation, answer)
    past = replace(
        past, conversation=with_steered(conversation, past), tally=past.tally.executed(now_s).failed(str(fault))
    )
    turn = replace(turn, past=past)
    response = response_of(turn, now_s)
    return ended(turn, StreamError(fault, content, response.metrics, response), now_s)


def response_of(turn: Turn, now_s: float, value: Any = None) -> Response:
    """Return the turn's text, calls and usage so far."""
    acc, past = turn.acc, turn.past
    end = acc.end if isinstance(acc.end, Finished) else None
    return Response(
        turn.content,
        acc.content,
        past.calls,
        None if end is None else end.reason,
        acc.refusal,
        past.spent.usage,
        None if end is None else end.model,
        metrics(past.tally, len(past.calls), now_s),
        value,
        past.spent.cost,
    )


def with_event(turn: Turn, event: Event, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Return the turn after the event, and the event with its place in the stream. now_s: the event's time."""
    acc, at = replace(turn.acc, seq=turn.acc.seq + 1), turn.past.tally.unix_s(now_s)
    event = replace(event, stream_id=acc.stream_id, seq=acc.seq, attempt=acc.attempt, at=at)
    return replace(turn, acc=acc), (event,)


def with_decision(turn: Turn, call: ToolCall, ruling: Ruling, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Return the turn after a decision, and the event of it. call: with the arguments that it runs with."""
    edited = ruling.edited is not None
    event = StreamApprovalDecided(call, ruling.decision, ruling.by, ruling.reason, edited, ruling.grant)
    return with_event(turn, event, now_s)


def ended(turn: Turn, event: StreamComplete | StreamError, now_s: float) -> Step:
    turn, (event,) = with_event(turn, event, now_s)  # type: ignore[assignment]  # the same event, with its place
    return replace(turn, phase=Phase.ENDED, outcome=event), (event,)


def model_call_counted(turn: Turn, usage: Usage) -> Turn:
    """Return the turn with the usage of the ended model call added, and with its charge."""
    turn = charged(turn, usage)
    past, acc = turn.past, turn.acc
    spent, paid = past.spent, cost(usage, past.model.price)
    total = None if paid is None or spent.cost is None else spent.cost + paid
    spent = replace(spent, usage=added(spent.usage, usage), cost=total)
    return replace(turn, past=replace(past, spent=spent, tally=past.tally.heard(acc.tokens, acc.content)))


def charged(turn: Turn, usage: Usage) -> Turn:
    """Return the turn with the charge of its model call. A call that failed before its answer began costs nothing."""
    past, acc = turn.past, turn.acc
    if isinstance(acc.end, Failed) and not (acc.text or acc.thoughts or acc.calls):
        return turn
    counted = reported(usage)
    if not counted:
        usage = _estimated(turn)
    made = charge_of(past.model.name, past.model.price, usage, estimated=not counted)
    return replace(turn, past=replace(past, charges=(*past.charges, made)))


def _estimated(turn: Turn) -> Usage:
    """Return the estimated tokens of the model call so far."""
    past, acc = turn.past, turn.acc
    asked = past.asked or estimate(past.policy.context, past.compaction, past.conversation)
    calls = sum(text_tokens(call.name) + text_tokens(call.arguments) for call in acc.tool_calls)
    answered = text_tokens(acc.content) + text_tokens(acc.reasoning) + calls
    return Usage(round(asked * past.compaction.rate), answered)


def with_results(turn: Turn) -> Conversation:
    """Return the conversation with the model's calls and their results so far."""
    acc, past = turn.acc, turn.past
    items = acc.end.items if isinstance(acc.end, Finished) else ()
    answer = AssistantMessage(acc.content, acc.tool_calls, acc.reasoning, items=items, origin=past.model.origin)
    return (*past.conversation, answer, *past.round.messages())


def with_steered(conversation: Conversation, past: Past) -> Conversation:
    return (*conversation, *map(UserMessage, past.steered))
