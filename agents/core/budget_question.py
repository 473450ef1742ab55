"""A question to a person about a reached budget, as the call that stands for it. Pure."""

import json
from typing import Final

import msgspec
from msgspec import Struct

from agents.core.budget import BudgetCount, Reached
from agents.core.conversation import Function, ToolCall
from agents.core.errors import BudgetExceeded
from agents.core.waiting import Waiting

BUDGET: Final = "budget"
"""The name of the call that stands for a question about a budget."""
INDEX: Final = -1
"""The index of that call: a turn has one at a time, and the model's calls have others."""
SOON_S: Final = 0.05
"""How long after a reset a waiting turn looks again, so that a timer that is early finds the next day."""
AN_AMOUNT: Final = 'expected JSON with an amount above 0, as in {"allow": 1.5}'


class BudgetQuestion(Struct, frozen=True):
    """The arguments of the call. A person may edit the amount.

    question: in words. budget: the count in words, such as "owner ann per day". count: its name in the store. unit,
    spent, limit, next, resets_at: as in BudgetExceeded. allow: the amount that is added after an approval.
    """

    question: str
    budget: str
    count: str
    unit: str
    spent: float
    limit: float
    next: float
    allow: float
    resets_at: float | None = None

    @property
    def counted(self) -> BudgetCount:
        return BudgetCount.named(self.count)

    def fault(self, why: str) -> BudgetExceeded:
        return BudgetExceeded(self.budget, self.unit, self.spent, self.limit, self.next, self.resets_at, why)


def budget_wait(reached: Reached, call_id: str, at: float) -> Waiting:
    """Return the wait for a decision about a reached budget. at: Unix seconds.

    At the deadline the turn ends. If the budget has a reset, that is the deadline, and the turn goes on.
    """
    budget, count = reached.budget, reached.count
    amounts = reached.spent, reached.limit, reached.next, reached.allow
    shown = BudgetQuestion(reached.question, str(count), count.name, budget.unit, *amounts, count.until_s)
    call = ToolCall(call_id, Function(BUDGET, json.dumps(msgspec.to_builtins(shown))), index=INDEX)
    if count.until_s is None:
        return Waiting("budget", call, at, at + budget.wait_s)
    return Waiting("budget", call, at, max(count.until_s + SOON_S, at), "approve")


def question_of(call: ToolCall) -> BudgetQuestion:
    """Return the question for which a call stands. Raises ValueError for a call without one."""
    return msgspec.convert(json.loads(call.arguments), BudgetQuestion)


def amount_of(edited: str) -> float | None:
    """Return the amount of edited arguments; None for arguments that have none."""
    try:
        given = json.loads(edited)
    except ValueError:
        return None
    amount = given.get("allow") if isinstance(given, dict) else None
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < float("inf"):
        return None
    return float(amount)
