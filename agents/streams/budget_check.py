"""The check of a turn's budgets before a model call, and the meaning of a person's decision about one."""

from collections.abc import Mapping
from typing import Any, Final

from agents.agent_config import AgentConfig
from agents.budgets.account import Account
from agents.budgets.counts import Reservation
from agents.core.budget import Reached
from agents.core.budget_question import amount_of, question_of
from agents.core.charge import Charge, charge_of
from agents.core.compacting import estimate
from agents.core.deltas import Usage
from agents.core.effects import BudgetDecided, StartCompletion, Summarise
from agents.core.errors import StoreFailed
from agents.core.turn import Turn
from agents.core.waiting import Ruling, Waiting
from agents.sessions import SessionError
from agents.streams.stream import Stream

UNKNOWN_ANSWER: Final = 4096
"""The tokens that are reserved for an answer whose maximum is not set."""
MAXIMA: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def asked_of(turn: Turn, config: AgentConfig, work: StartCompletion | Summarise) -> Charge:
    """Return what the model call may take: the estimated length of its request, and the longest answer."""
    past = turn.past
    if isinstance(work, Summarise):
        policy = past.policy.context
        read = estimate(policy, past.compaction, work.messages)
        return charge_of(policy.model, policy.price, Usage(read, work.tokens))
    asked = past.asked or estimate(past.policy.context, past.compaction, past.conversation)
    most = longest_answer(config.routes[work.tries.route].options, past.policy.context.reserve)
    return charge_of(past.model.name, past.model.price, Usage(round(asked * past.compaction.rate), most))


def longest_answer(options: Mapping[str, Any], reserve: int) -> int:
    """Return the most tokens of an answer. reserve: those that the context window has for it; 0 if that is unknown."""
    given = (options[name] for name in MAXIMA if isinstance(options.get(name), int))
    return next(given, reserve or UNKNOWN_ANSWER)


def decided(account: Account, waiting: Waiting, ruling: Ruling) -> BudgetDecided:
    """Return the meaning of a decision for the turn. An approval adds the amount to the budget."""
    question, call = question_of(waiting.call), waiting.call
    if ruling.decision == "approved":
        edited = None if ruling.edited is None else amount_of(ruling.edited)
        account.allow(question, question.allow if edited is None else edited)
        return BudgetDecided(None, call if ruling.edited is None else call.edited(ruling.edited), ruling)
    if ruling.decision == "expired" and question.resets_at is not None:
        return BudgetDecided(None, call, ruling)
    why = f"denied: {ruling.reason}" if ruling.reason else "denied"
    return BudgetDecided(question.fault(why), call, ruling)


async def admit(
    stream: Stream, config: AgentConfig, work: StartCompletion | Summarise
) -> Reservation | Reached | StoreFailed:
    """Reserve what a model call may take, or return the budget that is reached.

    The earlier charges and the begin of the turn are on disk before the model is asked.
    """
    turn, account = stream.turn, stream.account
    assert turn is not None
    try:
        if (fault := await stream.durable()) is not None:
            return StoreFailed(str(fault)) if not isinstance(fault, StoreFailed) else fault
        return await account.admit(stream.id, asked_of(turn, config, work))
    except SessionError as failed:
        return StoreFailed(failed.for_client)
