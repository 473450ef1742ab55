"""The model calls of a turn, within the budgets and under the hooks of the host."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from random import uniform
from typing import Any, TypeVar

from msgspec.structs import replace

from agents.agent_config.speaking import spoken_by, voiced
from agents.budgets.counts import Reservation
from agents.core.budget import OnBreach, Reached
from agents.core.deltas import Delta
from agents.core.effects import BudgetDecided, StartCompletion, Summarise
from agents.core.errors import Denied, StoreFailed
from agents.core.reviewing import answer_denied, answer_rewritten
from agents.core.turn import Phase, fail
from agents.hooks.models import after_model, before_model
from agents.llm.call import ModelCallEnd, Route, model_call, reader_of
from agents.llm.model_server import server_of
from agents.llm.request_encoder import RequestEncoder
from agents.llm.request_id import our_id
from agents.parts.given import NO_BLOBS
from agents.parts.store import UnknownPart
from agents.sessions import SessionError
from agents.streams.budget_check import admit
from agents.streams.budget_waits import BudgetWaits
from agents.streams.held_answer import HeldAnswer
from agents.streams.summary import summarised
from agents.streams.traced_call import traced
from agents.traces.calls import TracedRequest

W = TypeVar("W", StartCompletion, Summarise)


class ModelCalls(BudgetWaits, ABC):
    """A turn that asks models."""

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
        reader = reader_of(route)
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
            reader=reader,
        )
        await traced(self._reviewed(call, answer, route), request, self._stream, reader)
        self._encoder.blobs = NO_BLOBS

    async def _reviewed(self, call: Coroutine[Any, Any, ModelCallEnd], answer: HeldAnswer | None, route: Route) -> None:
        """Run a model call, and let the hooks decide on its answer, if there are any."""
        await call
        if answer is None:
            return
        if (finished := answer.finished) is None:
            answer.give_up()
            return
        content = await after_model(self._config.hooks, self._of_hooks, route.model, answer.seen)
        if isinstance(content, Denied):
            self._apply(answer_denied(self._turn, content, finished, self._now_s()))
        else:
            if answer.is_shown and content != answer.seen.content:
                self._apply(answer_rewritten(self._turn, self._now_s()))
            answer.publish(content)

    async def _within_budgets(self, work: W, make: Callable[[W], Awaitable[None]]) -> None:
        """Make the model call within the budgets, if they admit it."""
        if not self._stream.account.limited:
            await make(work)
            return
        admitted = await admit(self._stream, self._config, work)
        match admitted:
            case Reservation():
                try:
                    await make(work)
                finally:
                    admitted.release()
            case StoreFailed():
                self._apply(fail(self._turn, admitted, self._now_s()))
            case Reached(budget) if budget.on_breach is OnBreach.FAIL:
                self._feed(BudgetDecided(admitted.fault()))
            case Reached():
                self._ask_person(admitted)

    def _hand_over(self, speaker: str) -> None:
        """Go on as the agent with this name. No call of the former one runs."""
        self._config = spoken_by(self._config, speaker)
        self._calls.use(self._config.tools, self._review())
        self._encoder = RequestEncoder()

    @abstractmethod
    def _on_deltas(self, deltas: list[Delta]) -> Awaitable[None] | None:
        """Take the deltas of one read from the provider."""
