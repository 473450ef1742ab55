"""Budgets: limits of the tokens or the cost of many model calls, in total, in a UTC day, or in a UTC month. Pure."""

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.calendar import day_of, month_of, next_month
from agents.core.charge import Charge, Payer
from agents.core.errors import BudgetExceeded

DAY_S: Final = 86_400
NEARLY: Final = 1e-9
"""The share of a limit by which a sum of floats may be wrong."""


class BudgetOf(StrEnum):
    """The kind of the party whose model calls a budget limits. Sub-agents count to their caller's TURN and SESSION."""

    OWNER = "owner"
    AGENT = "agent"
    SESSION = "session"
    TURN = "turn"


class Per(StrEnum):
    """The time in which a budget counts: all of it, a day or a month in UTC."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


class OnBreach(StrEnum):
    """The treatment of a turn whose next model call may exceed a budget: a person is asked, or the turn fails."""

    ASK = "ask"
    FAIL = "fail"


class Budget(Struct, frozen=True):
    """A limit of one unit. tokens: the unit is a token of input or output, else the currency of the prices.

    wait_s: how long a turn waits for a person, if the budget has no reset.
    """

    of: BudgetOf
    per: Per
    limit: float
    tokens: bool = False
    on_breach: OnBreach = OnBreach.ASK
    wait_s: float = 300.0

    def count(self, payer: Payer, unix_s: float) -> "BudgetCount":
        """Return the count that the budget limits at this time."""
        begin = {Per.TOTAL: 0, Per.DAY: day_of(unix_s), Per.MONTH: month_of(unix_s)}[self.per]
        return BudgetCount(self.of, party(self.of, payer), self.per, begin)

    def amount(self, charge: Charge) -> float:
        """Return what the charge takes of the budget. A cost that is unknown takes nothing."""
        return charge.tokens if self.tokens else charge.cost or 0.0

    @property
    def unit(self) -> str:
        return "tokens" if self.tokens else "cost"

    def words(self, amount: float) -> str:
        return f"{amount:.0f} tokens" if self.tokens else f"{amount:.2f}" if amount >= 0.1 else f"{amount:.3g}"


class BudgetCount(Struct, frozen=True):
    """A count of charges: those of one party in one time. begin: that of the time, in days since 1970."""

    of: BudgetOf
    party: str
    per: Per
    begin: int

    @property
    def since_s(self) -> float:
        """The begin in Unix seconds."""
        return float(self.begin * DAY_S)

    @property
    def until_s(self) -> float | None:
        """The end in Unix seconds; None for a count without an end."""
        match self.per:
            case Per.TOTAL:
                return None
            case Per.DAY:
                return float((self.begin + 1) * DAY_S)
            case Per.MONTH:
                return float(next_month(self.begin) * DAY_S)

    @property
    def name(self) -> str:
        """The name of this count in the store."""
        return f"{self.of.value}/{self.per.value}/{self.begin}/{self.party}"

    @classmethod
    def named(cls, name: str) -> "BudgetCount":
        """Return the count with this name. Raises ValueError for another text."""
        of, per, begin, party = name.split("/", 3)
        return cls(BudgetOf(of), party, Per(per), int(begin))

    def __str__(self) -> str:
        return f"{self.of.value} {self.party}" + ("" if self.per is Per.TOTAL else f" per {self.per.value}")


class Reached(Struct, frozen=True):
    """A budget that the next model call may exceed.

    spent: in the count so far. limit: with what a person has allowed. next: what the model call may take. reserved:
    what calls of other turns may still take.
    """

    budget: Budget
    count: BudgetCount
    spent: float
    limit: float
    next: float
    reserved: float = 0.0

    @property
    def passes(self) -> bool:
        """Return whether the model call stays within the budget."""
        return self._fits(self.reserved)

    @property
    def waits(self) -> bool:
        """Return whether the model call may stay within the budget once calls of other turns have ended."""
        return not self.passes and self._fits(0.0)

    def _fits(self, reserved: float) -> bool:
        return self.spent + reserved + self.next <= self.limit * (1 + NEARLY)

    @property
    def allow(self) -> float:
        """The amount that a person is asked for: a fifth of the budget, or as much as the model call needs."""
        most = max(self.budget.limit / 5, self.spent + self.reserved + self.next - self.limit)
        return float(round(most)) + (round(most) < most) if self.budget.tokens else round(most, 6)

    @property
    def question(self) -> str:
        words, when = self.budget.words, {Per.TOTAL: "", Per.DAY: " today", Per.MONTH: " this month"}[self.count.per]
        whose = "this turn" if self.count.of is BudgetOf.TURN else f"{self.count.of.value} {self.count.party}"
        return (
            f"{words(self.spent)} of {words(self.limit)} spent{when} by {whose}, and the next model call may take "
            f"{words(self.next)}; allow {words(self.allow)} more?"
        )

    def fault(self, why: str = "") -> BudgetExceeded:
        count, unit = self.count, self.budget.unit
        return BudgetExceeded(str(count), unit, self.spent, self.limit, self.next, count.until_s, why)


def party(of: BudgetOf, payer: Payer) -> str:
    """Return the party of this kind to which the payer's charges count; "" if it has none."""
    match of:
        case BudgetOf.OWNER:
            return payer.owner or ""
        case BudgetOf.AGENT:
            return payer.agent
        case BudgetOf.SESSION:
            return payer.root_session
        case BudgetOf.TURN:
            return payer.root_stream


def in_turn(payer: Payer, stream_id: str) -> Payer:
    """Return the payer of the model calls of this turn. A payer of a sub-agent keeps its root."""
    return replace(payer, stream_id=stream_id, root_stream=payer.root_stream or stream_id)
