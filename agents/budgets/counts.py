"""The counts that budgets limit, in memory. A count is read from the store when it is first asked for.

The charges of this program are added as they are recorded. In a cluster, the charges of other nodes are read again
after REFRESH_S. So a budget may be exceeded by what other nodes spend in REFRESH_S and by their model calls under way,
and by an answer that is longer than was reserved for it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from actors.clock import unix_s
from agents.core.budget import Budget, BudgetCount, BudgetOf, Per, Reached, party
from agents.core.budget_question import BudgetQuestion
from agents.core.calendar import day_of, month_of
from agents.core.charge import Charge, Payer, Totals
from agents.sessions import JournalHandle

REFRESH_S: Final = 1.0
LOOK_S: Final = 2.0
"""In a cluster, the longest wait for a change: another node may have added to a budget, and sends no message."""
MOST_COUNTS: Final = 10_000
"""The most counts in memory. Above it, those without a model call under way are dropped, and read again when needed."""


class SpentSums(Struct):
    """Sums of charges, and the amounts that people have added to budgets. allowed: by unit."""

    tokens: int = 0
    cost: float = 0.0
    allowed: dict[str, float] = field(default_factory=dict)

    def of(self, budget: Budget) -> float:
        return self.tokens if budget.tokens else self.cost


class CountSums(Struct):
    """The sums of one count, in memory.

    own: of this program. others: of earlier programs and other nodes. read_at: when the others were read, in Unix
    seconds; None before the first time. reserved: what model calls under way may take.
    """

    own: SpentSums = field(default_factory=SpentSums)
    others: SpentSums = field(default_factory=SpentSums)
    read_at: float | None = None
    reserved_tokens: int = 0
    reserved_cost: float = 0.0

    def reached(self, budget: Budget, count: BudgetCount, following: float) -> Reached:
        """Return the budget as it is before a model call. following: what the call may take."""
        unit = budget.unit
        spent = self.own.of(budget) + self.others.of(budget)
        allowed = self.own.allowed.get(unit, 0.0) + self.others.allowed.get(unit, 0.0)
        reserved = self.reserved_tokens if budget.tokens else self.reserved_cost
        return Reached(budget, count, spent, budget.limit + allowed, following, reserved)

    def reserve(self, ask: Charge, times: int = 1) -> None:
        self.reserved_tokens += times * ask.tokens
        self.reserved_cost += times * (ask.cost or 0.0)


class Reservation(Struct):
    """The share of the budgets that a model call under way may take. Release it at the end of the call."""

    counts: "Counts"
    held: Sequence[CountSums]
    ask: Charge

    def release(self) -> None:
        for each in self.held:
            each.reserve(self.ask, -1)
        self.held = ()
        self.counts.changed()


class Counts:
    """The counts of one program. journal: None if sessions are not kept; then the counts begin at 0."""

    def __init__(self, journal: JournalHandle | None, now: Callable[[], float] = unix_s) -> None:
        self.now = now
        self._journal = journal
        self._held: dict[BudgetCount, CountSums] = {}
        self._reading = asyncio.Lock()
        self._waiters: list[Callable[[], object]] = []
        self._look: asyncio.TimerHandle | None = None

    def charge(self, payer: Payer, charge: Charge) -> None:
        """Record the charge, and add it to the counts."""
        if self._journal is not None:
            self._journal.charge(charge, payer)
        for held in self._counting(payer):
            held.own.tokens += charge.tokens
            held.own.cost += charge.cost or 0.0

    def allow(self, count: BudgetCount, unit: str, session_id: str, amount: float) -> None:
        """Add an amount to the budgets of a count and a unit, as a person has decided."""
        if self._journal is not None:
            self._journal.allow(session_id, count.name, unit, amount)
        if (held := self._held.get(count)) is not None:
            held.own.allowed[unit] = held.own.allowed.get(unit, 0.0) + amount
        self.changed()

    async def session(self, session_id: str, root_session: str) -> Totals:
        """Return the charges that the store has of a session. Raises SessionError."""
        if self._journal is None:
            return Totals()
        from agents.sessions.charges import session_totals

        return await session_totals(self._journal.store, session_id, root_session)

    async def admit(self, payer: Payer, budgets: Sequence[Budget], ask: Charge) -> Reservation | Reached:
        """Reserve what a model call may take, or return the budget that it may exceed.

        A call that fits only when others have ended waits for them. Raises SessionError if the store can't be read.
        """
        while True:
            now = self.now()
            counts = [budget.count(payer, now) for budget in budgets]
            if stale := [count for count in counts if not self._fresh(count, now)]:
                await self._read(stale)
                continue
            held = [self._held[count] for count in counts]
            limits = zip(held, budgets, counts, strict=True)
            found = (each.reached(budget, count, budget.amount(ask)) for each, budget, count in limits)
            reached = next((each for each in found if not each.passes), None)
            if reached is None:
                return self._reserved(held, ask)
            if not reached.waits:
                return reached
            await self._change()

    async def reached(self, payer: Payer, budgets: Sequence[Budget], question: BudgetQuestion) -> bool:
        """Return whether a person still has to decide about a budget. A budget that was removed needs no decision.

        Raises SessionError if the store can't be read.
        """
        count, now = question.counted, self.now()
        same = [each for each in budgets if each.unit == question.unit and each.count(payer, now) == count]
        while same and not self._fresh(count, self.now()):
            await self._read([count])
        found = [self._held[count].reached(each, count, question.next) for each in same]
        return any(not each.passes and not each.waits for each in found)

    def when_changed(self, react: Callable[[], object]) -> None:
        """Call this function once, when an amount becomes free or is allowed; in a cluster, within LOOK_S."""
        self._waiters.append(react)
        if self._look is None and self._journal is not None and self._journal.store.node is not None:
            self._look = asyncio.get_running_loop().call_later(LOOK_S, self.changed)

    def forget(self, react: Callable[[], object]) -> None:
        """Do not call this function any more."""
        if react in self._waiters:
            self._waiters.remove(react)

    def changed(self) -> None:
        """Call the functions that wait for a change."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        waiters, self._waiters = self._waiters, []
        for react in waiters:
            react()

    def _reserved(self, held: Iterable[CountSums], ask: Charge) -> Reservation:
        each_once = list({id(each): each for each in held}.values())
        for each in each_once:
            each.reserve(ask)
        return Reservation(self, each_once, ask)

    async def _change(self) -> None:
        changed = asyncio.get_running_loop().create_future()

        def react() -> None:
            if not changed.done():
                changed.set_result(None)

        self.when_changed(react)
        try:
            await changed
        finally:
            self.forget(react)

    def _counting(self, payer: Payer) -> Iterable[CountSums]:
        """Return the counts in memory to which the payer's charges count."""
        if not self._held:
            return ()
        now = self.now()
        begins = ((Per.TOTAL, 0), (Per.DAY, day_of(now)), (Per.MONTH, month_of(now)))
        wanted = (BudgetCount(of, party(of, payer), *begin) for of in BudgetOf for begin in begins)
        return [self._held[count] for count in wanted if count in self._held]

    def _fresh(self, count: BudgetCount, now: float) -> bool:
        held, journal = self._held.get(count), self._journal
        if held is None or held.read_at is None:
            return False
        return journal is None or journal.store.node is None or now - held.read_at < REFRESH_S

    async def _read(self, counts: Iterable[BudgetCount]) -> None:
        """Read these counts from the store, unless another caller has read them meanwhile."""
        async with self._reading:
            for count in counts:
                if not self._fresh(count, self.now()):
                    await self._read_one(count)

    async def _read_one(self, count: BudgetCount) -> None:
        if (journal := self._journal) is None:
            self._held[count] = CountSums(read_at=self.now())
            return
        from agents.sessions.charges import sums  # it loads SQLAlchemy, which a program without a store does not need

        epoch, held = journal.store.epoch, self._held.get(count)
        if held is None:
            self._make_room()
            held = self._held[count] = CountSums()  # later charges are added from now on
            try:
                await self._read_own(journal, count, held)
            except BaseException:
                del self._held[count]
                raise
        others = await sums(journal.store, count, epoch=epoch)
        held.others = SpentSums(others.tokens, others.cost, others.allowed)
        held.read_at = self.now()

    async def _read_own(self, journal: JournalHandle, count: BudgetCount, held: CountSums) -> None:
        """Add the earlier charges of this program."""
        from agents.sessions.charges import sums

        until = journal.charged
        if until:
            await journal.durable()
            mine = await sums(journal.store, count, epoch=journal.store.epoch, until=until)
            held.own.tokens += mine.tokens
            held.own.cost += mine.cost
            for unit, amount in mine.allowed.items():
                held.own.allowed[unit] = held.own.allowed.get(unit, 0.0) + amount

    def _make_room(self) -> None:
        if len(self._held) >= MOST_COUNTS:
            self._held = {count: held for count, held in self._held.items() if held.reserved_tokens}
