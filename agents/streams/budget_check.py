"""The check of a turn's budgets before a model call, and the question to a person if one is reached."""

import json
from collections.abc import Mapping
from typing import Any, Final

from actors.clock import unix_s
from agents.agent_config import AgentConfig
from agents.budgets.account import Account
from agents.budgets.counts import Reservation
from agents.core.budget import OnBreach, Reached
from agents.core.charge import Charge, charge_of
from agents.core.compacting import estimate
from agents.core.conversation import Function, ToolCall
from agents.core.deltas import Usage
from agents.core.effects import BudgetDecided, BudgetReached, StartCompletion, Summarise
from agents.core.errors import StoreFailed
from agents.core.turn import Turn
from agents.core.waiting import Decision
from agents.sessions import SessionError
from agents.streams.stream import Stream
from agents.tools.errors import InvalidArguments
from agents.tools.executor import TurnCalls

BUDGET: Final = "budget"
"""The name of the call that stands for a question about a budget."""
UNKNOWN_ANSWER: Final = 4096
"""The tokens that are reserved for an answer whose maximum is not set."""
MAXIMA: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")
SOON_S: Final = 0.05
"""How long after a reset a waiting turn looks again, so that a timer that is early finds the next day."""
AN_AMOUNT: Final = 'expected JSON with an amount above 0, as in {"allow": 1.5}'


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


class BudgetQuestion:
    """A question to a person about a reached budget. It ends with BudgetDecided.

    call: is shown to the person, and approved or denied as a call.
    """

    def __init__(self, reached: Reached, account: Account, stream_id: str, number: int) -> None:
        budget, count = reached.budget, reached.count
        self._reached, self._account = reached, account
        self._asked_at = unix_s()
        shown = {
            "question": reached.question,
            "budget": str(count),
            "unit": budget.unit,
            "spent": reached.spent,
            "limit": reached.limit,
            "next": reached.next,
            "allow": reached.allow,
            "resets_at": count.until_s,
        }
        self.call = ToolCall(f"budget-{stream_id}-{number}", Function(BUDGET, json.dumps(shown)), index=-1)

    @property
    def timeout_s(self) -> float:
        until_s = self._reached.count.until_s
        return self._reached.budget.wait_s if until_s is None else max(until_s - unix_s(), 0.0) + SOON_S

    def check(self, edited: str) -> None:
        """Raise InvalidArguments if an edited answer has no amount."""
        _amount(edited)

    def decided(self, decision: Decision, reason: str, edited: str | None) -> BudgetDecided:
        """Return the decision for the turn. An approval adds the amount to the budget."""
        waited_s = max(unix_s() - self._asked_at, 0.0)
        if decision == "approved":
            amount = _amount(edited) if edited is not None else self._reached.allow
            assert self._account.counts is not None
            self._account.counts.allow(self._reached, self._account.payer.session_id, amount)
            return BudgetDecided(None, waited_s)
        if decision == "expired" and self._reached.count.until_s is not None:
            return BudgetDecided(None, waited_s)
        return BudgetDecided(self._reached.fault(f"denied: {reason}" if reason else "denied"), waited_s)

    def looks_again(self) -> BudgetDecided:
        """Return the decision that the turn checks its budgets again, since one has changed."""
        return BudgetDecided(None, max(unix_s() - self._asked_at, 0.0))


async def admit(
    stream: Stream, config: AgentConfig, work: StartCompletion | Summarise, calls: TurnCalls
) -> Reservation | BudgetReached | BudgetDecided | StoreFailed:
    """Reserve what a model call may take. If a budget is reached, ask a person or end the turn, by its on_breach.

    The earlier charges and the begin of the turn are on disk before the model is asked.
    """
    turn, account = stream.turn, stream.account
    assert turn is not None
    assert account.counts is not None
    try:
        if (fault := await stream.durable()) is not None:
            return StoreFailed(str(fault)) if not isinstance(fault, StoreFailed) else fault
        admitted = await account.admit(stream.id, asked_of(turn, config, work))
    except SessionError as failed:
        return StoreFailed(failed.for_client)
    if isinstance(admitted, Reservation):
        return admitted
    if admitted.budget.on_breach is OnBreach.FAIL:
        return BudgetDecided(admitted.fault())
    question = BudgetQuestion(admitted, account, stream.id, stream.seq)
    account.counts.when_changed(lambda: calls.withdraw(question, question.looks_again()))
    calls.ask(question, question.timeout_s)
    return BudgetReached(question.call, question.timeout_s)


def _amount(edited: str) -> float:
    try:
        given = json.loads(edited)
    except ValueError:
        given = None
    amount = given.get("allow") if isinstance(given, dict) else None
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < float("inf"):
        raise InvalidArguments(AN_AMOUNT)
    return float(amount)
