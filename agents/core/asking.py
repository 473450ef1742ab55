"""The model calls of a turn: the first one, each following one, and the compaction before a call.

A conversation that became too long for the model's context window is compacted before the model is asked.
"""

from typing import Final

from msgspec.structs import replace

from agents.core.accumulator import init_accumulator
from agents.core.compacting import Room, announced, estimate, omitted_by, plan, question_in, room_of
from agents.core.compaction import NOTHING_LEFT_OUT, Compaction
from agents.core.context import ContextStrategy
from agents.core.conversation import Conversation, addressed
from agents.core.effects import BudgetDecided, BudgetReached, Effect, StartCompletion, Summarise
from agents.core.errors import Fault, LimitReached
from agents.core.events import StreamApprovalRequired, StreamStart
from agents.core.limits import breach
from agents.core.metrics import Tally
from agents.core.policy import TurnPolicy
from agents.core.retry import Tries
from agents.core.round import Round
from agents.core.turn import STREAMING, Past, Phase, Step, Turn, fail, with_decision, with_event, with_steered

SUMMARY_TOKENS: Final = 1000
"""The most tokens of a summary. In a small context window it has at most a quarter of the goal of a compaction."""


def begin(
    stream_id: str,
    agent_id: str,
    conversation: Conversation,
    policy: TurnPolicy,
    tally: Tally,
    compaction: Compaction = NOTHING_LEFT_OUT,
) -> Step:
    """Return the first step of a turn that answers the conversation's last message. tally: a new one.

    compaction: that of the earlier turns.
    """
    past = Past(agent_id, conversation, policy, tally, question=question_in(conversation), compaction=compaction)
    turn, start = opened(stream_id, past)
    turn, effects = ask_model(turn, tally.started_s)
    return turn, (start, *effects)


def opened(stream_id: str, past: Past) -> tuple[Turn, StreamStart]:
    """Return the turn before its first model call, and its first event."""
    at = past.tally.unix_s(past.tally.started_s)
    start = StreamStart(past.agent_id, past.policy.speaker or None, stream_id=stream_id, seq=1, at=at)
    return Turn(STREAMING, init_accumulator(stream_id, seq=1), past), start


def ask_model(turn: Turn, now_s: float, at_least_s: float = 0.0, at_most_s: float = 0.0) -> Step:
    """Return the step that asks the model, after a wait. A conversation that became too long is compacted before."""
    past = turn.past
    window = room_of(past.policy.context)
    if window is not None or past.policy.context.measured:
        asked = estimate(past.policy.context, past.compaction, past.conversation)
        turn = replace(turn, past=replace(past, asked=asked))
        if window is not None and asked * past.compaction.rate > window.limit:
            return compact(turn, window, now_s) or (turn, (start_completion(turn.past, at_least_s, at_most_s),))
    return turn, (start_completion(turn.past, at_least_s, at_most_s),)


def budget_reached(turn: Turn, reached: BudgetReached, now_s: float) -> Step:
    """Return the step after which the turn waits for a person."""
    past = replace(turn.past, tally=turn.past.tally.waiting(now_s))
    asked = reached.waiting
    timeout_s = round(asked.deadline - asked.asked_at, 3)
    required = StreamApprovalRequired(asked.call, timeout_s, asked.deadline, asked.on_timeout, asked.kind)
    return with_event(Turn(Phase.WAITING, turn.acc, past), required, now_s)


def budget_decided(turn: Turn, decided: BudgetDecided, now_s: float) -> Step:
    """Return the step that checks the budgets again and asks the model, or that ends the turn. No model was asked."""
    turn = Turn(Phase.WAITING, turn.acc, replace(turn.past, tally=turn.past.tally.waited(now_s)))
    effects: tuple[Effect, ...] = ()
    if decided.call is not None and decided.ruling is not None:
        turn, effects = with_decision(turn, decided.call, decided.ruling, now_s)
    if decided.fault is not None:
        turn, more = fail(turn, decided.fault, now_s)
    else:
        turn, more = ask_model(Turn(STREAMING, turn.acc, turn.past), now_s)
    return turn, (*effects, *more)


def compact(turn: Turn, window: Room, now_s: float) -> Step | None:
    """Return the step that makes the next request shorter, and asks the model; None if nothing more can go."""
    past, policy = turn.past, turn.past.policy.context
    if policy.strategy is ContextStrategy.FAIL:
        spent = round(past.asked * past.compaction.rate)
        return fail(replace(turn, phase=Phase.COMPACTING), LimitReached("context", round(window.limit), spent), now_s)
    spare = min(SUMMARY_TOKENS, round(window.goal / 4)) if policy.strategy is ContextStrategy.SUMMARISE else 0
    planned = plan(policy, past.compaction, past.conversation, past.question, window, spare)
    if planned == past.compaction:
        return None
    if spare and (omitted := omitted_by(past.compaction, planned, past.conversation)):
        summarise = Summarise(planned, omitted, past.compaction.summary, spare)
        return replace(turn, phase=Phase.COMPACTING), (summarise,)
    return compacted(turn, planned, now_s)


def compacted(turn: Turn, following: Compaction, now_s: float, fault: Fault | None = None) -> Step:
    """Return the step that asks the model with this compaction. fault: as in StreamCompacted."""
    past = turn.past
    asks = estimate(past.policy.context, following, past.conversation)
    event = announced(past.compaction, following, past.conversation, past.asked, asks)
    past = replace(past, compaction=following, compacted=True, asked=asks)
    turn, events = with_event(Turn(STREAMING, turn.acc, past), replace(event, fault=fault), now_s)
    return turn, (*events, start_completion(past))


def start_completion(past: Past, at_least_s: float = 0.0, at_most_s: float = 0.0) -> StartCompletion:
    """Return the effect that asks the model, after a wait."""
    first, sent = past.spent.model_calls == 1, past.compaction.sent(past.conversation)
    return StartCompletion(addressed(sent, past.model.origin), past.tries, at_least_s, at_most_s, first)


def ask_again(turn: Turn, conversation: Conversation, now_s: float) -> Step:
    """Return the step to the next model call, with the messages that the user added."""
    acc, past = turn.acc, turn.past
    if (reached := breach(past.policy.limits, past.spent)) is not None:
        return fail(turn, reached, now_s)
    past = next_model_call(replace(past, ended_text=turn.content), with_steered(conversation, past))
    following = init_accumulator(acc.stream_id, attempt=acc.attempt, seq=acc.seq)
    return ask_model(Turn(STREAMING, following, past), now_s)


def next_model_call(past: Past, conversation: Conversation) -> Past:
    """Return the past of the next model call. It uses the present route: a failed route is not used again in a turn."""
    spent = replace(past.spent, model_calls=past.spent.model_calls + 1)
    tries = Tries(past.tries.route)
    past = replace(past, conversation=conversation, spent=spent, steered=(), tries=tries, round=Round())
    return replace(past, asked=0, refitted=False)
