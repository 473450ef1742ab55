"""The process of one turn: it begins a turn or resumes a cut one, and runs it to its end."""

import asyncio

from actors import Task, alive
from actors.clock import now_s, unix_s
from agents.agent_config import AgentConfig
from agents.agent_config.speaking import after, policy_of
from agents.core.asking import begin
from agents.core.checkpoint import interrupted, resumed
from agents.core.compacting import question_in
from agents.core.compaction import Compaction
from agents.core.conversation import Conversation
from agents.core.errors import Fault, HandlerCrashed
from agents.core.metrics import Tally
from agents.core.turn import Past, Step
from agents.parts.store import PartStore
from agents.sessions.cut import Cut
from agents.streams.stream import Stream
from agents.streams.turn_shell import TurnShell


class StreamHandler(Task):
    """The process of one turn.

    An agent starts the handler, is linked to it, and ends the stream if the handler crashes. If the agent has ended,
    the handler ends the stream itself, unless it has ended. opening: the turn's first messages, usually the user's.
    conversation: before the turn. compaction, parts: as in AgentState. cut: the known part of a cut turn.
    """

    def __init__(
        self,
        opening: Conversation,
        stream: Stream,
        config: AgentConfig,
        conversation: Conversation,
        compaction: Compaction,
        parts: PartStore,
        cut: Cut | None = None,
    ) -> None:
        self._opening, self._stream = opening, stream
        self._config = config if cut is None else after(config, cut.saved.messages)
        self._conversation, self._compaction, self._parts, self._cut = conversation, compaction, parts, cut

    async def run(self) -> None:
        try:
            await TurnShell(self._stream, self._config, self._parts, self._cut).run(self._begun())
        except asyncio.CancelledError:
            agent = self._stream.agent
            if agent is None or not alive(agent):
                self._stream.fail(HandlerCrashed("its agent ended"), now_s())
                self._stream.trace.span.end(self._stream.outcome)
            raise

    def _begun(self) -> Step:
        config, cut = self._config, self._cut
        if cut is None or not cut.begun:
            asked = (*self._conversation, *self._opening)
            return begin(self._stream.id, config.id, asked, policy_of(config), new_tally(), self._compaction)
        idempotent = {name for name, tool in config.tools.items() if tool.idempotent}
        past = past_of(config, self._conversation, self._compaction)
        doubtful = _doubtful(cut, config)
        return resumed(cut.saved, cut.log, past, idempotent=idempotent, now_s=now_s(), doubtful=doubtful)


def _doubtful(cut: Cut, config: AgentConfig) -> set[int]:
    """Return the indexes of the calls whose outcome the turn finds out, or lets a person decide."""
    calls = () if cut.saved.executing is None else cut.saved.executing.tool_calls
    tools = {call.index: config.tools.get(call.name) for call in calls}
    asked = {index for index, tool in tools.items() if tool is not None and tool.settles}
    return asked | {index for index in tools if cut.settled(index) is not None}


def interrupt(cut: Cut, fault: Fault, stream: Stream, past: Past) -> Conversation:
    """End a cut turn, and return the conversation with the known part of the turn."""
    stream.turn, events = interrupted(cut.saved, cut.log, past, now_s(), fault)
    stream.charge()
    for event in events:
        stream.publish(event)  # type: ignore[arg-type]  # an interrupted turn has no work left
    return stream.turn.conversation


def past_of(config: AgentConfig, conversation: Conversation, compaction: Compaction) -> Past:
    """Return the past of a turn that begins now. compaction: as in AgentState."""
    question = question_in(conversation)
    return Past(config.id, conversation, policy_of(config), new_tally(), question=question, compaction=compaction)


def new_tally() -> Tally:
    return Tally(now_s(), unix_s())
