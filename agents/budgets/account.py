"""The account of an agent: the parties that pay its model calls, and the budgets that limit them."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.budgets.counts import Counts, Reservation
from agents.core.budget import Budget, Reached, in_turn
from agents.core.budget_question import BudgetQuestion
from agents.core.charge import Charge, Payer, Totals


class Account(Struct, frozen=True):
    """An agent's account. payer: without a stream. counts: None if no application runs. session: its charges so far."""

    payer: Payer
    budgets: tuple[Budget, ...] = ()
    counts: Counts | None = None
    session: Totals = Totals()

    @property
    def limited(self) -> bool:
        return self.counts is not None and bool(self.budgets)

    def charge(self, stream_id: str, charges: tuple[Charge, ...]) -> None:
        """Record the charges of a turn."""
        if self.counts is not None:
            payer = in_turn(self.payer, stream_id)
            for each in charges:
                self.counts.charge(payer, each)

    def after(self, charges: tuple[Charge, ...]) -> "Account":
        """Return the account after a turn with these charges."""
        return replace(self, session=self.session.plus(charges)) if charges else self

    async def with_session(self) -> "Account":
        """Return the account with the charges that the store has of the session. Raises SessionError."""
        if self.counts is None:
            return self
        return replace(self, session=await self.counts.session(self.payer.session_id, self.payer.root_session))

    async def admit(self, stream_id: str, ask: Charge) -> Reservation | Reached:
        """Reserve what the turn's next model call may take, or return the budget that it may exceed.

        Raises SessionError if the store can't be read.
        """
        assert self.counts is not None, "expected a limited account"
        return await self.counts.admit(in_turn(self.payer, stream_id), self.budgets, ask)

    async def reached(self, stream_id: str, question: BudgetQuestion) -> bool:
        """Return whether the budget of a question still keeps the turn's model call from being made.

        Raises SessionError if the store can't be read.
        """
        if self.counts is None:
            return False
        return await self.counts.reached(in_turn(self.payer, stream_id), self.budgets, question)

    def allow(self, question: BudgetQuestion, amount: float) -> None:
        """Add an amount to the budget of a question, as a person has decided."""
        if self.counts is not None:
            self.counts.allow(question.counted, question.unit, self.payer.session_id, amount)


NO_ACCOUNT: Final = Account(Payer(None, "", "", "", "", ""))
