"""The steps of a turn: what happens goes into the turn, its events are published, and the rest is work."""

import asyncio
from collections import deque
from collections.abc import Sequence

from actors.clock import clock
from agents.agent_config import AgentConfig
from agents.core.effects import (
    WORK,
    Effect,
    Happened,
    Work,
)
from agents.core.events import TERMINAL, StreamApprovalRequired, StreamSubAgent, StreamToolResult
from agents.core.parts import MediaPart, media_of
from agents.core.round import Round
from agents.core.step import step
from agents.core.turn import Phase, Step, Turn
from agents.hooks.calls import HookedTurn, review_of
from agents.llm.request_encoder import RequestEncoder
from agents.parts.given import Media, content_of
from agents.parts.store import NotKept, PartStore
from agents.sessions import SessionError
from agents.sessions.cut import Cut
from agents.streams.calling_turn import CallingTurn
from agents.streams.put_aside import PutAside
from agents.streams.stream import Stream
from agents.tools.executor import TurnCalls
from agents.tools.review import Review


class TurnSteps:
    """A turn and its work: the effects that are not carried out yet."""

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

    @property
    def _of_hooks(self) -> HookedTurn:
        return HookedTurn(self._config.id, self._config.owner, self._stream.id)

    @property
    def _turn(self) -> Turn:
        turn = self._stream.turn
        assert turn is not None
        return turn

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

    def _feed(self, happened: Happened) -> None:
        self._apply(step(self._turn, happened, self._now_s()))

    def _set_deadline(self) -> None:
        """Set the end of the turn's time. While the turn waits for a decision about a budget, its time stands."""
        limit_s, turn = self._config.policy.limits.time_s, self._turn
        if limit_s is not None:
            left_s = limit_s - turn.past.tally.ran_s(self._now_s())
            waits = turn.phase is Phase.WAITING
            self._deadline.reschedule(None if waits else asyncio.get_running_loop().time() + left_s)

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
                notable = notable or _is_notable(effect) or _takes_claim_back(effect, self._turn.past.round)
        if notable:
            self._stream.checkpoint()


def _is_notable(effect: Effect) -> bool:
    """Return whether the turn got further, by the end of a call or of a sub-agent's turn, or waits for a budget."""
    if type(effect) is StreamApprovalRequired:
        return effect.kind == "budget"
    if type(effect) is StreamSubAgent:
        return isinstance(effect.event, TERMINAL)
    return type(effect) is StreamToolResult


def _takes_claim_back(effect: Effect, running: Round) -> bool:
    """Return whether the event is the question of a call that ran. The call is not claimed while the question waits."""
    return isinstance(effect, StreamApprovalRequired) and running.asks(effect.tool_call.index)
