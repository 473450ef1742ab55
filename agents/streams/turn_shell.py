"""The shell of a turn: it carries out the effects of the turn's steps, and passes the results to the next step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import uniform
from typing import Any, TypeVar

from msgspec.structs import replace

from actors.clock import clock
from agents.agent_config import AgentConfig
from agents.agent_config.speaking import spoken_by, voiced
from agents.budgets.counts import Reservation
from agents.core.deltas import Delta
from agents.core.effects import (
    WORK,
    BudgetDecided,
    CheckAnswer,
    DropTools,
    Effect,
    Happened,
    RunTool,
    SettleCall,
    StartCompletion,
    Summarise,
    Work,
)
from agents.core.errors import Denied, StoreFailed, Timeout
from agents.core.events import TERMINAL, StreamSubAgent, StreamToken, StreamToolResult
from agents.core.parts import MediaPart, media_of
from agents.core.reviewing import answer_denied, answer_rewritten
from agents.core.step import step, steps
from agents.core.turn import Phase, Step, Turn, fail
from agents.hooks.calls import HookedTurn, review_of
from agents.hooks.models import after_model, before_model
from agents.llm.call import ModelCallEnd, Route, model_call
from agents.llm.model_server import server_of
from agents.llm.request_encoder import RequestEncoder
from agents.llm.request_id import our_id
from agents.parts.given import NO_BLOBS, Media, content_of
from agents.parts.store import NotKept, PartStore, UnknownPart
from agents.sessions import SessionError
from agents.sessions.cut import Cut
from agents.streams.budget_check import admit
from agents.streams.calling_turn import CallingTurn
from agents.streams.held_answer import HeldAnswer
from agents.streams.put_aside import PutAside
from agents.streams.stream import Stream
from agents.streams.summary import summarised
from agents.streams.traced_call import traced
from agents.tools.executor import TurnCalls
from agents.tools.review import Review
from agents.traces.calls import TracedRequest

W = TypeVar("W", StartCompletion, Summarise)


class TurnShell:
    """The shell of one turn.

    The stream holds the turn's value: the agent may also step it while the shell waits, as when a user steers. The
    shell owns the turn's calls, which end with the shell.
    """

    def __init__(self, stream: Stream, config: AgentConfig, parts: PartStore, cut: Cut | None = None) -> None:
        """Make the shell. cut: the known part of a cut turn."""
        self._stream, self._config, self._parts = stream, config, parts
        self._now_s = clock()
        self._work: deque[Work] = deque()
        self._calls = stream.calls = self._turn_calls(cut)
        self._encoder = RequestEncoder()
        self._deadline = asyncio.timeout(None)

    def _turn_calls(self, cut: Cut | None) -> TurnCalls:
        stream, config = self._stream, self._config
        turn = CallingTurn(stream, config, self._parts, cut)
        return TurnCalls(config.tools, self._keep, turn, stream.trace.span, self._review(), stream.waits)

    def _review(self) -> Review:
        limits = self._config.large_results
        return review_of(self._config.hooks, self._of_hooks, None if limits is None else PutAside(limits, self._parts))

    async def run(self, begun: Step) -> Turn:
        """Run the turn to its end."""
        limit_s = self._config.policy.limits.time_s
        try:
            turn, effects = begun
            self._apply((replace(turn, past=replace(turn.past, before=self._stream.account.session)), effects))
            left_s = None if limit_s is None else limit_s - self._turn.past.tally.ran_s(self._now_s())
            async with asyncio.timeout(left_s) as self._deadline:
                await self._run_to_end()
        except TimeoutError:
            if limit_s is None or not self._deadline.expired():
                raise
            await self._calls.stop()  # before its end is published
            self._apply(fail(self._turn, Timeout("end of the turn", limit_s), self._now_s()))
        finally:
            self._stream.calls = None
            await self._calls.stop()
        return self._turn

    @property
    def _turn(self) -> Turn:
        turn = self._stream.turn
        assert turn is not None
        return turn

    async def _run_to_end(self) -> None:
        while self._turn.phase is not Phase.ENDED:
            if self._work:
                await self._do(self._work.popleft())
            else:
                self._feed(happened := await self._calls.next())
                if type(happened) is BudgetDecided:
                    self._set_deadline()

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
            case Summarise():
                await self._within_budgets(work, self._summarise)

    async def _complete(self, asked: StartCompletion) -> None:
        """Run one model call, and publish its events until its end."""
        if asked.at_most_s:
            await asyncio.sleep(uniform(asked.at_least_s, asked.at_most_s))  # noqa: S311 (jitter, no secret)
        if (speaker := self._turn.past.policy.speaker) != self._config.speaker:
            self._hand_over(speaker)
        await self._within_budgets(asked, self._ask)

    async def _summarise(self, work: Summarise) -> None:
        self._feed(await summarised(work, self._config, self._of_hooks))

    async def _ask(self, asked: StartCompletion) -> None:
        """Ask the model, and publish the events of its answer until its end."""
        config, route = self._config, self._config.asked_by(asked.tries.route)
        conversation = config.request.instructed(voiced(config, asked.conversation))
        if config.hooks.before_model:
            checked = await before_model(config.hooks, self._of_hooks, route.model, conversation)
            if isinstance(checked, Denied):
                self._apply(fail(replace(self._turn, phase=Phase.CHECKING), checked, self._now_s()))
                return
            conversation = checked
        try:
            self._encoder.blobs = await self._parts.get(self._encoder.lacking(route, conversation))
        except (SessionError, UnknownPart) as failed:
            why = failed.for_client if isinstance(failed, SessionError) else str(failed)
            self._apply(fail(self._turn, StoreFailed(why), self._now_s()))
            return
        tools = config.shown_tools()
        request = TracedRequest(
            server_of(route.endpoint), route.model, route.options, config.stream, conversation, tools
        )
        answer = HeldAnswer(self._on_deltas, hold=config.hooks.hold_answer) if config.hooks.after_model else None
        call = model_call(
            route,
            conversation,
            self._on_deltas if answer is None else answer.take,
            tools=tools,
            deadlines=config.deadlines,
            stream=config.stream,
            retry=config.policy.retries,
            encoder=self._encoder,
            first=asked.first,
            request_id=our_id(self._stream.id, self._turn.acc.attempt, self._turn.past.spent.model_calls),
        )
        await traced(call if answer is None else self._reviewed(call, answer, route), request, self._stream)
        self._encoder.blobs = NO_BLOBS

    async def _reviewed(
        self, call: Coroutine[Any, Any, ModelCallEnd], answer: HeldAnswer, route: Route
    ) -> ModelCallEnd:
        """Run a model call, and let the hooks decide on its answer."""
        end = await call
        if (finished := answer.finished) is None:
            answer.give_up()
            return end
        content = await after_model(self._config.hooks, self._of_hooks, route.model, answer.seen)
        if isinstance(content, Denied):
            self._apply(answer_denied(self._turn, content, finished, self._now_s()))
        else:
            if answer.is_shown and content != answer.seen.content:
                self._apply(answer_rewritten(self._turn, self._now_s()))
            answer.publish(content)
        return end

    @property
    def _of_hooks(self) -> HookedTurn:
        return HookedTurn(self._config.id, self._config.owner, self._stream.id)

    async def _within_budgets(self, work: W, make: Callable[[W], Awaitable[None]]) -> None:
        """Make the model call within the budgets, if they admit it."""
        if not self._stream.account.limited:
            await make(work)
            return
        admitted = await admit(self._stream, self._config, work, self._calls)
        match admitted:
            case Reservation():
                try:
                    await make(work)
                finally:
                    admitted.release()
            case StoreFailed():
                self._apply(fail(self._turn, admitted, self._now_s()))
            case _:
                self._feed(admitted)
                self._set_deadline()

    def _set_deadline(self) -> None:
        """Set the end of the turn's time. While the turn waits for a decision about a budget, its time stands."""
        limit_s, turn = self._config.policy.limits.time_s, self._turn
        if limit_s is not None:
            left_s = limit_s - turn.past.tally.ran_s(self._now_s())
            waits = turn.phase is Phase.WAITING
            self._deadline.reschedule(None if waits else asyncio.get_running_loop().time() + left_s)

    def _hand_over(self, speaker: str) -> None:
        """Go on as the agent with this name. No call of the former one runs."""
        self._config = spoken_by(self._config, speaker)
        self._calls.use(self._config.tools, self._review())
        self._encoder = RequestEncoder()

    async def _keep(self, media: Sequence[Media]) -> tuple[MediaPart, ...]:
        """Keep the bytes of a tool's result, and return its parts. Raises NotKept."""
        given = content_of(media)
        if (why := self._config.part_limits.fault(given.content)) is not None:
            raise NotKept(f"the result of the tool: {why}")
        try:
            await self._parts.put(given.blobs)
        except SessionError as failed:
            raise NotKept(failed.for_client) from failed
        return media_of(given.content)

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

    def _feed(self, happened: Happened) -> None:
        self._apply(step(self._turn, happened, self._now_s()))

    def _apply(self, following: Step) -> None:
        self._stream.turn, effects = following
        self._publish(effects)

    def _publish(self, effects: tuple[Effect, ...]) -> None:
        """Publish the events. Queue the other effects as work, in their order."""
        notable = self._stream.charge()
        for effect in effects:
            if type(effect) in WORK:
                self._work.append(effect)  # type: ignore[arg-type]  # checked above
                notable = True
            else:
                self._stream.publish(effect)  # type: ignore[arg-type]  # an event
        if notable or (effects and _ends_a_call(effects[0])):
            self._stream.checkpoint()


def _ends_a_call(effect: Effect) -> bool:
    """Return whether the event ends a call or a sub-agent's turn, so that the turn got further."""
    if type(effect) is StreamSubAgent:
        return isinstance(effect.event, TERMINAL)
    return type(effect) is StreamToolResult
