"""The shell of a turn: it carries out the effects of the turn's steps, and passes the results to the next step."""

import asyncio
from collections.abc import Awaitable

from msgspec.structs import replace

from agents.core.deltas import Delta
from agents.core.effects import (
    AwaitDecision,
    CheckAnswer,
    DropTools,
    RunTool,
    SettleCall,
    StartCompletion,
    Summarise,
    Work,
)
from agents.core.errors import Timeout
from agents.core.events import StreamToken
from agents.core.step import steps
from agents.core.turn import Phase, Step, Turn, fail
from agents.streams.model_calls import ModelCalls
from agents.tools.decided_calls import BudgetRuled, BudgetsChanged
from agents.tools.doubtful_calls import Happened


class TurnShell(ModelCalls):
    """The shell of one turn.

    The stream holds the turn's value: the agent may also step it while the shell waits, as when a user steers. The
    shell owns the turn's calls, which end with the shell.
    """

    async def run(self, begun: Step) -> Turn:
        """Run the turn to its end."""
        limit_s = self._config.policy.limits.time_s
        try:
            turn, effects = begun
            self._apply((replace(turn, past=replace(turn.past, before=self._stream.account.session)), effects))
            async with asyncio.timeout(None) as self._deadline:
                self._set_deadline()
                await self._run_to_end()
        except TimeoutError:
            if limit_s is None or not self._deadline.expired():
                raise
            await self._calls.stop()  # before its end is published
            self._apply(fail(self._turn, Timeout("end of the turn", limit_s), self._now_s()))
        finally:
            self._unwatch_budgets()
            self._stream.calls = None
            await self._calls.stop()
        return self._turn

    async def _run_to_end(self) -> None:
        while self._turn.phase is not Phase.ENDED:
            if self._work:
                await self._do(self._work.popleft())
            else:
                await self._take(await self._calls.next())

    async def _take(self, happened: Happened) -> None:
        """Take an event of the calls, or of the wait for a budget."""
        match happened:
            case BudgetRuled(waiting, ruling):
                self._budget_ruled(waiting, ruling)
            case BudgetsChanged():
                await self._look_again()
            case _:
                self._feed(happened)

    async def _do(self, work: Work) -> None:
        """Carry out one effect."""
        match work:
            case StartCompletion():
                await self._complete(work)
            case RunTool():
                fault = await self._stream.durable(before_a_call=True)  # the claim is on disk before the call runs
                if fault is None:
                    await self._calls.run(work)
                else:
                    self._apply(fail(self._turn, fault, self._now_s()))
            case SettleCall(call):
                await self._calls.settle(call)
            case DropTools():
                await self._calls.stop()
                self._calls = self._stream.calls = self._turn_calls(None)
            case CheckAnswer(content):
                assert self._config.answer is not None
                self._feed(self._config.answer.check(content))
            case AwaitDecision():
                await self._wait_again()
            case Summarise():
                await self._within_budgets(work, self._summarise)

    def _on_deltas(self, deltas: list[Delta]) -> Awaitable[None] | None:
        """Take the deltas of one read from the provider. This is the token path: only eager tools wait here."""
        stream = self._stream
        turn = stream.turn
        assert turn is not None
        stream.turn, effects = steps(turn, deltas, self._now_s())
        if len(effects) == 1 and type(token := effects[0]) is StreamToken:  # nearly every read
            stream.publish(token)
        else:
            self._publish(effects)
        return self._start_eager() if self._work and self._turn.phase is Phase.STREAMING else None

    async def _start_eager(self) -> None:
        while self._work and isinstance(self._work[0], RunTool):
            await self._do(self._work.popleft())
