"""The shell of a turn: carries out the effects of its steps, and feeds what happens back in."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from random import uniform

from actors.clock import clock
from agents.agent_config import AgentConfig
from agents.core.deltas import Delta
from agents.core.effects import (
    WORK,
    CheckAnswer,
    DropTools,
    Effect,
    Happened,
    RunTool,
    StartCompletion,
    Work,
)
from agents.core.errors import Timeout
from agents.core.events import StreamToolResult
from agents.core.step import step, steps
from agents.core.turn import Phase, Step, Turn, fail
from agents.llm.call import model_call
from agents.streams.stream import Stream
from agents.tools.executor import Calls


class TurnShell:
    """The turn's value is its stream's: the agent, too, may step it (a user steers) while the shell waits.

    It owns the calls of the turn: they end with it.
    """

    def __init__(self, stream: Stream, config: AgentConfig) -> None:
        self._stream, self._config = stream, config
        self._now_s = clock()
        self._work: deque[Work] = deque()
        self._calls = stream.calls = Calls(config.tools)

    async def run(self, begun: Step) -> Turn:
        """Go on until the turn has ended."""
        limit_s = self._config.policy.limits.time_s
        try:
            self._take(begun)
            left_s = None if limit_s is None else limit_s - self._turn.past.tally.ran_s(self._now_s())
            async with asyncio.timeout(left_s) as deadline:
                await self._go_on()
        except TimeoutError:
            if limit_s is None or not deadline.expired():
                raise
            await self._calls.stop()  # before its end is told
            self._take(fail(self._turn, Timeout("end of the turn", limit_s), self._now_s()))
        finally:
            self._stream.calls = None
            await self._calls.stop()
        return self._turn

    @property
    def _turn(self) -> Turn:
        turn = self._stream.turn
        assert turn is not None
        return turn

    async def _go_on(self) -> None:
        while self._turn.phase is not Phase.ENDED:
            if self._work:
                await self._do(self._work.popleft())
            else:
                self._feed(await self._calls.next())

    async def _do(self, work: Work) -> None:
        """Carry it out. A turn that ends here takes no more work."""
        match work:
            case StartCompletion():
                await self._complete(work)
            case RunTool(call, cleared):
                if (fault := await self._stream.durable()) is None:  # that it will run, before it can have run
                    await (self._calls.run_cleared(call.index) if cleared else self._calls.start(call))
                else:
                    self._take(fail(self._turn, fault, self._now_s()))
            case DropTools():
                await self._calls.stop()
                self._calls = self._stream.calls = Calls(self._config.tools)
            case CheckAnswer(content):
                assert self._config.answer is not None
                self._feed(self._config.answer.check(content))

    async def _complete(self, asked: StartCompletion) -> None:
        """One model call: publish what it says, until its end."""
        if asked.at_most_s:
            await asyncio.sleep(uniform(asked.at_least_s, asked.at_most_s))  # noqa: S311 (jitter, no secret)
        config = self._config
        await model_call(
            config.asked_by(asked.tries.route),
            asked.conversation,
            self._heard,
            tools=config.shown_tools(),
            deadlines=config.deadlines,
            stream=config.stream,
            retry=config.policy.retries,
        )

    def _heard(self, deltas: list[Delta]) -> Awaitable[None] | None:
        """Step through what one read of the provider brought. The token path: nothing here waits, but eager tools."""
        turn, effects = steps(self._turn, deltas, self._now_s())
        self._stream.turn = turn
        self._publish(effects)
        return self._start_eager() if self._work and turn.phase is Phase.STREAMING else None

    async def _start_eager(self) -> None:
        while self._work and isinstance(self._work[0], RunTool):
            await self._do(self._work.popleft())

    def _feed(self, happened: Happened) -> None:
        self._take(step(self._turn, happened, self._now_s()))

    def _take(self, taken: Step) -> None:
        self._stream.turn, effects = taken
        self._publish(effects)

    def _publish(self, effects: tuple[Effect, ...]) -> None:
        """Publish the events; the rest is work, to be done in its order."""
        notable = False
        for effect in effects:
            if type(effect) in WORK:
                self._work.append(effect)  # type: ignore[arg-type]  # just asked
                notable = True
            else:
                self._stream.publish(effect)  # type: ignore[arg-type]  # an event
        if notable or (effects and type(effects[0]) is StreamToolResult):
            self._stream.checkpoint()
