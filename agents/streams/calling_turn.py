"""The turn that makes calls, as its calls and its sub-agents see it."""

from contextlib import suppress

from msgspec import Struct

from agents.agent_config import AgentConfig
from agents.core.conversation import ToolCall
from agents.core.events import (
    StreamApprovalDecided,
    StreamApprovalRequired,
    StreamFunctionExecutionStart,
    StreamSubAgent,
    StreamToolStart,
)
from agents.core.ledger import call_key
from agents.core.outcome import Outcome
from agents.core.turn import Past
from agents.parts.store import PartStore, UnknownPart
from agents.sessions.cut import Cut
from agents.streams.stream import Stream
from agents.tools.call_context import CallContext


class CallingTurn(Struct, frozen=True):
    """The turn of a stream. config: of its agent. parts: of its session. cut: what is known of a turn that was cut."""

    stream: Stream
    config: AgentConfig
    parts: PartStore
    cut: Cut | None = None

    @property
    def stream_id(self) -> str:
        return self.stream.id

    @property
    def past(self) -> Past:
        """The present past of the turn, which has begun."""
        assert self.stream.turn is not None
        return self.stream.turn.past

    def context(self, call: ToolCall) -> CallContext:
        """Return the context of a call of the present model call, without attempt and deadline."""
        config, past = self.config, self.past
        return CallContext(
            call_id=call.id,
            key=call_key(config.id, self.stream.id, past.spent.model_calls, call.index),
            tool=call.name,
            session_id=config.id,
            stream_id=self.stream.id,
            owner=config.owner,
            agent=past.policy.speaker or config.name,
            path=() if config.parent is None else config.parent.path,
            answers=past.round.answers(call.index) or (),
        )

    def attempts_before(self, call: ToolCall) -> int:
        """Return how often the call of the present model call was begun before this program continued the turn.

        An attempt that asked a person does not count: the attempt goes on after the answer.
        """
        if self.cut is None or self.past.spent.model_calls != self.cut.saved.spent.model_calls:
            return 0
        begun = 0
        for event in self.cut.events:
            if isinstance(event, StreamFunctionExecutionStart):
                begun = 0
            elif isinstance(event, StreamToolStart) and event.tool_call.index == call.index:
                begun += 1
            elif isinstance(event, StreamApprovalRequired) and event.tool_call.index == call.index:
                begun -= event.kind == "question" and begun > 0
        return max(begun, int(call.index in self.cut.saved.started), self.cut.attempts(call.index))

    def edited_before(self, call: ToolCall) -> bool:
        """Return whether a person approved the call with these arguments before this program continued the turn."""
        if self.cut is None or self.past.spent.model_calls != self.cut.saved.spent.model_calls:
            return False
        decided = (each for each in self.cut.events if isinstance(each, StreamApprovalDecided) and each.edited)
        return call in self.cut.saved.rewritten and any(each.tool_call == call for each in decided)

    def settled(self, call: ToolCall) -> Outcome | None:
        """Return the outcome that a person has given to a call that a crash cut; None if nobody has."""
        return None if self.cut is None else self.cut.settled(call.index)

    def seen(self) -> dict[str, int] | None:
        """Return the last seq of each sub-agent's stream that the cut turn has; None for a turn that was not cut."""
        if self.cut is None:
            return None
        return {each.event.stream_id: each.event.seq for each in self.cut.events if isinstance(each, StreamSubAgent)}

    async def kept_result(self, handle: str) -> bytes | None:
        """Return the whole text of a large result; None if the session has none with this handle."""
        with suppress(UnknownPart):
            return (await self.parts.get((handle,)))[handle]
        return None
