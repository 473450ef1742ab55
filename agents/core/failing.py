"""The steps of a turn after a model call failed: the model is asked again, or the turn ends."""

from typing import Final

from msgspec.structs import replace

from agents.core.accumulator import init_accumulator
from agents.core.asking import ask_model, compact, compacted
from agents.core.charge import charge_of, reported
from agents.core.compacting import estimate, omitted_by, refused
from agents.core.context import ContextStrategy, text_tokens, tokens_in
from agents.core.deltas import Usage
from agents.core.effects import DropTools, Summarised, Work
from agents.core.errors import Fault
from agents.core.events import Event, StreamReset
from agents.core.limits import added, cost
from agents.core.retry import Again, is_too_long, next_try
from agents.core.round import Round
from agents.core.turn import STREAMING, Past, Step, Turn, fail, model_call_counted, with_event

NO_USAGE: Final = Usage(0, 0, 0, 0, 0)


def failed(turn: Turn, fault: Fault, now_s: float) -> Step:
    """The step after a failed model call: ask again if the policy allows it, else end the turn."""
    past, acc = turn.past, turn.acc
    output = bool(acc.text or acc.thoughts or acc.calls)
    again = next_try(past.policy.retries, past.tries, fault, routes=len(past.policy.models), output=output)
    if output:  # its usage is never reported
        past = model_call_counted(turn, Usage()).past
    dropped: tuple[Work, ...] = (DropTools(),) if past.round.started else ()
    past = replace(past, round=Round(), tally=past.tally.failed(str(fault)))
    following = _shorter(replace(turn, past=past), fault, now_s) if _is_fitted(turn, fault, again, output) else None
    if following is None and again is not None:
        following = reset(replace(turn, past=replace(past, tries=again.tries)), fault, again, now_s)
    if following is None:
        return fail(turn, fault, now_s)
    return following[0], (*dropped, *following[1])


def _is_fitted(turn: Turn, fault: Fault, again: Again | None, output: bool) -> bool:
    """Return whether a shorter request is the answer to this fault.

    If the size of the context window is not set, another model is asked first, which may have more room.
    """
    past, policy = turn.past, turn.past.policy
    return (
        is_too_long(fault)
        and not past.refitted
        and policy.context.strategy is not ContextStrategy.FAIL
        and (again is None or policy.context.max_tokens is not None)
        and (not output or policy.retries.after_output)
    )


def reset(turn: Turn, reason: Fault, again: Again, now_s: float) -> Step:
    """Void the output of the present model call, and ask the model again."""
    turn, events = voided(turn, reason, now_s)
    turn, effects = ask_model(turn, now_s, again.at_least_s, again.at_most_s)
    return turn, (*events, *effects)


def voided(turn: Turn, reason: Fault, now_s: float) -> tuple[Turn, tuple[Event, ...]]:
    """Return the turn without the output of the present model call, and the event that says so."""
    acc, past = turn.acc, turn.past
    acc = init_accumulator(acc.stream_id, attempt=acc.attempt + 1, seq=acc.seq)
    return with_event(Turn(STREAMING, acc, past), StreamReset(reason, past.ended_text), now_s)


def _shorter(turn: Turn, fault: Fault, now_s: float) -> Step | None:
    """Return the step that asks again with less of the conversation; None if nothing more can go."""
    past, policy = turn.past, turn.past.policy.context
    asked = past.asked or estimate(policy, past.compaction, past.conversation)
    turn, events = voided(replace(turn, past=replace(past, asked=asked, refitted=True)), fault, now_s)
    following = compact(turn, refused(policy, asked * past.compaction.rate), now_s)
    return None if following is None else (following[0], (*events, *following[1]))


def summarised(turn: Turn, done: Summarised, now_s: float) -> Step:
    """Ask the model with the summary. Its usage counts as the turn's."""
    past = turn.past
    spent, paid = past.spent, cost(done.usage, past.policy.context.price)
    total = None if paid is None or spent.cost is None else spent.cost + paid
    past = replace(past, spent=replace(spent, usage=added(spent.usage, done.usage), cost=total))
    past = _summary_charged(past, done)
    following = replace(done.planned, summary=done.text or past.compaction.summary)
    return compacted(replace(turn, past=past), following, now_s, done.fault)


def _summary_charged(past: Past, done: Summarised) -> Past:
    """Return the past with the charge of a summary, unless no model wrote any of it."""
    if done.usage == NO_USAGE:
        return past
    policy, usage, counted = past.policy.context, done.usage, reported(done.usage)
    if not counted:
        read = omitted_by(past.compaction, done.planned, past.conversation)
        usage = Usage(tokens_in(read), text_tokens(done.text))
    made = charge_of(policy.model, policy.price, usage, estimated=not counted)
    return replace(past, charges=(*past.charges, made))
