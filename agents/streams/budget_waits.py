"""The waits of a turn for a person's decision about a budget. They are kept, so they outlive parking and a crash."""

from typing import Final

from actors.clock import unix_s
from agents.budgets.raised import tell_parked
from agents.core.budget import Reached
from agents.core.budget_question import budget_wait, question_of
from agents.core.effects import BudgetDecided, BudgetReached
from agents.core.waiting import Ruling, Waiting
from agents.sessions import SessionError
from agents.streams.budget_check import decided
from agents.streams.turn_steps import TurnSteps

ROOM: Final = "the budget has room again"


class BudgetWaits(TurnSteps):
    """A turn that waits until a person has decided about a budget, the deadline has passed, or there is room again."""

    def _ask_person(self, reached: Reached) -> None:
        at = self._turn.past.tally.unix_s(self._now_s())
        waiting = budget_wait(reached, f"budget-{self._stream.id}-{self._stream.seq}", at)
        self._feed(BudgetReached(waiting))
        self._wait(waiting)
        self._watch_budgets()

    async def _wait_again(self) -> None:
        """Wait on for the decision for which the turn waited when it was cut or parked."""
        waiting = self._stream.waits.of_budget
        if waiting is None:  # an older version kept no question
            self._over(BudgetDecided())
            return
        self._wait(waiting)
        if waiting.deadline > unix_s():
            await self._look_again()

    def _wait(self, waiting: Waiting) -> None:
        self._calls.await_budget(waiting)
        self._set_deadline()

    def _budget_ruled(self, waiting: Waiting, ruling: Ruling) -> None:
        """Act on a decision. The amount that it allows goes to disk with the end of the wait, so it counts once."""
        self._over(decided(self._stream.account, waiting, ruling))
        if ruling.decision == "approved":
            tell_parked(question_of(waiting.call).count)

    async def _look_again(self) -> None:
        """Go on if the budget has room again, since a person has allowed more, or calls of other turns took less."""
        waiting = self._calls.budget
        if waiting is None:
            return
        self._watch_budgets()  # before the look, which may wait for the store
        try:
            reached = await self._stream.account.reached(self._stream.id, question_of(waiting.call))
        except SessionError:
            return
        if not reached and self._calls.withdraw(waiting):
            self._over(BudgetDecided(None, waiting.call, Ruling("approved", unix_s(), reason=ROOM)))

    def _over(self, happened: BudgetDecided) -> None:
        self._unwatch_budgets()
        self._feed(happened)
        self._set_deadline()

    def _watch_budgets(self) -> None:
        if (counts := self._stream.account.counts) is not None:
            counts.when_changed(self._calls.look_again)

    def _unwatch_budgets(self) -> None:
        if (counts := self._stream.account.counts) is not None:
            counts.forget(self._calls.look_again)
